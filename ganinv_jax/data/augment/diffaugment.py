"""Differentiable augmentation for GANs on little data.

Source: Zhao et al., arXiv:2006.10738; `DiffAugment_pytorch.py` of mit-han-lab/data-efficient-gans.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int, Key

from ganinv_jax.core.configs import unknown_key

POLICIES = ("color", "translation", "cutout")

TRANSLATION = 1 / 8  # of the side, at most
CUTOUT = 1 / 2  # of the side


class Parameters(NamedTuple):
    """What is done to each picture; the last axis of the pairs is (rows, columns)."""

    brightness: Float[Array, " b"]
    """Added to every value, in [-0.5, 0.5]."""
    saturation: Float[Array, " b"]
    """Scale of what departs from the pixel's mean colour, in [0, 2]."""
    contrast: Float[Array, " b"]
    """Scale of what departs from the picture's mean value, in [0.5, 1.5]."""
    shift: Int[Array, "b 2"]
    """Pixels down and to the right; what comes in is 0."""
    centre: Int[Array, "b 2"]
    """Centre of the square that becomes 0: it reaches from centre - side // 2, for `CUTOUT` of the side."""


def augment(
    images: Float[Array, "b h w c"], key: Key[Array, ""], policy: str = "color,translation,cutout"
) -> Float[Array, "b h w c"]:
    """Augment images in [-1, 1], differentiably; picture i draws from (key, i) alone, whatever the batch.

    `policy` names some of 'color', 'translation' and 'cutout', separated by commas; they act in this order. Raises
    InputError for another name.
    """
    return apply(images, draw(key, images.shape), policy)


def draw(key: Key[Array, ""], shape: tuple[int, ...]) -> Parameters:
    """Parameters for images of `shape` [b, h, w, c]."""
    size = jnp.array(shape[1:3])
    reach = (size * TRANSLATION + 0.5).astype(int)
    side = (size * CUTOUT + 0.5).astype(int)

    def one(index):
        keys = jax.random.split(jax.random.fold_in(key, index), 5)
        brightness, saturation, contrast = (jax.random.uniform(key) for key in keys[:3])
        shift = jax.random.randint(keys[3], (2,), -reach, reach + 1)
        centre = jax.random.randint(keys[4], (2,), 0, size + 1 - side % 2)
        return Parameters(brightness - 0.5, saturation * 2, contrast + 0.5, shift, centre)

    return jax.vmap(one)(jnp.arange(shape[0]))


def apply(images: Float[Array, "b h w c"], parameters: Parameters, policy: str) -> Float[Array, "b h w c"]:
    """Do what `parameters` say to images, as far as `policy` names it."""
    chosen = transforms(policy)
    if "color" in chosen:
        images = _recolour(images, parameters)
    if "translation" in chosen:
        images = _translate(images, parameters.shift)
    return _cut_out(images, parameters.centre) if "cutout" in chosen else images


def transforms(policy: str) -> list[str]:
    """What a policy names; raises InputError for a name that is none of `POLICIES`."""
    chosen = [name.strip() for name in policy.split(",") if name.strip()]
    for name in chosen:
        if name not in POLICIES:
            raise unknown_key(name, POLICIES, "DiffAugment")
    return chosen


def _recolour(images, parameters):
    brightness, saturation, contrast = (x[:, None, None, None] for x in parameters[:3])
    images = images + brightness
    gray = jnp.mean(images, axis=3, keepdims=True)
    images = gray + (images - gray) * saturation
    mean = jnp.mean(images, axis=(1, 2, 3), keepdims=True)
    return mean + (images - mean) * contrast


def _translate(images, shift):
    """As products with shifted identity matrices: a gather would have a scatter as its gradient."""
    rows, columns = (_shifted_identity(size, shift[:, i]) for i, size in enumerate(images.shape[1:3]))
    images = jnp.einsum("bHh,bhwc->bHwc", rows, images, precision=lax.Precision.HIGHEST)
    return jnp.einsum("bWw,bhwc->bhWc", columns, images, precision=lax.Precision.HIGHEST)


def _shifted_identity(size, shift):
    to, source = jnp.arange(size)[:, None], jnp.arange(size)
    return (source == to - shift[:, None, None]).astype(jnp.float32)


def _cut_out(images, centre):
    rows, columns = (_within(size, centre[:, i]) for i, size in enumerate(images.shape[1:3]))
    cut = rows[:, :, None, None] & columns[:, None, :, None]
    return jnp.where(cut, 0, images)


def _within(size, centre):
    side = int(size * CUTOUT + 0.5)
    position, first = jnp.arange(size), centre[:, None] - side // 2
    return (position >= first) & (position < first + side)
