"""Real pictures as anchors: each has a code of its own, from which the generator has to draw something like it."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ganinv_jax.core.configs import check, check_not_negative, check_positive
from ganinv_jax.core.images import fit_square, resize, to_float
from ganinv_jax.data.sources import Source
from ganinv_jax.losses.perceptual import PerceptualDistance
from ganinv_jax.models.features import load_features

READ_AT_A_TIME = 64  # pictures, when components are looked for


@dataclasses.dataclass(frozen=True)
class AnchorsConfig:
    """share: of a batch's fakes that are drawn from codes of as many of its real pictures, the others from random ones.

    components: principal components of real pictures that a code consists of; further numbers of z are random.
    features, stage, code_size: they are those of a map of that frozen network, and of pixels reduced to that side.
    pictures: how many of the data, evenly spaced, they are found from. noise: standard deviation of what is added to
        the codes, which are scaled to keep unit variance.
    pixels, pixels_size: weight of the squared error, both pictures reduced to that side. perceptual, perceptual_size:
        weight of the perceptual distance through the network, both resized to that side.
    coarse_kimg, coarse_resolution: for the first so many thousand pictures only the squared error is minimised, of the
        partial image at that resolution; no later block runs, nor does the discriminator, but in the very first step.
    coarse_rate: Adam's meanwhile.
    """

    share: float = 0.5
    components: int = 64
    features: str = "efficientnet_lite0"
    stage: str = "stride16"
    code_size: int = 16
    pictures: int = 4096
    noise: float = 0.2
    pixels: float = 100.0
    pixels_size: int = 16
    perceptual: float = 10.0
    perceptual_size: int = 64
    coarse_kimg: float = 0.0
    coarse_resolution: int = 16
    coarse_rate: float = 4e-3

    def __post_init__(self):
        check(0 < self.share <= 1, f"anchors.share must lie above 0 and up to 1, but it is {self.share}.")
        check(0 <= self.noise < 1, f"anchors.noise must be from 0 up and below 1, but it is {self.noise}.")
        sizes = ("components", "code_size", "pictures", "pixels_size", "perceptual_size", "coarse_rate")
        check_positive(self, *sizes, where="anchors.")
        check_not_negative(self, "pixels", "perceptual", "coarse_kimg", where="anchors.")

    def count(self, batch: int) -> int:
        """Anchors in a batch, one at least."""
        return max(1, round(batch * self.share))


Projection = dict[str, Array]
"""mean [d] and directions [d, k]: what is known of pictures, [b, d], becomes codes [b, k]."""


class Anchors:
    """Codes of pictures, and what draws them again is measured by.

    A generator that has one pose for all codes cannot draw its anchors again, whatever the discriminator thinks of it.
    Over the data, codes have mean 0 and the unit matrix as covariance, as random ones have, so that what the generator
    learns of anchors, random codes inherit. Source: Bojanowski et al., Optimizing the Latent Space of Generative
    Networks (arXiv:1707.05776), whose codes begin as principal components on the sphere; here they stay as they begin,
    they are of pixels and features, and a discriminator judges as well.

    `frozen` holds the feature network's weights by its name; calls take it back, so that programs do not contain them.
    """

    def __init__(self, config: AnchorsConfig):
        self.config = config
        self._distance = PerceptualDistance(load_features(config.features), size=config.perceptual_size)
        stages = self._distance.stages
        check(config.stage in stages, f"anchors.stage must be one of {', '.join(stages)}, but it is {config.stage!r}.")
        self.frozen = {config.features: self._distance.variables}

    def find(self, source: Source, side: int, mirror: bool) -> Projection:
        """The projection to codes of a source's pictures at that side, and of their mirror images."""
        pictures = np.linspace(0, len(source), min(self.config.pictures, len(source)), endpoint=False).astype(int)
        known, read = [], jax.jit(lambda images, frozen: self._known(images, self.look(images, frozen)))
        for first in range(0, len(pictures), READ_AT_A_TIME):
            images = [fit_square(source[int(i)]["image"], side) for i in pictures[first : first + READ_AT_A_TIME]]
            images = to_float(np.stack(images))
            known += [read(x, self.frozen) for x in ((images, images[:, :, ::-1]) if mirror else (images,))]
        pixels = 3 * self.config.code_size**2
        found = whitening(np.concatenate(jax.device_get(known)), self.config.components, parts=(pixels,))
        return {name: jnp.asarray(x) for name, x in found.items()}

    def blank(self, side: int) -> Projection:
        """Zeros of the shapes that `find` gives."""
        images = jax.ShapeDtypeStruct((1, side, side, 3), jnp.float32)
        known = jax.eval_shape(lambda x, frozen: self._known(x, self.look(x, frozen)), images, self.frozen)
        width = known.shape[1]
        return {"mean": jnp.zeros(width), "directions": jnp.zeros((width, self.config.components))}

    def look(self, images: Float[Array, "b h w 3"], frozen: Any) -> dict[str, Array]:
        """What pictures are compared by: see `PerceptualDistance.embed`."""
        return self._distance.embed(frozen[self.config.features], images)

    def codes(
        self, images: Float[Array, "b h w 3"], seen: Mapping[str, Array], projection: Projection, key: Array
    ) -> Float[Array, "b k"]:
        """Codes of pictures, with noise; `seen` is what `look` gave for them."""
        known, noise = self._known(images, seen) - projection["mean"], self.config.noise
        codes = jnp.matmul(known, projection["directions"], precision=jax.lax.Precision.HIGHEST)
        return jnp.sqrt(1 - noise**2) * codes + noise * jax.random.normal(key, codes.shape)

    def pixel_error(self, drawn: Float[Array, "b h w c"], images: Float[Array, "b H W c"], side: int) -> Array:
        """Mean squared error of pictures of any two sizes, reduced to `side`."""
        return jnp.mean((resize(drawn, (side, side)) - resize(images, (side, side))) ** 2)

    def terms(self, drawn, images, seen, frozen) -> tuple[Array, dict[str, Array]]:
        """The weighted sum of what drawn anchors are measured by, and the terms."""
        config = self.config
        pixels = self.pixel_error(drawn, images, config.pixels_size)
        perceptual = jnp.mean(self._distance.to(frozen[config.features], drawn, seen))
        metrics = {"anchor_pixels": pixels, "anchor_perceptual": perceptual}
        return config.pixels * pixels + config.perceptual * perceptual, metrics

    def _known(self, images, seen):
        side = self.config.code_size
        maps = resize(images, (side, side)), seen[self.config.stage]
        return jnp.concatenate([x.reshape(len(x), -1) for x in maps], axis=1)


def whitening(rows: Float[np.ndarray, "n d"], components: int, parts: tuple[int, ...] = ()) -> dict[str, np.ndarray]:
    """The mean of rows, and directions [d, k] along which what remains has unit variance and no covariance.

    They are the first principal components, after each of the parts of a row has been scaled to the same total
    variance; `parts` says at which columns they meet. Each direction's largest entry is positive. Raises InputError
    where the rows vary along fewer directions.
    """
    mean = rows.mean(axis=0, dtype=np.float64)
    rest = rows - mean
    scales = np.concatenate(
        [np.full(x.shape[1], 1 / np.sqrt(x.var(axis=0).sum() + 1e-30)) for x in np.split(rest, parts, axis=1)]
    )
    scaled = rest * scales
    variances, axes = np.linalg.eigh(scaled.T @ scaled / len(rows))
    variances, axes = variances[::-1][:components], axes[:, ::-1][:, :components]
    found = int(np.sum(variances > 1e-9))
    check(
        found == components,
        f"anchors.components must be at most what pictures differ in, but of {components} only {found} are there; "
        "give fewer, or more pictures.",
    )
    directions = scales[:, None] * axes / np.sqrt(variances)
    signs = np.sign(directions[np.abs(directions).argmax(axis=0), np.arange(components)])
    return {"mean": mean.astype(np.float32), "directions": (directions * signs).astype(np.float32)}
