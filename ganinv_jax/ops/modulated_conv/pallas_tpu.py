"""The whole modulated convolution as one kernel for TPUs: features cross the memory bus once in and once out.

A program instance makes some rows of one picture, for a block of output channels, from those rows and one more above
and below; each tap is one matrix product over all input channels. The output channels are the outermost loop, so a
block of weights stays in VMEM while all pictures stream by.
"""

import math

import jax
import jax.numpy as jnp
from jax import lax
from jax.experimental import pallas as pl
from jax.experimental.pallas import tpu as pltpu

from ganinv_jax.ops.bias_act import bias_act

LANES, SUBLANES = 128, 8  # of a vector register of 32-bit numbers
OUTPUTS_AT_A_TIME = 256  # two passes of a 128-wide matrix unit, one of a 256-wide
PIXELS_AT_A_TIME = 512  # rows of a matrix product; the compiler unrolls it, so more would be code, not speed
# Of 128 MiB in v5e and v6e: what the blocks may take by our sum, and what the compiler may take in all.
VMEM_BUDGET, VMEM_LIMIT = 24 << 20, 64 << 20


def suits(x, weight) -> bool:
    """Whether the compiler takes these shapes and types: rows must fill whole tiles, and float16 is not known to it.

    The interpreter also takes float64.
    """
    known = x.dtype in (jnp.float32, jnp.bfloat16, jnp.float64)
    whole_tiles = x.shape[2] % (4 * SUBLANES // x.dtype.itemsize) == 0
    return known and whole_tiles and _vmem(x, weight, _rows_of_a_product(x)) <= VMEM_BUDGET


def modulated_conv(x, weight, styles, scale, noise, bias, epilogue, precision, interpret: bool):
    """bias_act(scale * conv(x * styles, weight) + noise, bias) for a 1x1 or 3x3 kernel, stride 1, zeros around.

    x [b, h, w, i], weight [k, k, i, o] and styles [b, i] in one type; scale [b, o], noise [1 or b, h, w, 1] and
    bias [o] in the type of sums, or None.
    """
    batch, height, width, inputs = x.shape
    size, outputs = weight.shape[0], weight.shape[3]
    rows, wide = _rows(x, weight), _output_block(outputs)
    operands, specs = {}, {}

    def give(name, array, block, index):
        operands[name], specs[name] = array, pl.BlockSpec(block, index)

    give("x", x, (None, rows, width, inputs), lambda o, b, r: (b, r, 0, 0))
    if size == 3:  # the rows above and below; at the border any row will do, zeros take its place
        row = (None, 1, width, inputs)
        give("above", x, row, lambda o, b, r: (b, jnp.maximum(r * rows - 1, 0), 0, 0))
        give("below", x, row, lambda o, b, r: (b, jnp.minimum((r + 1) * rows, height - 1), 0, 0))
    give("weight", weight, (size, size, inputs, wide), lambda o, b, r: (0, 0, 0, o))
    give("styles", styles[:, None], (None, 1, inputs), lambda o, b, r: (b, 0, 0))
    if scale is not None:
        give("scale", scale[:, None], (None, 1, wide), lambda o, b, r: (b, 0, o))
    if noise is not None:
        several = noise.shape[0] > 1
        give("noise", noise.swapaxes(2, 3), (None, rows, 1, width), lambda o, b, r: (b if several else 0, r, 0, 0))
    if bias is not None:
        give("bias", bias[None], (1, wide), lambda o, b, r: (0, o))

    def kernel(refs, out, scaled):
        _scale_in(refs, scaled, pl.program_id(2) * rows, height)
        together = _rows_of_a_product(x)

        @pl.loop(0, rows // together)
        def _(group):
            part = pl.ds(group * together, together)
            y = _finished(_convolved(scaled, part, refs["weight"], precision), refs, part, epilogue)
            out[part] = y.reshape(together, width, -1).astype(out.dtype)

    return pl.pallas_call(
        kernel,
        grid=(pl.cdiv(outputs, wide), batch, pl.cdiv(height, rows)),
        in_specs=[specs],
        out_specs=pl.BlockSpec((None, rows, width, wide), lambda o, b, r: (b, r, 0, o)),
        out_shape=jax.ShapeDtypeStruct(
            (batch, height, width, outputs), x.dtype, manual_axis_type=jax.typeof(x).manual_axis_type
        ),
        scratch_shapes=[pltpu.VMEM((rows + size - 1, width, inputs), x.dtype)],
        compiler_params=pltpu.CompilerParams(dimension_semantics=("parallel",) * 3, vmem_limit_bytes=VMEM_LIMIT),
        cost_estimate=_cost(x, weight, rows, wide),
        interpret=interpret,
        name=f"modulated_conv_{size}x{size}",
    )(operands)


def _scale_in(refs, scaled, first, height: int) -> None:
    """Fill `scaled` with the styled rows from first - size // 2 on; those outside of the picture are zeros."""
    rows, around = refs["x"].shape[0], (scaled.shape[0] - refs["x"].shape[0]) // 2

    def put(at, row):
        inside = (first + at >= 0) & (first + at < height)
        scaled[around + at] = jnp.where(inside, row * refs["styles"][...], jnp.zeros_like(row))

    @pl.loop(0, rows)
    def _(at):
        put(at, refs["x"][at])

    if around:
        put(-1, refs["above"][0])
        put(rows, refs["below"][0])


def _convolved(scaled, part, weight, precision):
    """[rows * width, o] of some rows, in the type of sums."""
    _, width, inputs = scaled.shape
    size, pixels = weight.shape[0], part.size * width

    def column_of_taps(j: int):
        shifted = [scaled[pl.ds(part.start + i, part.size)].reshape(pixels, inputs) for i in range(size)]
        products = [_matmul(x, weight[i, j], precision) for i, x in enumerate(shifted)]
        return sum(products[1:], products[0])

    if size == 1:
        return column_of_taps(0)
    return _moved(column_of_taps(0), 1, width) + column_of_taps(1) + _moved(column_of_taps(2), -1, width)


def _matmul(x, weight, precision):
    # Products of bfloat16 numbers are exact in float32, and the compiler refuses to be asked for more.
    exact = lax.Precision.DEFAULT if x.dtype == jnp.bfloat16 else precision
    return jnp.dot(x, weight, precision=exact, preferred_element_type=jnp.promote_types(x.dtype, jnp.float32))


def _moved(y, columns: int, width: int):
    """Rows of pixels [rows * width, o], moved by one column to the right (1) or to the left (-1); zeros move in."""
    column = lax.broadcasted_iota(jnp.int32, y.shape, 0) % width
    border = 0 if columns == 1 else width - 1
    return jnp.where(column == border, jnp.zeros_like(y), pltpu.roll(y, columns % y.shape[0], 0))


def _finished(y, refs, part, epilogue):
    if "scale" in refs:
        y = y * refs["scale"][...]
    if "noise" in refs:
        noise = refs["noise"][part, 0]
        y = (y.reshape(*noise.shape, -1) + noise[:, :, None]).reshape(y.shape)
    return bias_act(y, refs["bias"][...] if "bias" in refs else None, **epilogue)


def _rows(x, weight) -> int:
    """Rows of a program instance: as many as fit, since the rows around them are read twice."""
    together, rows = _rows_of_a_product(x), x.shape[1]
    while rows > together and _vmem(x, weight, rows) > VMEM_BUDGET:
        rows -= together
    return rows


def _rows_of_a_product(x) -> int:
    _, height, width, _ = x.shape
    rows = max(1, min(height, PIXELS_AT_A_TIME // width))
    while height % rows:
        rows -= 1
    return rows


def _vmem(x, weight, rows: int) -> int:
    """Bytes of VMEM: blocks twice, since the next are fetched meanwhile, and the styled rows."""
    size, _, inputs, outputs = weight.shape
    width, wide = x.shape[2], _output_block(outputs)
    features = _tiled(rows + size - 1, width, inputs)
    blocks = features + _tiled(size**2, inputs, wide) + _tiled(rows, width, wide)
    return (2 * blocks + features) * x.dtype.itemsize + 2 * _tiled(rows, 1, width) * 4


def _tiled(count: int, *tile: int) -> int:
    """Numbers that `count` matrices of the shape `tile` take in whole registers."""
    return count * math.prod(pl.cdiv(n, unit) * unit for n, unit in zip(tile, (SUBLANES, LANES), strict=True))


def _output_block(outputs: int) -> int:
    fits = [wide for wide in (OUTPUTS_AT_A_TIME, LANES) if outputs % wide == 0]
    return fits[0] if fits else outputs


def _cost(x, weight, rows: int, wide: int) -> pl.CostEstimate:
    """What the kernel computes and moves; the compiler cannot look inside."""
    (batch, height, width, inputs), (size, _, _, outputs) = x.shape, weight.shape
    pixels = batch * height * width
    read_rows = (rows + size - 1) / rows * (outputs // wide)
    numbers = pixels * (inputs * read_rows + outputs) + weight.size
    return pl.CostEstimate(
        flops=2 * pixels * size**2 * inputs * outputs,
        bytes_accessed=int(numbers * x.dtype.itemsize),
        transcendentals=0,
    )
