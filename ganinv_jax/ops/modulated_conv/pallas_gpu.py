"""The whole modulated convolution as one kernel for NVIDIA GPUs, through Triton: an implicit matrix product.

A program instance makes a tile of pixels by output channels of one picture; it steps through the taps and the input
channels, gathers the pixels that a tap looks at, and finishes the sums before they leave the registers.
"""

import jax
import jax.numpy as jnp
from jax import lax
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton as plgpu

from ganinv_jax.ops.bias_act import bias_act

LEAST = 16  # sides of a tile that tensor cores take
PIXELS, OUTPUTS = 128, 64  # of a tile
INPUT_BYTES = 128  # of the input channels in a step, which is a line of the cache


def suits(x, weight) -> bool:
    """Whether the compiler takes these shapes and types: any shape, since what a tile has too much is masked."""
    return x.dtype in (jnp.float32, jnp.bfloat16, jnp.float16, jnp.float64)


def modulated_conv(x, weight, styles, scale, noise, bias, epilogue, precision, interpret: bool):
    """bias_act(scale * conv(x * styles, weight) + noise, bias) for a 1x1 or 3x3 kernel, stride 1, zeros around.

    Arguments as those of `pallas_tpu.modulated_conv`.
    """
    batch, height, width, inputs = x.shape
    size, outputs, pixels = weight.shape[0], weight.shape[3], height * width
    tile = _side(pixels, PIXELS), _side(inputs, INPUT_BYTES // x.dtype.itemsize), _side(outputs, OUTPUTS)

    operands, specs = {}, {}

    def give(name, array, picture=lambda b: b):
        """The part of the program's picture."""
        whole, rest = array.shape[1:], (0,) * (array.ndim - 1)
        operands[name], specs[name] = array, pl.BlockSpec((None, *whole), lambda p, o, b: (picture(b), *rest))

    give("x", x.reshape(batch, pixels, inputs))
    give("weight", weight.reshape(1, -1, outputs), lambda b: 0)
    give("styles", styles)
    if scale is not None:
        give("scale", scale)
    if noise is not None:
        several = noise.shape[0] > 1
        give("noise", noise.reshape(-1, pixels), lambda b: b if several else 0)
    if bias is not None:
        give("bias", bias[None], lambda b: 0)

    def kernel(refs, out):
        pixel = pl.program_id(0) * tile[0] + jnp.arange(tile[0])
        output = pl.program_id(1) * tile[2] + jnp.arange(tile[2])
        y = _convolved(refs, pixel, output, (size, height, width), tile, precision)
        y = _finished(y, refs, pixel, output, epilogue).astype(out.dtype)
        inside = (pixel < pixels)[:, None] & (output < outputs)[None]
        plgpu.store(out.at[pixel[:, None], output[None]], y, mask=inside)

    y = pl.pallas_call(
        kernel,
        grid=(pl.cdiv(pixels, tile[0]), pl.cdiv(outputs, tile[2]), batch),
        in_specs=[specs],
        out_specs=pl.BlockSpec((None, pixels, outputs), lambda p, o, b: (b, 0, 0)),
        out_shape=jax.ShapeDtypeStruct(
            (batch, pixels, outputs), x.dtype, manual_axis_type=jax.typeof(x).manual_axis_type
        ),
        compiler_params=plgpu.CompilerParams(num_warps=4, num_stages=3),
        interpret=interpret,
        name=f"modulated_conv_{size}x{size}",
    )(operands)
    return y.reshape(batch, height, width, outputs)


def _convolved(refs, pixel, output, geometry, tile, precision):
    """[pixels, o], in the type of sums."""
    size, height, width = geometry
    inputs, outputs = refs["x"].shape[1], refs["weight"].shape[1]
    row, column = lax.div(pixel, width), lax.rem(pixel, width)
    steps = pl.cdiv(inputs, tile[1])
    sums = jnp.promote_types(refs["x"].dtype, jnp.float32)

    def step(n, total):
        tap, channel = lax.div(n, steps), lax.rem(n, steps) * tile[1] + jnp.arange(tile[1])
        down, right = lax.div(tap, size) - size // 2, lax.rem(tap, size) - size // 2
        seen = (row + down >= 0) & (row + down < height) & (column + right >= 0) & (column + right < width)
        there, known = pixel + down * width + right, channel < inputs
        x = _load(refs["x"], (there[:, None], channel[None]), seen[:, None] & known[None])
        x = x * _load(refs["styles"], (channel,), known)[None]
        kernel = (tap * inputs + channel)[:, None], output[None]
        weight = _load(refs["weight"], kernel, known[:, None] & (output < outputs)[None])
        return total + jnp.dot(x, weight, precision=precision, preferred_element_type=sums)

    return lax.fori_loop(0, size**2 * steps, step, jnp.zeros((tile[0], tile[2]), sums))


def _finished(y, refs, pixel, output, epilogue):
    is_output = output < refs["weight"].shape[1]
    if "scale" in refs:
        y = y * _load(refs["scale"], (output,), is_output)[None]
    if "noise" in refs:
        y = y + _load(refs["noise"], (pixel,), pixel < refs["x"].shape[0])[:, None]
    bias = _load(refs["bias"], (output,), is_output)[None] if "bias" in refs else None
    return bias_act(y, bias, **epilogue)


def _load(ref, index, mask):
    return plgpu.load(ref.at[index], mask=mask, other=0)


def _side(count: int, most: int) -> int:
    """A power of two, as every array in such a kernel must have."""
    return max(LEAST, min(most, pl.next_power_of_2(count)))
