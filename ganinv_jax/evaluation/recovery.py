"""How often, and how exactly, latents of small random generators are recovered, about which there are theorems.

A generator is affine maps with Gaussian weights, each with a (leaky) ReLU behind it. Every trial draws one and a latent
of its own, and is a success where the latent's relative error is below SUCCESS. After Lei et al. 2019
(arXiv:1906.07437), Ma et al. (NeurIPS 2018) and Bora et al. 2017 (arXiv:1703.03208).
"""

import dataclasses
import time
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from ganinv_jax.core.errors import InputError
from ganinv_jax.evaluation.pieces import Piece, Pieces
from ganinv_jax.evaluation.plots import Lines
from ganinv_jax.models.mlp import AffineGenerator, random_mlp

SUCCESS = 1e-2  # exact solvers stay below 1e-9, and descent that has arrived below 1e-4
LEAST_NOISE = 1e-6  # that a solver is told of where there is none


@dataclasses.dataclass(frozen=True)
class Problem:
    """sizes, slope: of the generator (see `random_mlp`). noise: the outputs' is uniform within it, either way.

    share: of the outputs that are seen. measurements: how many random sums are seen in place of outputs.
    """

    sizes: tuple[int, ...]
    slope: float = 0.0
    noise: float = 0.0
    share: float = 1.0
    measurements: int | None = None


class Trial(NamedTuple):
    """A problem with numbers. outputs: noisy. bound: of their noise. known: which are seen. matrix: of the sums of
    outputs that are seen, if it is not the outputs."""

    generator: AffineGenerator
    z: Float[np.ndarray, " z"]
    outputs: Float[np.ndarray, " n"]
    bound: float
    known: Bool[np.ndarray, " n"]
    matrix: Float[np.ndarray, "m n"] | None
    seed: int


Solver = Callable[[Trial], Float[np.ndarray, " z"]]
"""From what is seen of a trial to its latent."""


@dataclasses.dataclass(frozen=True)
class Curve:
    """A problem that gets harder. x: its quantity. points: problems by that. solvers: the names of those compared.

    y: the share of successes, or the median relative error of latents or of outputs. logarithmic: axes of the plot.
    """

    x: str
    points: Mapping[float, Problem]
    solvers: tuple[str, ...]
    y: Literal["success", "latent error", "output error"] = "success"
    logarithmic: str = ""

    def thinned(self, count: int | None) -> "Curve":
        """With at most `count` points, the first and the last among them."""
        if count is None or count >= len(self.points):
            return self
        xs = list(self.points)
        kept = np.unique(np.linspace(len(xs) - 1, 0, count).round().astype(int))
        return dataclasses.replace(self, points={xs[i]: self.points[xs[i]] for i in kept})


EXACT = ("LP linf", "LP l1")
DESCENT = "gradient descent"
RESTARTS = (1, 2, 10)  # of csgm; the official script has the latter two
_DIMENSIONS = range(10, 251, 10)
CURVES = {
    "dimension": Curve("latent dimension", {k: Problem((k, 250, 600)) for k in _DIMENSIONS}, (*EXACT, DESCENT)),
    "leaky": Curve("latent dimension", {k: Problem((k, 250, 600), 0.1) for k in _DIMENSIONS}, (*EXACT, DESCENT)),
    "noise": Curve(
        "largest noise",
        {10.0**e: Problem((20, 100, 500), noise=10.0**e) for e in range(-6, 0)},
        (*EXACT, "LP relaxed", DESCENT),
        "latent error",
        "xy",
    ),
    "partial": Curve(
        "share of outputs seen",
        {share / 100: Problem((20, 100, 500), share=share / 100) for share in (5, 10, 15, 20, 25, 30, 40, 50, 75, 100)},
        (*EXACT, DESCENT),
    ),
    "measurements": Curve(
        "measurements",
        {m: Problem((20, 100, 500), measurements=m) for m in (5, 10, 20, 30, 40, 60, 100, 200, 400)},
        tuple(f"csgm, best of {count}" for count in RESTARTS),
        "output error",
        "xy",
    ),
}
"""The papers' networks: [k, 250, 600] with k up to 250 and slope 0 or 0.1, and 20-100-500."""

WIDEST = max(problem.sizes[0] for curve in CURVES.values() for problem in curve.points.values())
"""The largest latent dimension of all."""


def curves_of(names: str, points: int | None = None) -> dict[str, Curve]:
    """Those of a list such as 'noise,partial', or 'all'; thinned to `points`. Raises InputError for unknown ones."""
    chosen = list(CURVES) if names == "all" else [name.strip() for name in names.split(",")]
    for name in chosen:
        if name not in CURVES:
            raise InputError(f"--curves must be 'all' or some of {','.join(CURVES)}, but it has {name!r}.")
    return {name: CURVES[name].thinned(points) for name in chosen}


def draw(problem: Problem, seed: int) -> Trial:
    """The trial of a seed."""
    random = np.random.RandomState(2**31 + seed)  # another stream than that of the weights
    generator, z = random_mlp(problem.sizes, seed, problem.slope), random.randn(problem.sizes[0])
    count = problem.sizes[-1]
    outputs = generator(z) + problem.noise * random.uniform(-1, 1, count)
    known = random.permutation(count) < max(1, round(problem.share * count))
    sums = None if problem.measurements is None else random.randn(problem.measurements, count) / np.sqrt(count)
    return Trial(generator, z, outputs, max(problem.noise, LEAST_NOISE), known, sums, seed)


def score_curve(
    curve: Curve,
    solvers: Mapping[str, Solver],
    trials: int,
    pieces: Pieces,
    report: Callable[[int], None] = lambda done: None,
) -> dict[str, Piece]:
    """Of every solver of the curve, a row a point: 'latent error' and 'output error' [points, trials], relative, and
    'seconds'. report: called with the number of trials done."""
    rows = []
    for index, problem in enumerate(curve.points.values()):

        def score(problem: Problem = problem, before: int = index * trials) -> Piece:
            found = []
            for seed in range(trials):
                trial = draw(problem, seed)
                found.append(np.array([_score(solvers[name], trial) for name in curve.solvers]))
                report(before + seed + 1)
            return {"scores": np.stack(found)}  # [trials, solvers, 3]

        rows.append(pieces.get(f"point-{index:03}", score)["scores"])
        report((index + 1) * trials)
    scores = np.stack(rows)
    return {
        name: {figure: scores[:, :, i, j] for j, figure in enumerate(("latent error", "output error", "seconds"))}
        for i, name in enumerate(curve.solvers)
    }


def summary(name: str, curve: Curve, scores: Mapping[str, Piece]) -> dict[str, dict[str, float]]:
    """Figures by solver: the curve's value at every point, and the seconds of a trial, the median over all."""
    return {
        solver: {f"{name} {x:g}": float(y) for x, y in zip(curve.points, _values(curve, piece), strict=True)}
        | {f"{name} seconds": float(np.median(piece["seconds"]))}
        for solver, piece in scores.items()
    }


def plot(curve: Curve, scores: Mapping[str, Piece]) -> Lines:
    """The curve, a line a solver."""
    series = {name: (list(curve.points), list(_values(curve, piece))) for name, piece in scores.items()}
    what = "share of successes" if curve.y == "success" else f"median relative {curve.y}"
    return Lines(curve.x, what, series, curve.logarithmic)


def _score(solve: Solver, trial: Trial) -> tuple[float, float, float]:
    started = time.perf_counter()
    z = solve(trial)
    seconds = time.perf_counter() - started
    return _relative(z, trial.z), _relative(trial.generator(z), trial.generator(trial.z)), seconds


def _relative(found: np.ndarray, true: np.ndarray) -> float:
    return float(np.linalg.norm(found - true) / np.linalg.norm(true))


def _values(curve: Curve, piece: Piece) -> Float[np.ndarray, " points"]:
    if curve.y == "success":
        return (piece["latent error"] < SUCCESS).mean(axis=1)
    return np.median(piece[curve.y], axis=1)
