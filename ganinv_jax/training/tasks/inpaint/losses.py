"""What a completion is measured by: squared error and features, everywhere or on the known pixels only.

Pictures come as [b, s, h, w, c]: s completions each. Source: arXiv:2307.15033, and for the masked terms the nearest
code of its authors, korhankemalkaya/styleres.
"""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from ganinv_jax.losses.perceptual import PerceptualDistance

Pictures = Float[Array, "b s h w 3"]
Region = Float[Array, "b s h w 1"]


def region_mse(images: Pictures, targets: Pictures, region: Region) -> Float[Array, "b s"]:
    """Mean squared error over the pixels of the region."""
    error = jnp.mean((images - targets) ** 2, axis=-1, keepdims=True)
    return jnp.sum(error * region, axis=(2, 3, 4)) / jnp.sum(region, axis=(2, 3, 4))


class RegionPerceptual:
    """Perceptual distance of pictures that are both blanked (0) outside of the region.

    The targets are looked at once, when it is made; the call is what is differentiated.
    """

    def __init__(self, distance: PerceptualDistance, variables: Any, targets: Pictures, region: Region):
        self._distance, self._variables, self._region = distance, variables, _rows(region)
        self._targets = distance.embed(variables, _rows(targets), self._region)

    def __call__(self, images: Pictures) -> Float[Array, "b s"]:
        distances = self._distance.to(self._variables, _rows(images), self._targets, self._region)
        return distances.reshape(images.shape[:2])


def composites(
    images: Float[Array, "b h w 3"], sources: Float[Array, "b h w 3"], known: Float[Array, "b h w 1"]
) -> Float[Array, "b h w 3"]:
    """Completions with the known pixels of their sources pasted back."""
    return known * sources + (1 - known) * images


def weighted_mean(values: Float[Array, "b s"], weights: Float[Array, " b"]) -> Float[Array, ""]:
    """The mean over completions, each picture with its weight."""
    return jnp.sum(jnp.mean(values, axis=1) * weights) / jnp.sum(weights)


def diversity(
    distance: Callable[[Array, Array, Array], Float[Array, " b"]],
    images: Float[Array, "b 2 h w 3"],
    sources: Float[Array, "b h w 3"],
    hole: Float[Array, "b h w 1"],
) -> Float[Array, " b"]:
    """How far two completions of a picture are apart in the hole, as a share of what the next source in their place is.

    distance: of (pictures, others, region), which are blanked outside of the region.
    """
    unrelated = distance(sources, jnp.roll(sources, 1, axis=0), hole)
    return distance(images[:, 0], images[:, 1], hole) / (unrelated + 1e-8)


def _rows(x: Array) -> Array:
    return x.reshape(-1, *x.shape[2:])
