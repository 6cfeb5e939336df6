"""upfirdn2d as one kernel for TPUs: both axes in one pass, while a few rows are in VMEM.

A program instance makes some output rows of some channels: weighted sums of whole rows first, then, row by row, of
columns, where the strides of up- and down-sampling are strided accesses to VMEM.
"""

import dataclasses
import math

import jax
import jax.numpy as jnp
from jax.experimental import pallas as pl
from jax.experimental.pallas import tpu as pltpu

from ganinv_jax.ops.upfirdn2d.polyphase import Axis

LANES, SUBLANES = 128, 8  # of a vector register of 32-bit numbers
MOST_ROWS_AROUND = 8  # each is an operand of its own
VMEM_BUDGET, VMEM_LIMIT = 12 << 20, 64 << 20  # see `modulated_conv.pallas_tpu`


def suits(x, rows: Axis, columns: Axis) -> bool:
    """Whether the compiler takes these shapes and types: few rows around a block, and rows that fit."""
    known = x.dtype in (jnp.float32, jnp.bfloat16, jnp.float64)
    plan = _Plan(x.shape, rows, columns, 1)
    return known and 0 < plan.before + plan.after + 1 <= MOST_ROWS_AROUND and plan.vmem() <= VMEM_BUDGET


def upfirdn2d(x, rows: Axis, columns: Axis, interpret: bool):
    """x [b, h, w, c] -> [b, rows.size, columns.size, c]."""
    plan = _planned(x, rows, columns)
    batch, height, width, channels = x.shape
    wide, sums = plan.channels, jnp.promote_types(x.dtype, jnp.float32)
    last = pl.cdiv(height, plan.read) - 1

    def row_at(offset: int) -> pl.BlockSpec:
        """One row, `offset` rows after a block's first; beyond the picture any will do, zeros take its place."""
        return pl.BlockSpec(
            (None, 1, width, wide), lambda b, c, r: (b, jnp.clip(r * plan.read + offset, 0, height - 1), 0, c)
        )

    offsets = [*range(-plan.before, 0), *range(plan.read, plan.read + plan.after)]
    block = pl.BlockSpec((None, plan.read, width, wide), lambda b, c, r: (b, jnp.minimum(r, last), 0, c))

    def kernel(block, around, out, seen, line, finished):
        _collect(block, around, seen, plan, pl.program_id(2) * plan.read, height)
        line[...] = jnp.zeros(line.shape, line.dtype)

        @pl.loop(0, plan.count)
        def _(m):
            for q, reads in enumerate(rows.phases):
                total = sum(tap * seen[m * rows.stride + offset + plan.before] for offset, tap in reads)
                line[plan.left : plan.left + width] = total + jnp.zeros((width, wide), sums)
                _filter_line(line, finished, columns, plan.left)
                out[m * len(rows.phases) + q] = finished[: columns.size].astype(out.dtype)

    return pl.pallas_call(
        kernel,
        grid=(batch, channels // wide, pl.cdiv(rows.size, plan.count * len(rows.phases))),
        in_specs=[block, [row_at(offset) for offset in offsets]],
        out_specs=pl.BlockSpec((None, plan.count * len(rows.phases), columns.size, wide), lambda b, c, r: (b, r, 0, c)),
        out_shape=jax.ShapeDtypeStruct(
            (batch, rows.size, columns.size, channels), x.dtype, manual_axis_type=jax.typeof(x).manual_axis_type
        ),
        scratch_shapes=[
            pltpu.VMEM((plan.before + plan.read + plan.after, width, wide), sums),
            pltpu.VMEM((plan.line, wide), sums),
            pltpu.VMEM((columns.per_phase * len(columns.phases), wide), sums),
        ],
        compiler_params=pltpu.CompilerParams(dimension_semantics=("parallel",) * 3, vmem_limit_bytes=VMEM_LIMIT),
        cost_estimate=pl.CostEstimate(
            flops=2 * batch * rows.size * channels * (width * rows.taps + columns.size * columns.taps),
            bytes_accessed=batch * channels * x.dtype.itemsize * (height * width + rows.size * columns.size),
            transcendentals=0,
        ),
        interpret=interpret,
        name="upfirdn2d",
    )(x, [x] * len(offsets))


def _collect(block, around, seen, plan, first, height: int) -> None:
    """Fill `seen` with the rows that a block reads, from `first` - before on; those outside of the picture are 0."""

    def put(at, row):
        inside = (first + at >= 0) & (first + at < height)
        row = row.astype(seen.dtype)
        seen[at + plan.before] = jnp.where(inside, row, jnp.zeros_like(row))

    @pl.loop(0, plan.read)
    def _(at):
        put(at, block[at])

    for i in range(plan.before):
        put(i - plan.before, around[i][0])
    for i in range(plan.after):
        put(plan.read + i, around[plan.before + i][0])


def _filter_line(line, finished, columns: Axis, left: int) -> None:
    for q, reads in enumerate(columns.phases):
        parts = [tap * line[pl.ds(left + offset, columns.per_phase, columns.stride)] for offset, tap in reads]
        total = sum(parts, jnp.zeros((columns.per_phase, line.shape[1]), line.dtype))
        finished[pl.ds(q, columns.per_phase, len(columns.phases))] = total


@dataclasses.dataclass(frozen=True)
class _Plan:
    """count: outputs of each phase of rows that a program instance makes."""

    shape: tuple[int, int, int, int]
    rows: Axis
    columns: Axis
    count: int

    @property
    def read(self) -> int:
        """Input rows from one block's first to the next one's."""
        return self.count * self.rows.stride

    @property
    def before(self) -> int:
        return max(0, -self.rows.low)

    @property
    def after(self) -> int:
        return max(0, self.rows.high + (self.count - 1) * self.rows.stride + 1 - self.read)

    @property
    def channels(self) -> int:
        channels = self.shape[3]
        return LANES if channels % LANES == 0 else channels

    @property
    def left(self) -> int:
        """Zeros before a row's first pixel."""
        return max(0, -self.columns.low)

    @property
    def line(self) -> int:
        reach = self.columns.high + (self.columns.per_phase - 1) * self.columns.stride + 1
        return self.left + max(self.shape[2], reach)

    def vmem(self) -> int:
        """Bytes as 32-bit numbers: input and output twice, since the next are fetched meanwhile, and the rows seen."""
        inputs = (3 * self.read + 3 * (self.before + self.after)) * self._row(self.shape[2])
        outputs = 2 * self.count * len(self.rows.phases) * self._row(self.columns.size)
        return 4 * (inputs + outputs + self._row(self.line) + self._row(self.columns.size))

    def _row(self, width: int) -> int:
        return math.prod(pl.cdiv(n, unit) * unit for n, unit in ((width, SUBLANES), (self.channels, LANES)))


def _planned(x, rows: Axis, columns: Axis) -> _Plan:
    """As many rows at a time as fit, since those around them are read twice."""
    plan = _Plan(x.shape, rows, columns, rows.per_phase)
    while plan.vmem() > VMEM_BUDGET:
        plan = dataclasses.replace(plan, count=-(-plan.count // 2))
    return plan
