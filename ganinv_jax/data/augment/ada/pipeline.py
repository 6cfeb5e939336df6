"""ADA from end to end: draw parameters for each picture, then transform the pictures by them."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ganinv_jax.core.rng import fold_keys
from ganinv_jax.data.augment.ada import color, corruption, geometry
from ganinv_jax.data.augment.ada.spec import AdaSpec

# How many numbers each kind of transform draws for a picture.
_NUMBERS = (
    geometry.NUMBERS,
    color.NUMBERS,
    corruption.GAIN_NUMBERS,
    corruption.NOISE_NUMBERS,
    corruption.CUTOUT_NUMBERS,
)


class Parameters(NamedTuple):
    """What happens to each picture of a batch, in this order; a field that is None happens to none of them.

    geometry: matrices from pixels of the result to pixels of the source (`geometry.warp`).
    color: matrices of homogeneous colours (`color.recolor`). gains: of four octave bands, lowest first.
    """

    geometry: Float[Array, "b 3 3"] | None = None
    color: Float[Array, "b 4 4"] | None = None
    gains: Float[Array, "b 4"] | None = None
    noise: corruption.Noise | None = None
    cutout: corruption.Box | None = None


def augment(
    images: Float[Array, "b h w c"],
    key: jax.Array,
    p: float | Float[Array, ""],
    spec: AdaSpec | str = "bgc",
    indices: Int[Array, "b"] | None = None,
) -> Float[Array, "b h w c"]:
    """Transform each picture at random.

    images: in [-1, 1], at least 8 pixels a side; the result is not clipped to that range. The first three channels are
        colours (the first alone where there are fewer); channels behind them, such as a mask, only move along.
    key: one for the batch. Reals and fakes take different ones.
    p: probability of each transform in [0, 1]; may be traced. At 0 the pictures stay as they are, up to rounding.
    spec: an `AdaSpec` or the name of a preset; static.
    indices: numbers of the pictures in the global batch, 0, 1, … by default. What happens to a picture depends on key
        and its number alone: neither on the batch around it nor on how many devices share the batch.

    Differentiable in the pictures any number of times, forward and backward. On a GPU the gradient adds in no fixed
    order unless XLA runs with `--xla_gpu_deterministic_ops=true`.
    """
    batch, height, width, _ = images.shape
    indices = jnp.arange(batch) if indices is None else indices
    spec = AdaSpec.preset(spec) if isinstance(spec, str) else spec
    return apply(images, draw(key, p, spec, indices, height, width))


def draw(
    key: jax.Array,
    p: float | Float[Array, ""],
    spec: AdaSpec,
    indices: Int[Array, "b"],
    height: int,
    width: int,
) -> Parameters:
    """Parameters for pictures of height x width pixels, one entry per index; see `augment`."""

    def one(key):
        # All numbers in one call, since each costs 0.4 s of compile time on a CPU, and whether or not they are used, so
        # that a spec with more transforms changes nothing for the others.
        numbers = jnp.split(jax.random.uniform(key, (sum(_NUMBERS),)), np.cumsum(_NUMBERS)[:-1])
        pixels = jax.random.fold_in(key, sum(_NUMBERS))  # the first counter that the numbers leave unused
        return Parameters(
            geometry=geometry.draw(numbers[0], p, spec, height, width) if spec.moves else None,
            color=color.draw(numbers[1], p, spec) if spec.recolors else None,
            gains=corruption.draw_gains(numbers[2], p, spec) if spec.imgfilter > 0 else None,
            noise=corruption.draw_noise(numbers[3], pixels, p, spec) if spec.noise > 0 else None,
            cutout=corruption.draw_cutout(numbers[4], p, spec) if spec.cutout > 0 else None,
        )

    return jax.vmap(one)(fold_keys(key, indices))


def apply(images: Float[Array, "b h w c"], parameters: Parameters) -> Float[Array, "b h w c"]:
    """Transform the pictures by the parameters; see `augment` for channels."""
    if parameters.geometry is not None:
        images = geometry.warp(images, parameters.geometry)
    colors = 3 if images.shape[-1] >= 3 else 1
    images, others = images[..., :colors], images[..., colors:]
    if parameters.color is not None:
        images = color.recolor(images, parameters.color)
    if parameters.gains is not None:
        images = corruption.amplify(images, parameters.gains)
    if parameters.noise is not None:
        images = corruption.add_noise(images, parameters.noise)
    if parameters.cutout is not None:
        images = corruption.cut_out(images, parameters.cutout)
    return jnp.concatenate([images, others], axis=-1)
