"""How directions are looked for: SeFa, GANSpace and InterFaceGAN, each on the codes of a model."""

import dataclasses
import functools
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jaxtyping import Float, UInt8

from ganinv_jax.core.configs import check, unknown_key
from ganinv_jax.core.errors import InputError
from ganinv_jax.core.images import to_float
from ganinv_jax.editing import (
    AnyDirection,
    at_rows,
    conditioned,
    principal_components,
    regressed,
    sefa,
    separate,
)
from ganinv_jax.models.directions import Direction
from ganinv_jax.models.features import load_features
from ganinv_jax.models.stylegan2 import affine_maps, style_rows

if TYPE_CHECKING:
    from ganinv_jax.pipelines.model import Model

FEATURE_SAMPLES = 2000
MOST_FEATURES = 2**17  # numbers a sample; all samples then take 2 GB
SCORED = 4000  # pictures that a function scores
AT_A_TIME = 4096  # codes a program
PICTURES_AT_A_TIME = 16

Score = Callable[[UInt8[np.ndarray, "k h w 3"]], Float[Any, " k"]]
Vectors = tuple[Float[np.ndarray, "k w"], list[dict[str, float]]]


@dataclasses.dataclass(frozen=True)
class Search:
    """How directions are looked for.

    method: 'sefa': from the weights of the layers that read the rows `layers`. 'ganspace': the principal components of
        W. 'ganspace-features': those of the features that leave the block at `resolution`, brought to W by least
        squares. 'interfacegan': one direction, towards high `scores`.
    count: how many (but for 'interfacegan'). layers: the rows of W+ that they move (default: all).
    seed: of the samples. class_idx: theirs, where the model has classes (default: random ones).
    scores: of the pictures of seeds 0 to n - 1, or a function that gives a few pictures their scores. share: of the
        pictures at either end of the scores. against: directions of attributes that are to stay as they are.
    """

    method: str
    count: int = 8
    layers: Collection[int] | None = None
    seed: int = 0
    class_idx: int | None = None
    resolution: int = 8
    scores: Float[Any, " n"] | Score | None = None
    share: float = 0.02
    against: Sequence[AnyDirection] = ()

    def __post_init__(self):
        if self.method not in METHODS:
            raise unknown_key(self.method, METHODS, "Finding directions")
        check(self.count >= 1, f"At least one direction must be asked for, but count is {self.count}.")
        told = self.method != "interfacegan" and (self.scores is not None or self.against)
        check(not told, f"Scores, and what is to stay, are for 'interfacegan' and not for {self.method!r}; leave them.")


def sample_w(model: "Model", count: int, seed: int = 0, class_idx: int | None = None) -> Float[np.ndarray, "n w"]:
    """The codes of random z, and of one class or of random ones where the model has some.

    Sample i depends on seed, class and i alone. Raises InputError for a class that the model does not have.
    """
    rng, classes = np.random.default_rng(seed), model.config.c_dim
    given = None if class_idx is None else model.class_labels(class_idx)
    found = []
    for start in range(0, count, AT_A_TIME):
        z = rng.standard_normal((AT_A_TIME, model.config.z_dim), np.float32)
        c = np.eye(classes, dtype=np.float32)[rng.integers(classes, size=AT_A_TIME)] if classes else None
        c = c if given is None else np.repeat(given, AT_A_TIME, axis=0)
        found.append(np.asarray(model.map(z, c)[: count - start, 0]))
    return np.concatenate(found)


def class_score(classes: Collection[int], network: str = "efficientnet_lite0") -> Score:
    """A picture's score: the logarithm of the probability that it shows one of ImageNet's `classes`.

    Raises InputError for a class that is none, or where the network's wheel is not installed.
    """
    wrong = [index for index in classes if not 0 <= index < 1000]
    check(bool(classes) and not wrong, f"ImageNet's classes are numbers from 0 to 999, but got {list(classes)}.")
    features, chosen = load_features(network), np.isin(np.arange(1000), list(classes)).astype(np.float32)

    def score(pictures: UInt8[np.ndarray, "k h w 3"]) -> Float[np.ndarray, " k"]:
        return np.asarray(_class_score(features, features.variables, to_float(pictures), chosen))

    return score


def _sefa(model: "Model", search: Search, w: np.ndarray) -> Vectors:
    """From the layers that the official code takes: every convolution, and the last output layer."""
    network, last = model.network("generator"), model.config.num_ws - 1
    maps, rows = affine_maps(network.config, network.variables), style_rows(network.config)
    weights = [
        maps[layer]["weight"]
        for layer, row in rows.items()
        if (layer[1].startswith("conv") or row == last) and (search.layers is None or row in search.layers)
    ]
    vectors, values = sefa(weights, search.count)
    return vectors, [{"eigenvalue": round(float(value), 4)} for value in values]


def _ganspace(model: "Model", search: Search, w: np.ndarray) -> Vectors:
    found = principal_components(w, search.count)
    return found.vectors, [{"variance_share": round(float(share), 4)} for share in found.shares]


def _ganspace_features(model: "Model", search: Search, w: np.ndarray) -> Vectors:
    config, codes = model.config, w[:FEATURE_SAMPLES]
    resolutions = [r for r in config.block_resolutions if r**2 * config.channels(r) <= MOST_FEATURES]
    known = f"The features' resolution must be one of {resolutions} for this model, but is {search.resolution}."
    check(search.resolution in resolutions, known)
    network, rows = model.network("generator"), np.repeat(codes[:, None], config.num_ws, axis=1)
    batches = np.split(rows, range(PICTURES_AT_A_TIME, len(rows), PICTURES_AT_A_TIME))
    maps = [_features(network.module, search.resolution, network.variables, batch) for batch in batches]
    features = np.concatenate([np.asarray(x, np.float32).reshape(len(x), -1) for x in maps])
    found = principal_components(features, search.count)
    return regressed(found, features, codes), [{"variance_share": round(float(share), 4)} for share in found.shares]


def _interfacegan(model: "Model", search: Search, w: np.ndarray) -> Vectors:
    check(search.scores is not None, "'interfacegan' needs the scores of pictures, or a function that scores pictures.")
    scores = search.scores
    scores = _scores_of_seeds(model, scores, search.class_idx) if callable(scores) else np.asarray(scores)
    seeds = range(len(scores))
    parts = [seeds[start : start + AT_A_TIME] for start in seeds[::AT_A_TIME]]
    codes = np.concatenate([model.codes(part, search.class_idx)[:, 0] for part in parts])
    found = separate(codes, scores, search.share, seed=search.seed)
    normal = conditioned(found.normal, [_in_w(model, other) for other in search.against])
    accuracies = {"accuracy": found.accuracy, "accuracy_all": found.accuracy_all, "scored": len(scores)}
    return normal[None], [{name: round(value, 4) for name, value in accuracies.items()}]


METHODS = {
    "sefa": _sefa,
    "ganspace": _ganspace,
    "ganspace-features": _ganspace_features,
    "interfacegan": _interfacegan,
}


def _scores_of_seeds(model: "Model", score: Score, class_idx: int | None) -> np.ndarray:
    seeds = range(SCORED)
    found = []
    for start in range(0, len(seeds), PICTURES_AT_A_TIME):
        pictures = model.generate(seeds[start : start + PICTURES_AT_A_TIME], class_idx=class_idx)
        found.append(np.asarray(score(pictures), np.float64))
    return np.concatenate(found)


def _in_w(model: "Model", direction: AnyDirection) -> Float[np.ndarray, " w"]:
    """A direction in W; of one with rows, those that move must be alike."""
    what = f"The direction {direction.name!r}, along which nothing is to change, must"
    if not isinstance(direction, Direction):
        raise InputError(f"{what} lie in W, but it is a style channel.")
    rows = at_rows(direction, model.config.num_ws, model.config.w_dim)
    moving = rows[np.any(rows != 0, axis=1)]
    check(bool(np.all(moving == moving[0])), f"{what} move all rows of W+ alike, but it does not.")
    return moving[0]


@functools.partial(jax.jit, static_argnums=(0, 1))
def _features(generator, resolution, variables, ws):
    return generator.apply(variables, ws, resolution, method="features")[0]


@functools.partial(jax.jit, static_argnums=0)
def _class_score(features, variables, images, chosen):
    size = features.size // 32 * 32
    logits = features.extract(variables, images, size, ("logits",), "cubic")["logits"]
    return jax.nn.logsumexp(logits, axis=1, b=chosen) - jax.nn.logsumexp(logits, axis=1)
