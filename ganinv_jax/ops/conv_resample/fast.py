"""The formulations of convolution with resampling that win; all plain `lax`, so differentiable to any order.

- up: the four phases of the transposed convolution as four small convolutions on the coarse grid (nine taps in all, no
  zero is multiplied), the filter as shifted adds of phases, then one interleaving. XLA's gradient of a transposed
  convolution costs a CPU 88 times its forward; folding the filter into the kernel would cost four times the taps.
- down: filter by shifted adds, then stride 2.
- 1x1: the filter works on whichever side has fewer pixels.
"""

import jax.numpy as jnp
import numpy as np
from jax import lax

from ganinv_jax.ops.conv_resample import reference
from ganinv_jax.ops.convolution import convolve
from ganinv_jax.ops.upfirdn2d import downsample2d, upfirdn2d, upsample2d


def conv2d(x, weight, resample, taps, precision):
    size, fir = weight.shape[0], taps.shape[0]
    if resample is None:
        return convolve(x, weight, size // 2, precision=precision)
    if resample == "down":
        if size == 1:
            return convolve(downsample2d(x, taps), weight, precision=precision)
        filtered = upfirdn2d(x, taps, padding=reference.padding_before_stride(size, fir))
        return convolve(filtered, weight, stride=2, precision=precision)
    if size == 1:
        return upsample2d(convolve(x, weight, precision=precision), taps)
    if size == 3 and taps.shape == (4,):
        return _up_by_phases(x, weight, taps, precision)
    y = reference.transposed(x, weight, precision)
    return upfirdn2d(y, taps, padding=reference.padding_after_transposed(size, fir), gain=4)


def _up_by_phases(x, weight, taps: np.ndarray, precision):
    """3x3 and four taps. Along an axis the transposed convolution t has h + 1 even and h odd outputs:

    t[2 m] = x[m] w[0] + x[m - 1] w[2] and t[2 m + 1] = x[m] w[1].
    """
    batch, height, width, _ = x.shape
    phases = [[_phase(x, weight, vertical, horizontal, precision) for horizontal in (0, 1)] for vertical in (0, 1)]
    rows = [_filter_phases(even, odd, taps, axis=2) for even, odd in phases]
    columns = [_filter_phases(even, odd, taps, axis=1) for even, odd in zip(*rows, strict=True)]
    # columns[horizontal][vertical]: [b, h, w, o] -> [b, h, w, 2, 2, o] -> [b, 2 h, 2 w, o]
    y = jnp.stack([columns[q][p] for p in (0, 1) for q in (0, 1)], axis=3)
    y = y.reshape(batch, height, width, 2, 2, weight.shape[3]).transpose(0, 1, 3, 2, 4, 5)
    return y.reshape(batch, 2 * height, 2 * width, weight.shape[3])


def _phase(x, weight, vertical: int, horizontal: int, precision):
    reads = (np.array([2, 0]), np.array([1]))
    kernel = weight[reads[vertical]][:, reads[horizontal]]
    pads = ((1, 1), (0, 0))
    return convolve(x, kernel, (pads[vertical], pads[horizontal]), precision=precision)


def _filter_phases(even, odd, taps: np.ndarray, axis: int):
    """FIR with padding 1 and gain 2 over the interleaving of `even` (n + 1) and `odd` (n); two phases of n each."""
    length = odd.shape[axis]
    pads = [(1, 1) if i == axis else (0, 0) for i in range(odd.ndim)]
    odd = jnp.pad(odd, pads)
    a, b, c, d = (2 * np.flip(taps)).tolist()
    (e0, e1), (o0, o1, o2) = (
        [lax.slice_in_dim(part, i, i + length, axis=axis) for i in range(count)]
        for part, count in ((even, 2), (odd, 3))
    )
    return a * o0 + b * e0 + c * o1 + d * e1, a * e0 + b * o1 + c * e1 + d * o2
