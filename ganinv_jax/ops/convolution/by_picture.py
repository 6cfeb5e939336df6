"""Convolution whose weight gradient is a matrix product of a few pictures at a time, summed over the batch.

XLA's own rule turns the weight gradient into one convolution with a kernel as large as the picture, which a CPU runs
at a fifth of its speed. Patches of a few thousand pixels stay in the cache instead.

The gradient of the pictures is a convolution by the flipped weight. XLA brings it into the layout that its fast kernel
takes, but not inside of a loop, where it then runs several times as long. So it is written in that layout.
"""

import functools

import jax
import jax.numpy as jnp
from jax import lax
from jax.custom_derivatives import SymbolicZero

from ganinv_jax.ops.convolution import reference

PIXELS_AT_A_TIME = 4096  # patches of so many output pixels fit in the second-level cache at the usual widths


def convolve(x, weight, pads, stride, precision):
    if stride != 1:
        return reference.convolve(x, weight, pads, stride, precision)
    return _convolve(x, weight, pads, precision, False)


@functools.partial(jax.custom_jvp, nondiff_argnums=(2, 3, 4))
def _convolve(x, weight, pads, precision, for_transpose):
    """for_transpose: in the layout of weights whose transpose has the usual one, HWIO."""
    if not for_transpose:
        return reference.convolve(x, weight, pads, 1, precision)
    numbers = ("NHWC", "HWOI", "NHWC")
    weight = weight.swapaxes(2, 3)
    return lax.conv_general_dilated(x, weight, (1, 1), pads, dimension_numbers=numbers, precision=precision)


@functools.partial(_convolve.defjvp, symbolic_zeros=True)
def _tangent(pads, precision, for_transpose, primals, tangents):
    (x, weight), (dx, dweight) = primals, tangents
    y = _convolve(x, weight, pads, precision, for_transpose)
    dy = None
    if not isinstance(dx, SymbolicZero):
        dy = _convolve(dx, weight, pads, precision, True)
    if not isinstance(dweight, SymbolicZero):
        through_weight = _by_picture(x, dweight, pads, precision)
        dy = through_weight if dy is None else dy + through_weight
    return y, jnp.zeros_like(y) if dy is None else dy


def _by_picture(x, weight, pads, precision):
    """The same convolution as patches times matrix under a loop: its transpose is the weight gradient wanted."""
    batch, height, width, inputs = x.shape
    rows, columns, _, outputs = weight.shape
    height, width = height + sum(pads[0]) - rows + 1, width + sum(pads[1]) - columns + 1
    together = max(1, min(batch, PIXELS_AT_A_TIME // max(1, height * width)))
    while batch % together:
        together -= 1
    matrix = weight.reshape(-1, outputs)

    @jax.checkpoint  # keeps the pictures for the gradient, not their patches
    def some(pictures):
        padded = jnp.pad(pictures, ((0, 0), *pads, (0, 0)))
        shifts = [padded[:, i : i + height, j : j + width] for i in range(rows) for j in range(columns)]
        patches = jnp.concatenate(shifts, axis=-1).reshape(-1, matrix.shape[0])
        return jnp.matmul(patches, matrix, precision=precision)

    groups = x.reshape(batch // together, together, *x.shape[1:])
    return lax.map(some, groups).reshape(batch, height, width, outputs)
