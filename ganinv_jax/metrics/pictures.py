"""Figures of single pictures: how near they are to a photo, and how far from one another."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, UInt8

from ganinv_jax.core.errors import InputError
from ganinv_jax.losses.perceptual import PerceptualDistance
from ganinv_jax.models.features import load_features

LARGEST_PSNR = 100.0
"""Decibels; what equal pictures are given, since JSON knows no infinity."""


def psnr(
    images: UInt8[np.ndarray, "b h w c"], photo: UInt8[np.ndarray, "h w c"], where: Bool[np.ndarray, "h w"]
) -> Float[np.ndarray, "b"]:
    """Peak signal-to-noise ratio of each image against the photo over the pixels `where`, in decibels."""
    errors = (images[:, where].astype(np.float64) - photo[where]) ** 2
    mean = errors.mean(axis=(1, 2)) / 255**2
    return -10 * np.log10(np.maximum(mean, 10 ** (-LARGEST_PSNR / 10)))


def pairwise_distances(
    distance: PerceptualDistance, images: Float[Array, "k h w 3"], mask: Float[Array, "h w 1"]
) -> Float[np.ndarray, "k k"]:
    """Perceptual distances of all pairs of images in [-1, 1] by what they show inside of `mask`, 1 or 0 a pixel.

    The rest is blanked before the network looks, and the distance is divided by the mask's share of the picture, so
    that figures of a small and of a large region compare.
    """
    return np.asarray(_pairwise(distance, distance.variables, jnp.asarray(images), jnp.asarray(mask, jnp.float32)))


@functools.cache
def reporting_distance() -> PerceptualDistance:
    """The distance that reports use: through EfficientNet-Lite2, which no training looks through.

    Where its wheel (extra `evaluate`) is not installed, through Lite0. `distance.features.name` tells which. Pictures
    are resized to about the size that the network was trained on.
    """
    try:
        features = load_features("efficientnet_lite2")
    except InputError:
        features = load_features("efficientnet_lite0")
    return PerceptualDistance(features, size=features.size // 32 * 32)


@functools.partial(jax.jit, static_argnums=0)
def _pairwise(distance, variables, images, mask):
    found = distance.embed(variables, images, mask[None])

    def to_all(one):
        return distance.between({stage: x[None] for stage, x in one.items()}, found)

    # One picture at a time against all, or the differences of all pairs would be in memory at once.
    return jax.lax.map(to_all, found) / jnp.mean(mask)
