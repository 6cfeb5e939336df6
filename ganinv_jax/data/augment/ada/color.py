"""ADA's colour transforms: one 4x4 matrix per picture, acting on homogeneous colours (red, green, blue, 1)."""

import math

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from ganinv_jax.data.augment.ada.chance import between, normal, sometimes
from ganinv_jax.data.augment.ada.geometry import compose
from ganinv_jax.data.augment.ada.spec import AdaSpec

NUMBERS = 10  # in [0, 1), that `draw` needs
# Projection of homogeneous colours onto the grey axis; the luma of a colour is its length there.
_GREY = np.pad(np.full((3, 3), 1 / 3, np.float32), (0, 1))
# Projection onto what is left of a colour without its luma.
_CHROMA = np.diag(np.array([1, 1, 1, 0], np.float32)) - _GREY
# The cross product with the unit vector along the grey axis, from the left.
_ABOUT_GREY = np.pad(np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]], np.float32) / math.sqrt(3), (0, 1))


def draw(numbers: Float[Array, "10"], p, spec: AdaSpec) -> Float[Array, "4 4"]:
    """The matrix of one picture: brightness, contrast, luma flip, hue and saturation, each by chance."""
    dice, uniform = numbers[:5], numbers[5:]
    offset = sometimes(dice[0], spec.brightness * p, normal(uniform[0], spec.brightness_std), 0)
    factor = sometimes(dice[1], spec.contrast * p, jnp.exp2(normal(uniform[1], spec.contrast_std)), 1)
    flip = sometimes(dice[2], spec.lumaflip * p, jnp.floor(2 * uniform[2]), 0)
    angle = sometimes(dice[3], spec.hue * p, between(uniform[3], math.pi * spec.hue_max), 0)
    vividness = sometimes(dice[4], spec.saturation * p, jnp.exp2(normal(uniform[4], spec.saturation_std)), 1)
    return compose(saturation(vividness), hue(angle), luma_flip(flip), contrast(factor), brightness(offset))


def recolor(images: Float[Array, "b h w c"], matrix: Float[Array, "b 4 4"]) -> Float[Array, "b h w c"]:
    """Colours through their picture's matrix. c is 3, or 1 for grey pictures: those follow the grey axis."""
    if images.shape[-1] == 1:
        matrix = jnp.mean(matrix[:, :3], axis=1, keepdims=True)
        linear, offset = jnp.sum(matrix[..., :3], axis=-1, keepdims=True), matrix[..., 3]
    else:
        linear, offset = matrix[:, :3, :3], matrix[:, :3, 3]
    linear, offset = linear.astype(images.dtype), offset.astype(images.dtype)
    return jnp.einsum("bij,bhwj->bhwi", linear, images, precision=lax.Precision.HIGHEST) + offset[:, None, None]


def brightness(offset) -> Float[Array, "4 4"]:
    """Add `offset` (pictures range over [-1, 1]) to every channel."""
    return jnp.eye(4).at[:3, 3].set(offset)


def contrast(factor) -> Float[Array, "4 4"]:
    """Scale about mid grey, 0."""
    return jnp.diag(jnp.array([factor, factor, factor, 1], jnp.float32))


def luma_flip(flip) -> Float[Array, "4 4"]:
    """Where `flip` is 1, mirror the luma about mid grey and keep the chroma."""
    return jnp.eye(4) - 2 * flip * _GREY


def hue(angle) -> Float[Array, "4 4"]:
    """Turn colours about the grey axis by `angle` radians, from red towards green (Rodrigues' formula)."""
    return jnp.cos(angle) * _CHROMA + jnp.sin(angle) * _ABOUT_GREY + (jnp.eye(4) - _CHROMA)


def saturation(factor) -> Float[Array, "4 4"]:
    """Scale the chroma, the distance from the grey axis, by `factor`."""
    return factor * _CHROMA + (jnp.eye(4) - _CHROMA)
