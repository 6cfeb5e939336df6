"""A perceptual distance that needs no downloaded weights: LPIPS' form on the features of a frozen classifier."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ganinv_jax.models.features import Features, load_features


@dataclasses.dataclass(frozen=True, eq=False)
class PerceptualDistance:
    """Squared distance of unit feature vectors, averaged over positions, then over stages: 0 to 4, one a picture.

    Every spatial feature vector is divided by its length first, as LPIPS does (Zhang et al., arXiv:1801.03924; here
    with a weight of 1 for all channels, and the mean over stages where LPIPS sums them). `size` is the side that
    pictures are resized to (None: as they are); `features` defaults to EfficientNet-Lite0.
    """

    features: Features = dataclasses.field(default_factory=load_features)
    stages: tuple[str, ...] = ("stride4", "stride8", "stride16", "stride32")
    size: int | None = None

    @property
    def variables(self) -> Any:
        """The network's weights, to be passed to the call."""
        return self.features.variables

    def __call__(
        self,
        variables: Any,
        a: Float[Array, "b h w 3"],
        b: Float[Array, "b h w 3"],
        mask: Float[Array, "b h w 1"] | None = None,
    ) -> Float[Array, " b"]:
        """Distances [b] of images in [-1, 1]; `mask` multiplies both pictures before the network sees them."""
        targets = self.embed(variables, b, mask)
        return self.to(variables, a, targets, mask)

    def embed(
        self, variables: Any, images: Float[Array, "b h w 3"], mask: Float[Array, "b h w 1"] | None = None
    ) -> dict[str, Float[Array, "b h w c"]]:
        """The unit features of images, for `to`: so that a fixed target is looked at once."""
        images = images if mask is None else images * mask
        found = self.features.extract(variables, images, self.size, self.stages)
        return {stage: _unit(x) for stage, x in found.items()}

    def to(
        self,
        variables: Any,
        images: Float[Array, "b h w 3"],
        targets: dict[str, Float[Array, "b h w c"]],
        mask: Float[Array, "b h w 1"] | None = None,
    ) -> Float[Array, " b"]:
        """Distances [b] of images from what `embed` gave for the same mask."""
        return self.between(self.embed(variables, images, mask), targets)

    def between(
        self, a: dict[str, Float[Array, "#b h w c"]], b: dict[str, Float[Array, "#b h w c"]]
    ) -> Float[Array, " b"]:
        """Distances [b] of what `embed` gave; one picture's goes with any number of others."""
        squares = [jnp.sum((a[stage] - b[stage]) ** 2, axis=-1) for stage in self.stages]
        return jnp.mean(jnp.stack([jnp.mean(square, axis=(1, 2)) for square in squares]), axis=0)


def _unit(x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
    # The epsilon (LPIPS': 1e-10) lies under the root: the gradient at an all-zero vector is finite there.
    return x * jax.lax.rsqrt(jnp.sum(x**2, axis=-1, keepdims=True) + 1e-10)
