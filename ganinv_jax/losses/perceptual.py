"""Perceptual distances: LPIPS where its weights were brought in, and its form on any other frozen classifier."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ganinv_jax.core.configs import check
from ganinv_jax.models.features import Features, load_features


@dataclasses.dataclass(frozen=True, eq=False)
class PerceptualDistance:
    """How far pictures look apart: the squared distance of unit feature vectors, one number a picture.

    Every spatial feature vector is divided by its length, differences are squared, summed over channels and averaged
    over positions. Through a network with LPIPS' weights of channels (VGG16 or AlexNet, as converted) this is LPIPS
    (Zhang et al., arXiv:1801.03924): channels are weighted and stages summed. Through any other, channels count alike
    and stages are averaged, so that it is 0 to 4.

    features: the network, by default EfficientNet-Lite0. stages: those to compare at, by default all of its maps.
    Maps that are halved more often than small pictures can be have no positions, and are left out.
    size: the side that pictures are resized to (None: as they are). Raises InputError for a network without maps.
    """

    features: Features = dataclasses.field(default_factory=load_features)
    stages: tuple[str, ...] = ()
    size: int | None = None

    def __post_init__(self):
        stages = self.stages or self.features.maps
        check(bool(stages), f"Pictures are compared at maps of features, but {self.features.name} has none.")
        object.__setattr__(self, "stages", stages)

    @property
    def name(self) -> str:
        """What figures call it: 'lpips_vgg16' where it is LPIPS, else the network's name."""
        return f"lpips_{self.features.name}" if self.features.lpips else self.features.name

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
        """The unit (weighted) features of images, for `to`: so that a fixed target is looked at once."""
        images = images if mask is None else images * mask
        found = self.features.extract(variables, images, self.size, self.stages)
        units = {stage: _unit(x) for stage, x in found.items()}
        if not self.features.lpips:
            return units
        # The root of a weight on both sides is the weight on the squared difference.
        return {stage: x * jnp.sqrt(variables["lpips"][stage]) for stage, x in units.items()}

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
        seen = [stage for stage in self.stages if a[stage].size]
        squares = [jnp.sum((a[stage] - b[stage]) ** 2, axis=-1) for stage in seen]
        distances = jnp.stack([jnp.mean(square, axis=(1, 2)) for square in squares])
        return jnp.sum(distances, axis=0) if self.features.lpips else jnp.mean(distances, axis=0)


def perceptual_scale(
    distance: PerceptualDistance, variables: Any, a: Float[Array, "b h w 3"], b: Float[Array, "b h w 3"]
) -> Float[Array, ""]:
    """The factor that makes the mean distance of pairs of unrelated pictures equal to their mean squared error."""
    return jnp.mean((a - b) ** 2) / jnp.mean(distance(variables, a, b))


def _unit(x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
    # LPIPS adds its 1e-10 to the length. Under the root it keeps the gradient at an all-zero vector finite, and makes a
    # difference to vectors shorter than about 1e-3 alone.
    return x * jax.lax.rsqrt(jnp.sum(x**2, axis=-1, keepdims=True) + 1e-10)
