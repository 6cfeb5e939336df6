"""Tasks: functions that make the degradation of a photo, by name and with options."""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image, ImageFilter

from ganinv_jax.core.configs import check
from ganinv_jax.core.images import to_float
from ganinv_jax.data.holes import hole_batch
from ganinv_jax.inversion.degradations import (
    Colorization,
    Crossover,
    Degradation,
    Diffusion,
    Inpainting,
    Inversion,
    RandomProjection,
    Scribble,
    SuperResolution,
)

MOST_ENTRIES = 2**28  # of a matrix of measurements: one gigabyte
DIFFUSED = (125 / 256, 145 / 256, 110 / 256)  # centre (x, y) and side; source: diffuse.py of genforce/idinvert_pytorch

Region = Bool[np.ndarray, "h w"]
Picture = UInt8[np.ndarray, "h w 3"]


def inversion(side: int, seed: int) -> Degradation:
    """The whole photo is seen."""
    return Inversion()


def inpainting(side: int, seed: int, hole: str | Region = "center") -> Degradation:
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
    count = min(max(1, round(share * side * side)), side * side - 1)
    seen = np.random.RandomState(seed).permutation(side * side) < count
    return Inpainting(jnp.asarray(seen.reshape(side, side, 1), jnp.float32))


def diffusion(side: int, seed: int, target: Picture, region: Region | None = None) -> Degradation:
    """The target's region is diffused into the photo, its context; source: Zhu et al. 2020 (arXiv:2004.00049), section
    4.4, and diffuse.py of genforce/idinvert_pytorch.

    An encoder reads the photo with the target's region pasted in; from that code on only the region's pixels count, so
    that the start alone keeps the context. region: True where the target is seen; by default the official box of 110
    of 256 pixels around (125, 145), which holds the face of an aligned photo.
    """
    if region is None:
        x, y, width = DIFFUSED
        region = _box(side, y - width / 2, y + width / 2, x - width / 2, x + width / 2)
    return Diffusion(_pictured("target", target, side), _part(region, side))


def crossover(
    side: int, seed: int, other: Picture, region: Region | None = None, blur: float | None = None
) -> Degradation:
    """The photo, and another photo in a region; source: Abdal et al. 2020 (arXiv:1911.11544), section 5.2.

    region: True where the other is seen; by default the right half. blur: the standard deviation, in pixels, by which
    its edge is softened. The paper blurs its masks and gives no figure; by default it is a 32nd of the side, so that
    the photos change over within an eighth.
    """
    region = _box(side, 0, 1, 0.5, 1) if region is None else region
    blur = side / 32 if blur is None else blur
    check(0 <= blur <= side, f"blur must lie between 0 and the side, {side}, but it is {blur}.")
    part = Image.fromarray(np.uint8(255 * _part(region, side)[..., 0])).filter(ImageFilter.GaussianBlur(blur))
    region = np.asarray(part, np.float32)[..., None] / 255
    check(region.min() < region.max(), f"blur must leave something of the region, but {blur} leaves nothing; lower it.")
    return Crossover(_pictured("other", other, side), jnp.asarray(region))


def scribble(side: int, seed: int, original: Picture) -> Degradation:
    """A photo that was painted on, seen whole; source: Abdal et al. 2020 (arXiv:1911.11544), section 5.4.

    original: the photo before, by which methods that tell edited pixels from others do so.
    """
    return Scribble(_pictured("original", original, side))


TASKS: dict[str, Callable[..., Degradation]] = {
    "inversion": inversion,
    "inpainting": inpainting,
    "colorization": colorization,
    "super-resolution": super_resolution,
    "denoising": denoising,
    "random-projection": random_projection,
    "partial": partial,
    "diffusion": diffusion,
    "crossover": crossover,
    "scribble": scribble,
}
"""By name; each takes the pictures' side, a seed and its own options."""


def _box(side: int, top: float, bottom: float, left: float, right: float) -> Region:
    """True in a box whose edges are given as shares of the side."""
    region = np.zeros((side, side), bool)
    rows, columns = (slice(round(a * side), round(b * side)) for a, b in ((top, bottom), (left, right)))
    region[rows, columns] = True
    return region


def _part(region: Region, side: int):
    region = np.asarray(region, bool)
    check(region.shape == (side, side), f"region must be [{side}, {side}], but its shape is {list(region.shape)}.")
    check(bool(region.any()) and not region.all(), "region must be a part of the picture, not all of it or nothing.")
    return jnp.asarray(region[..., None], jnp.float32)


def _pictured(name: str, picture: Picture, side: int):
    shape = np.shape(picture)
    check(shape == (side, side, 3), f"{name} must be [{side}, {side}, 3], but its shape is {list(shape)}.")
    return jnp.asarray(to_float(picture))
