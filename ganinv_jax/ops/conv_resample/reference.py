"""Convolution and resampling, one step after the other."""

from jax import lax

from ganinv_jax.ops.convolution import convolve
from ganinv_jax.ops.upfirdn2d import upfirdn2d


def conv2d(x, weight, resample, taps, precision):
    size, fir = weight.shape[0], taps.shape[0]
    pad = size // 2
    options = {"implementation": "reference", "precision": precision}
    if resample is None:
        return convolve(x, weight, pad, **options)
    if resample == "down":
        x = upfirdn2d(x, taps, padding=padding_before_stride(size, fir), implementation="reference")
        return convolve(x, weight, 0, stride=2, **options)
    x = transposed(x, weight, precision)
    return upfirdn2d(x, taps, padding=padding_after_transposed(size, fir), gain=4, implementation="reference")


def transposed(x, weight, precision):
    """Transposed convolution of stride 2 without padding: [b, h, w, i] -> [b, 2 h + k - 2, 2 w + k - 2, o]."""
    edge = weight.shape[0] - 1
    return lax.conv_general_dilated(
        x,
        weight[::-1, ::-1],
        (1, 1),
        ((edge, edge), (edge, edge)),
        lhs_dilation=(2, 2),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        precision=precision,
    )


def padding_before_stride(size: int, fir: int) -> tuple[int, int, int, int]:
    """The filter's padding before a convolution of stride 2, such that the whole halves the picture."""
    before, after = size // 2 + (fir - 1) // 2, size // 2 + (fir - 2) // 2
    return before, after, before, after


def padding_after_transposed(size: int, fir: int) -> tuple[int, int, int, int]:
    """The filter's padding after `transposed`, such that the whole doubles the picture and stays centred."""
    before, after = size // 2 + (fir + 1) // 2 - (size - 1), size // 2 + (fir - 2) // 2 - (size - 2)
    return before, after, before, after
