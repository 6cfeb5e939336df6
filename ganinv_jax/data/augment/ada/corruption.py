"""ADA's image-space corruptions, which 'bgc' leaves out: gains of frequency bands, noise, cutout."""

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from ganinv_jax.data.augment.ada.chance import normal, sometimes
from ganinv_jax.data.augment.ada.spec import AdaSpec

GAIN_NUMBERS, NOISE_NUMBERS, CUTOUT_NUMBERS = 8, 2, 3  # in [0, 1), that the draws need
# Orthogonal low-pass filter of the Daubechies wavelet with 2 vanishing moments (sym2 = db2); sums to sqrt(2).
SYM2 = np.array([1 - math.sqrt(3), 3 - math.sqrt(3), 3 + math.sqrt(3), 1 + math.sqrt(3)]) / (4 * math.sqrt(2))
# Share of a natural picture's power (a 1/f spectrum) in each band, lowest first; keeps the total power where it was.
BAND_POWER = np.array([10, 1, 1, 1], np.float32) / 13


class Noise(NamedTuple):
    """Standard deviation and key of each picture's noise."""

    std: Float[Array, "b"]
    key: jax.Array


class Box(NamedTuple):
    """Rectangles as (x, y) centres and sizes, in fractions of the picture's sides."""

    center: Float[Array, "b 2"]
    size: Float[Array, "b 2"]


def draw_gains(numbers: Float[Array, "8"], p, spec: AdaSpec) -> Float[Array, "4"]:
    """The gains of one picture's bands, lowest first. Amplifying one band is paid for by all of them."""
    chances = spec.imgfilter * p * jnp.array(spec.imgfilter_bands)
    gains = sometimes(numbers[:4], chances, jnp.exp2(normal(numbers[4:], spec.imgfilter_std)), 1)
    power = 1 + BAND_POWER * (gains**2 - 1)
    return gains / jnp.sqrt(jnp.prod(power))


def draw_noise(numbers: Float[Array, "2"], key: jax.Array, p, spec: AdaSpec) -> Noise:
    """The noise of one picture; its strength is half-normal."""
    return Noise(sometimes(numbers[0], spec.noise * p, jnp.abs(normal(numbers[1], spec.noise_std)), 0), key)


def draw_cutout(numbers: Float[Array, "3"], p, spec: AdaSpec) -> Box:
    """The rectangle that one picture loses: anywhere, of a fixed size, or of size 0."""
    return Box(numbers[1:], sometimes(numbers[0], spec.cutout * p, jnp.full((2,), spec.cutout_size), 0))


def amplify(images: Float[Array, "b h w c"], gains: Float[Array, "b 4"]) -> Float[Array, "b h w c"]:
    """Filter along both axes by the sum of four octave bands, each with its gain; reflected at the border."""
    _, height, width, _ = images.shape
    rows, columns = (
        jnp.einsum("bk,kij->bij", gains, jnp.asarray(_band_matrices(size)), precision=lax.Precision.HIGHEST)
        for size in (height, width)
    )
    images = jnp.einsum("bnh,bhwc->bnwc", rows.astype(images.dtype), images, precision=lax.Precision.HIGHEST)
    return jnp.einsum("bmw,bnwc->bnmc", columns.astype(images.dtype), images, precision=lax.Precision.HIGHEST)


def add_noise(images: Float[Array, "b h w c"], noise: Noise) -> Float[Array, "b h w c"]:
    """Add independent normal noise to every pixel and channel."""
    white = jax.vmap(lambda key: jax.random.normal(key, images.shape[1:], images.dtype))(noise.key)
    return images + white * noise.std[:, None, None, None].astype(images.dtype)


def cut_out(images: Float[Array, "b h w c"], box: Box) -> Float[Array, "b h w c"]:
    """Set the rectangles to mid grey, 0."""
    _, height, width, _ = images.shape
    x, y = (np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height
    across = jnp.abs(x - box.center[:, :1]) < box.size[:, :1] / 2
    down = jnp.abs(y - box.center[:, 1:]) < box.size[:, 1:] / 2
    inside = down[:, :, None] & across[:, None, :]
    return jnp.where(inside[..., None], jnp.zeros((), images.dtype), images)


@functools.cache
def _band_matrices(size: int) -> np.ndarray:
    """[4, size, size]: pad a line of pixels by reflection, keep one frequency band. They sum to the identity."""
    bank = _filter_bank()
    reach = bank.shape[1] // 2
    padded = np.pad(np.eye(size), ((reach, reach), (0, 0)), mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, bank.shape[1], axis=0)
    return np.einsum("kt,ijt->kij", bank, windows).astype(np.float32)


def _filter_bank() -> np.ndarray:
    """[4, taps]: symmetric octave band-pass filters, lowest first, that sum to a single 1.

    low and high are the half-band pair of sym2, which sums to 1: all of a signal is split by it, then its lower half
    by the pair at half the rate, and so on. Built from the last split to the first.
    """
    mirror = SYM2 * (-1) ** np.arange(len(SYM2))
    low, high = (np.convolve(taps, taps[::-1]) / 2 for taps in (SYM2, mirror))
    bank = [np.ones(1)]
    for _ in range(3):
        bank = [np.convolve(_spread(taps), low) for taps in bank]
        around = (len(bank[0]) - len(high)) // 2
        bank.append(np.pad(high, around))
    return np.stack(bank)


def _spread(taps: np.ndarray) -> np.ndarray:
    """The same filter at twice the rate: a zero between neighbours."""
    spread = np.zeros(2 * len(taps) - 1)
    spread[::2] = taps
    return spread
