"""ADA's geometric transforms: one affine matrix per picture, and an alias-free warp by it.

A matrix takes homogeneous pixel coordinates (x, y, 1) of the result to those of the source, both measured from the
picture's centre with y down. The warp doubles the resolution with the wavelet sym6, reads that bilinearly and halves it
again; sym6 is orthogonal, so the identity matrix gives the picture back.

**Padding.** NVIDIA's code pads by reflection as far as the most extreme corner of the batch reaches, at most size - 1;
beyond, it reads 0 (mid grey). A traced program has fixed shapes, so here the margin is always size - 1, and a picture
does not depend on the batch around it. Inside NVIDIA's margin nothing changes but the rim, where NVIDIA's filter meets
zeros: at most 3e-4 of [-1, 1] on cat photos at p = 1. Grey shows in 1.5 pictures of 1,000 at p = 1, in both.
The padded picture repeats itself with period 2 (size - 1), so little more than one period of it is ever computed.
"""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from ganinv_jax.core.configs import check
from ganinv_jax.data.augment.ada.chance import between, normal, sometimes
from ganinv_jax.data.augment.ada.spec import AdaSpec

# Orthogonal low-pass filter of the Daubechies least-asymmetric wavelet with 6 vanishing moments; sums to sqrt(2).
SYM6 = np.array(
    [
        0.015404109327027373,
        0.0034907120842174702,
        -0.11799011114819057,
        -0.048311742585633,
        0.4910559419267466,
        0.787641141030194,
        0.3379294217276218,
        -0.07263752278646252,
        -0.021060292512300564,
        0.04472490177066578,
        0.0017677118642428036,
        -0.007800708325034148,
    ]
)
NUMBERS = 18  # in [0, 1), that `draw` needs
_SMALLEST = 8  # pixels; below, the padded picture is too short to hold a period of clean rows
_RIM = 1 + len(SYM6) // 2  # up-sampled rows at either end that differ: the zero border, and where the filter meets it


def draw(numbers: Float[Array, "18"], p, spec: AdaSpec, height: int, width: int) -> Float[Array, "3 3"]:
    """The matrix of one picture: flip, quarter turn, shift, zoom, turn, stretch, turn and shift, each by chance."""
    dice, uniform = numbers[:8], numbers[8:]
    size = jnp.array([width, height], jnp.float32)
    # Two turns, each with this probability, leave the picture unturned with probability 1 - p.
    turn = 1 - jnp.sqrt(jnp.clip(1 - spec.rotate * p, 0, 1))
    angles = between(uniform[4:6], math.pi * spec.rotate_max)

    flip = sometimes(dice[0], spec.xflip * p, jnp.floor(2 * uniform[0]), 0)
    quarters = sometimes(dice[1], spec.rotate90 * p, jnp.floor(4 * uniform[1]), 0)
    whole = sometimes(dice[2], spec.xint * p, jnp.round(between(uniform[2:4], spec.xint_max) * size), 0)
    zoom = sometimes(dice[3], spec.scale * p, jnp.exp2(normal(uniform[6], spec.scale_std)), 1)
    before = sometimes(dice[4], turn, angles[0], 0)
    stretch = sometimes(dice[5], spec.aniso * p, jnp.exp2(normal(uniform[7], spec.aniso_std)), 1)
    after = sometimes(dice[6], turn, angles[1], 0)
    part = sometimes(dice[7], spec.xfrac * p, normal(uniform[8:], spec.xfrac_std) * size, 0)
    return compose(
        scaling(1 - 2 * flip, 1),
        rotation(quarters * (math.pi / 2)),
        translation(-whole[0], -whole[1]),
        scaling(1 / zoom, 1 / zoom),
        rotation(before),
        scaling(1 / stretch, stretch),
        rotation(after),
        translation(-part[0], -part[1]),
    )


def warp(images: Float[Array, "b h w c"], inverse: Float[Array, "b 3 3"]) -> Float[Array, "b h w c"]:
    """The pictures seen through their matrices: result(q) = source(inverse @ q). Linear in `images`.

    Raises InputError for pictures below 8 pixels.
    """
    _, height, width, _ = images.shape
    check(min(height, width) >= _SMALLEST, f"ADA warps pictures of at least {_SMALLEST} px, but got {width}x{height}.")
    fine = _along_axes(images, _upsampling(height), _upsampling(width))
    x, y = _centred(width), _centred(height)[:, None]
    across, down = inverse[:, 0, :, None, None], inverse[:, 1, :, None, None]
    columns = _index(across[:, 0] * x + across[:, 1] * y + across[:, 2], width)
    rows = _index(down[:, 0] * x + down[:, 1] * y + down[:, 2], height)
    fine = jax.vmap(_bilinear)(fine, *rows, *columns)
    return _along_axes(fine, _downsampling(height), _downsampling(width))


def translation(x, y) -> Float[Array, "3 3"]:
    """Shift by (x, y) pixels."""
    return jnp.array([[1, 0, x], [0, 1, y], [0, 0, 1]], jnp.float32)


def scaling(x, y) -> Float[Array, "3 3"]:
    """Scale about the centre."""
    return jnp.array([[x, 0, 0], [0, y, 0], [0, 0, 1]], jnp.float32)


def rotation(angle) -> Float[Array, "3 3"]:
    """Turn about the centre by `angle` radians, from +x towards +y (clockwise on screen)."""
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    return jnp.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]], jnp.float32)


def compose(*matrices: Float[Array, "n n"]) -> Float[Array, "n n"]:
    """Their product. In full precision: coordinates rounded to TensorFloat-32 or bfloat16 would move pixels."""
    return functools.reduce(functools.partial(jnp.matmul, precision=lax.Precision.HIGHEST), matrices)


def _along_axes(images, vertical: np.ndarray, horizontal: np.ndarray):
    """Multiply rows and columns by a constant matrix each. On a CPU the gradient is 14x faster than of shifted adds."""
    rows, columns = jnp.asarray(vertical, images.dtype), jnp.asarray(horizontal, images.dtype)
    images = jnp.einsum("nh,bhwc->bnwc", rows, images, precision=lax.Precision.HIGHEST)
    return jnp.einsum("mw,bnwc->bnmc", columns, images, precision=lax.Precision.HIGHEST)


def _centred(size: int) -> np.ndarray:
    """Where the finer result is computed, in source pixels from the centre: what the 12 taps of `_downsampling` read.

    The fifth neighbour of each pixel, where sym6 is centred, lies on the pixel itself.
    """
    return ((np.arange(2 * size + 10) - size - 4) / 2).astype(np.float32)


def _index(position: Float[Array, "*s"], size: int):
    """Position in pixels from the centre -> row of `_upsampling` below it, and the fraction beyond that row."""
    last = 6 * size - 3
    # Beyond the padded picture everything reads its zero border.
    exact = jnp.clip(2 * position + (3 * size - 2), 0, last)
    padded = jnp.minimum(jnp.floor(exact).astype(jnp.int32), last - 1)
    first, rim, period = _layout(size)
    folded = jnp.where(padded < first, padded, padded - period)
    return jnp.where(padded < rim, folded, padded - rim + first + 1), exact - padded


def _layout(size: int) -> tuple[int, int, int]:
    """First padded row that repeats an earlier one, first row of the far rim, and the period between them."""
    rim, period = 6 * size - 2 - _RIM, 4 * (size - 1)
    return _RIM + period, rim, period


def _bilinear(image: Float[Array, "m n c"], row, row_part, column, column_part) -> Float[Array, "h w c"]:
    # One gather of 2x2 windows: its transpose, a scatter, is what the gradient costs, and four gathers cost twice that.
    windows = lax.GatherDimensionNumbers(offset_dims=(2, 3, 4), collapsed_slice_dims=(), start_index_map=(0, 1))
    corners = lax.gather(
        image,
        jnp.stack([row, column], -1),
        windows,
        slice_sizes=(2, 2, image.shape[-1]),
        mode=lax.GatherScatterMode.PROMISE_IN_BOUNDS,
    )
    row_part, column_part = (part[..., None].astype(image.dtype) for part in (row_part, column_part))
    column_part = column_part[..., None, :]
    sides = corners[..., 0, :] * (1 - column_part) + corners[..., 1, :] * column_part
    return sides[..., 0, :] * (1 - row_part) + sides[..., 1, :] * row_part


@functools.cache
def _upsampling(size: int) -> np.ndarray:
    """[rows, size]: pad by reflection, double with sym6, border with zeros, leave out rows that repeat (`_layout`)."""
    padded = np.pad(np.eye(size), ((size - 1, size - 1), (0, 0)), mode="reflect")
    length, taps = 2 * len(padded), len(SYM6)
    spaced = np.zeros((length + taps - 1, size))
    spaced[taps // 2 :][:length:2] = padded
    fine = sum(math.sqrt(2) * tap * spaced[k : k + length] for k, tap in enumerate(SYM6[::-1]))
    rows = np.pad(fine, ((1, 1), (0, 0)))
    first, rim, _ = _layout(size)
    return np.concatenate([rows[: first + 1], rows[rim:]])


@functools.cache
def _downsampling(size: int) -> np.ndarray:
    """[size, 2 size + 10]: halve with sym6 read backwards, the transpose of the up-sampling."""
    matrix = np.zeros((size, 2 * size + 10))
    for pixel in range(size):
        matrix[pixel, 2 * pixel : 2 * pixel + len(SYM6)] = SYM6 / math.sqrt(2)
    return matrix
