"""Tasks: what of a photo an inversion gets to see. Photo and picture are compared through the same degradation."""

import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from ganinv_jax.core.configs import check
from ganinv_jax.core.images import resize
from ganinv_jax.data.holes import hole_batch

Images = Float[Array, "b h w 3"]

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as mganprior's colorization uses it
MOST_ENTRIES = 2**28  # of a matrix of measurements: one gigabyte


class Sight(NamedTuple):
    """What there is to go by in an inversion of photos.

    seen: what drawn pictures, observed, are compared with. shown: the picture that an encoder reads, of the photo's
    size; None where nothing that is seen is a picture. known: 1 where its pixels say something; None where all do.
    """

    seen: Float[Array, "b ..."]
    shown: Images | None = None
    known: Float[Array, "b h w 1"] | None = None


@dataclasses.dataclass(frozen=True)
class Degradation:
    """A pytree whose leaves are what it needs to know, such as where the hole is. This one leaves everything.

    pictures: whether what is observed is a picture, at which an encoder or a perceptual distance can look.
    """

    pictures: ClassVar[bool] = True

    def observe(self, images: Images) -> Float[Array, "b ..."]:
        """What is compared of drawn pictures, in [-1, 1]."""
        return images

    def see(self, photos: Images, key: Array) -> Sight:
        """What there is of photos: what is observed of them, noise of the measurement included."""
        seen = self.observe(photos)
        shown = seen if seen.shape == photos.shape else resize(seen, photos.shape[1:3])
        return Sight(seen, shown)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Inversion(Degradation):
    """The photo itself, with Gaussian noise of standard deviation `noise` added to it."""

    noise: Any = 0.0

    def see(self, photos, key):
        return super().see(photos + self.noise * jax.random.normal(key, photos.shape), key)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Inpainting(Degradation):
    """The pixels outside of the hole; 0 inside. known: [h, w, 1]."""

    known: Any

    def observe(self, images):
        return images * self.known

    def see(self, photos, key):
        return super().see(photos, key)._replace(known=jnp.broadcast_to(self.known, photos[..., :1].shape))


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Colorization(Degradation):
    """The luma, in all three channels."""

    def observe(self, images):
        luma = jnp.sum(images * jnp.asarray(LUMA), axis=-1, keepdims=True)
        return jnp.repeat(luma, 3, axis=-1)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class SuperResolution(Degradation):
    """The picture reduced to `side` pixels, each the mean of its area."""

    side: int = dataclasses.field(metadata={"static": True})

    def observe(self, images):
        batch, height, width, channels = images.shape
        cells = images.reshape(batch, self.side, height // self.side, self.side, width // self.side, channels)
        return jnp.mean(cells, axis=(2, 4))


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class RandomProjection(Degradation):
    """Sums of all pixels with Gaussian weights; matrix: [m, h * w * 3], of rows whose expected length is 1.

    With them the mean squared difference of measurements is, in expectation, that of the pixels.
    """

    matrix: Any
    noise: Any = 0.0
    pictures: ClassVar[bool] = False

    def observe(self, images):
        return jnp.matmul(images.reshape(len(images), -1), self.matrix.T, precision="highest")

    def see(self, photos, key):
        seen = self.observe(photos)
        return Sight(seen + self.noise * jax.random.normal(key, seen.shape))


def inversion(side: int, seed: int) -> Degradation:
    """The whole photo is seen."""
    return Inversion()


def inpainting(side: int, seed: int, hole: str | Bool[np.ndarray, "h w"] = "center") -> Degradation:
    """The hole is not seen: a preset's name, drawn from the seed, or True where pixels of the square are missing."""
    if isinstance(hole, str):
        hole = hole_batch(hole, seed, [0], side)[0, ..., 0] > 0
    hole = np.asarray(hole, bool)
    check(hole.shape == (side, side), f"The hole must be [{side}, {side}], but its shape is {list(hole.shape)}.")
    check(bool(hole.any()) and not hole.all(), "The hole must leave something known and something missing.")
    return Inpainting(jnp.asarray(~hole[..., None], jnp.float32))


def colorization(side: int, seed: int) -> Degradation:
    """Brightness alone is seen."""
    return Colorization()


def super_resolution(side: int, seed: int, factor: int | None = None) -> Degradation:
    """The photo is seen `factor` times smaller, by default at 16 pixels.

    mganprior's script reduces 256 pixels to 16 by bilinear interpolation, which reads 4 pixels of each 256; the mean of
    all is taken here, as a camera does.
    """
    factor = max(2, side // 16) if factor is None else factor
    fits = isinstance(factor, int) and factor > 1 and side % factor == 0
    check(fits, f"factor must be a whole number from 2 up that divides {side}, but it is {factor!r}.")
    return SuperResolution(side // factor)


def denoising(side: int, seed: int, noise_std: float = 50 / 255) -> Degradation:
    """The photo is seen with Gaussian noise: 25 of 255 levels by default, which the literature reports most.

    Give noise_std=0 for a photo that is noisy itself. It is in units of [-1, 1].
    """
    check(noise_std >= 0, f"noise_std must be at least 0, but it is {noise_std}.")
    return Inversion(jnp.float32(noise_std))


def random_projection(side: int, seed: int, measurements: int | None = None, noise_std: float = 0.01) -> Degradation:
    """Random sums of all pixels are seen; source: Bora et al. 2017 (arXiv:1703.03208), celebA_reconstruction.sh.

    measurements: by default 500 for each 64 * 64 * 3 numbers of the picture. noise_std: of each sum, whose rows the
    official code draws of unit variance. There a row is as long as the square root of the numbers; here rows and noise
    are divided by that. One matrix, drawn from the seed, serves all photos of a call.
    """
    numbers = side * side * 3
    measurements = max(1, numbers * 500 // (64 * 64 * 3)) if measurements is None else measurements
    check(
        isinstance(measurements, int) and 1 <= measurements <= MOST_ENTRIES // numbers,
        f"measurements must lie between 1 and {MOST_ENTRIES // numbers} at {side} pixels, but it is {measurements!r}.",
    )
    matrix = np.random.RandomState(seed).standard_normal((measurements, numbers)).astype(np.float32)
    scale = np.float32(numbers**-0.5)
    return RandomProjection(jnp.asarray(matrix * scale), jnp.float32(noise_std * scale))


def partial(side: int, seed: int, share: float = 0.1) -> Degradation:
    """A random share of the pixels is seen, the same pixels of all photos; source: Ma et al. (NeurIPS 2018).

    share: of the pixels, 0.1 as in matconvnet/main.m of the official code, which takes the first ones of the array.
    """
    check(0 < share < 1, f"share must lie between 0 and 1, both excluded, but it is {share}.")
    count = max(1, round(share * side * side))
    seen = np.random.RandomState(seed).permutation(side * side) < count
    return Inpainting(jnp.asarray(seen.reshape(side, side, 1), jnp.float32))


TASKS: dict[str, Callable[..., Degradation]] = {
    "inversion": inversion,
    "inpainting": inpainting,
    "colorization": colorization,
    "super-resolution": super_resolution,
    "denoising": denoising,
    "random-projection": random_projection,
    "partial": partial,
}
"""By name; each takes the pictures' side, a seed and its own options."""
