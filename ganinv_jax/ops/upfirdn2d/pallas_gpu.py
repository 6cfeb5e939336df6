"""upfirdn2d as one kernel for NVIDIA GPUs, through Triton: both axes in one pass.

A program instance makes a tile of pixels by channels, one phase of rows and columns after the other: so the taps are
known when it is compiled, and no zero is read that up-sampling would insert.
"""

import itertools

import jax
import jax.numpy as jnp
from jax import lax
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton as plgpu

from ganinv_jax.ops.upfirdn2d.polyphase import Axis

NUMBERS, CHANNELS = 1024, 64  # of a tile
MOST_TAPS = 64  # of both axes together; each is a load of its own


def suits(x, rows: Axis, columns: Axis) -> bool:
    """Whether the compiler takes these shapes and types: any shape, since what a tile has too much is masked."""
    known = x.dtype in (jnp.float32, jnp.bfloat16, jnp.float16, jnp.float64)
    return known and rows.taps * columns.taps <= MOST_TAPS


def upfirdn2d(x, rows: Axis, columns: Axis, interpret: bool):
    """x [b, h, w, c] -> [b, rows.size, columns.size, c]."""
    batch, height, width, channels = x.shape
    wide = min(CHANNELS, pl.next_power_of_2(channels))
    pixels = NUMBERS // wide
    per_phase = rows.per_phase * columns.per_phase

    def kernel(x, out):
        pixel = pl.program_id(0) * pixels + jnp.arange(pixels)
        channel = pl.program_id(1) * wide + jnp.arange(wide)
        row, column = lax.div(pixel, columns.per_phase), lax.rem(pixel, columns.per_phase)
        for q, p in itertools.product(range(len(rows.phases)), range(len(columns.phases))):
            total = jnp.zeros((pixels, wide), jnp.promote_types(x.dtype, jnp.float32))
            for (down, tap), (right, other) in itertools.product(rows.phases[q], columns.phases[p]):
                above, before = row * rows.stride + down, column * columns.stride + right
                seen = (above >= 0) & (above < height) & (before >= 0) & (before < width)
                mask = seen[:, None] & (channel < channels)[None]
                part = plgpu.load(x.at[(above * width + before)[:, None], channel[None]], mask=mask, other=0)
                total += tap * other * part.astype(total.dtype)
            above, before = row * len(rows.phases) + q, column * len(columns.phases) + p
            mask = ((above < rows.size) & (before < columns.size))[:, None] & (channel < channels)[None]
            place = out.at[(above * columns.size + before)[:, None], channel[None]]
            plgpu.store(place, total.astype(out.dtype), mask=mask)

    y = pl.pallas_call(
        kernel,
        grid=(pl.cdiv(per_phase, pixels), pl.cdiv(channels, wide), batch),
        in_specs=[pl.BlockSpec((None, height * width, channels), lambda p, c, b: (b, 0, 0))],
        out_specs=pl.BlockSpec((None, rows.size * columns.size, channels), lambda p, c, b: (b, 0, 0)),
        out_shape=jax.ShapeDtypeStruct(
            (batch, rows.size * columns.size, channels), x.dtype, manual_axis_type=jax.typeof(x).manual_axis_type
        ),
        compiler_params=plgpu.CompilerParams(num_warps=4, num_stages=2),
        interpret=interpret,
        name="upfirdn2d",
    )(x.reshape(batch, height * width, channels))
    return y.reshape(batch, rows.size, columns.size, channels)
