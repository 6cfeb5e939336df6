"""Inversion of one layer at a time by linear programs: exact, for generators of affine maps and leaky ReLUs.

Lei et al. 2019 (arXiv:1906.07437); test_noisy_sparse.py of cecilialeiqi/InvertGAN_LP. From the last layer to the first,
an input is found that explains what the layer gave, and becomes what the layer before must have given. The solver is
HiGHS, through SciPy.
"""

import math
from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from scipy.optimize import linprog

from ganinv_jax.core.configs import check
from ganinv_jax.models.mlp import AffineGenerator, Layer

NOISELESS = 1e-6  # the bound to start with where nothing is noisy
GROWTH = 1.2  # of a bound that no input meets
TOLERANCE = 1e-10  # of HiGHS, the least that it takes; its own 1e-7 is as large as bounds are

Vector = Float[np.ndarray, " n"]
Norm = Literal["linf", "l1", "relaxed"]


class Recovery(NamedTuple):
    """z: what was found. inputs: of every layer, the first's is z. bounds: the noise that each layer was allowed."""

    z: Vector
    inputs: list[Vector]
    bounds: list[float]


def invert(
    generator: AffineGenerator,
    outputs: Vector,
    noise: float = NOISELESS,
    norm: Norm = "linf",
    known: Bool[np.ndarray, " n"] | None = None,
) -> Recovery:
    """Find the latent of a generator's outputs.

    outputs: [n], with noise of at most `noise` in each. known: which of them count; all by default.
    norm: 'linf' minimises the largest deviation of a layer, 'l1' the sum of deviations, and 'relaxed' maximises the
        correlation with what was seen among inputs that give no more than it (section 4.2 of the paper).
    The bound grows by 1.2 where no input of a layer meets it, and stays so for the layers before.
    Raises InputError for outputs of another size, unknown norms, or a noise that is not above 0.
    """
    check(norm in _PROGRAMS, f"norm must be one of {', '.join(_PROGRAMS)}, but it is {norm!r}.")
    check(0 < noise < math.inf, f"noise must be above 0 and finite, but it is {noise}; {NOISELESS} means none.")
    size = (generator.sizes[-1],)
    for given in (outputs,) if known is None else (outputs, known):
        check(given.shape == size, f"Outputs must be {list(size)}, as the generator's, but are {list(given.shape)}.")
    if known is not None:
        check(bool(known.any()), "known must name some outputs, but it names none.")
        generator, outputs = generator.seen(known), outputs[known]
    bound, found, bounds = noise, [np.asarray(outputs, np.float64)], []
    for index in reversed(range(len(generator.layers))):
        # What comes out of a ReLU is not negative; what comes out of a leaky one, and z, may be.
        lowest = 0.0 if index and generator.slope == 0 else -math.inf
        inputs, bound = _grown(_PROGRAMS[norm], generator.layers[index], generator.slope, found[0], bound, lowest)
        found.insert(0, inputs)
        bounds.insert(0, bound)
    return Recovery(found[0], found[:-1], bounds)


def _grown(program, layer: Layer, slope: float, seen: Vector, bound: float, lowest: float) -> tuple[Vector, float]:
    """(inputs, the bound that they meet)."""
    # Zeros meet a bound as large as what is seen and the biases together, so that this ends.
    enough = max(bound, GROWTH * (np.abs(seen).max() + np.abs(layer.bias).max()))
    while bound <= enough:
        inputs = program(layer, slope, seen, bound, lowest)
        if inputs is not None:
            return inputs, bound
        bound *= GROWTH
    raise RuntimeError(f"HiGHS found no input of the layer {list(layer.weight.shape)}, though there is one.")


def _largest_deviation(layer: Layer, slope: float, seen: Vector, bound: float, lowest: float) -> Vector | None:
    """The inputs of the least t by which outputs deviate, up to `bound`."""
    matrix, limits, units, _ = _deviations(layer, slope, seen, bound)
    return _solve(np.ones(1), np.column_stack([matrix, -units]), limits, lowest, bound)


def _summed_deviations(layer: Layer, slope: float, seen: Vector, bound: float, lowest: float) -> Vector | None:
    """The inputs of the least sum of deviations, one an output and each up to `bound`."""
    matrix, limits, units, outputs = _deviations(layer, slope, seen, bound)
    each = np.zeros((len(units), len(seen)))
    each[np.arange(len(units)), outputs] = -units
    return _solve(np.ones(len(seen)), np.column_stack([matrix, each]), limits, lowest, bound)


def _largest_correlation(layer: Layer, slope: float, seen: Vector, bound: float, lowest: float) -> Vector | None:
    """The inputs whose outputs, none above what is seen by more than `bound`, correlate with it the most.

    Without a slope, what is below twice the bound may be noise, and does not count.
    """
    weight, bias = layer
    matrix, limits = weight, np.maximum(0, seen + bound) - bias
    counted = seen if slope else np.where(seen < 2 * bound, 0, seen)
    if slope:
        matrix, limits = np.vstack([weight, -weight]), np.append(limits, bias - np.minimum(0, seen - bound) / slope)
    return _solve(np.empty(0), matrix, limits, lowest, None, counted @ weight)


_PROGRAMS: dict[str, Callable[..., Vector | None]] = {
    "linf": _largest_deviation,
    "l1": _summed_deviations,
    "relaxed": _largest_correlation,
}


def _deviations(layer: Layer, slope: float, seen: Vector, bound: float):
    """(matrix, limits, units, outputs): `matrix @ inputs - units * deviation[outputs] <= limits`.

    It says that what is seen lies within the deviation of what the inputs give. On the negative side of a leaky ReLU
    an input moves by 1 / slope times the deviation; on that of a ReLU it may lie anywhere below.
    """
    weight, bias = layer
    positive, negative = seen > bound, seen < -bound
    above, below = np.ones(len(seen)), np.ones(len(seen))
    bounded = positive
    if slope:
        above[negative], below[~positive], bounded = 1 / slope, 1 / slope, np.ones(len(seen), bool)
    outputs = np.append(np.arange(len(seen)), np.flatnonzero(bounded))
    matrix = np.vstack([weight, -weight[bounded]])
    limits = np.append(seen * above - bias, (bias - seen * below)[bounded])
    return matrix, limits, np.append(above, below[bounded]), outputs


def _solve(cost: Vector, matrix, limits: Vector, lowest: float, most: float | None, gain: Vector | None = None):
    """The inputs of a program, or None where there are none.

    Its variables are the inputs, from `lowest` up, and then one for each number of `cost`, from 0 to `most`. It
    minimises the cost less the gain, which is of inputs.
    """
    count = matrix.shape[1] - len(cost)
    objective = np.append(np.zeros(count) if gain is None else -gain, cost)
    ranges = [(lowest, None)] * count + [(0, most)] * len(cost)
    options = {"primal_feasibility_tolerance": TOLERANCE, "dual_feasibility_tolerance": TOLERANCE}
    found = linprog(objective, matrix, limits, bounds=ranges, method="highs", options=options)
    return found.x[:count] if found.status == 0 else None
