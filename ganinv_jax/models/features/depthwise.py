"""Depthwise convolution, written twice: as the compiler's grouped convolution, and as shifted multiply-adds.

XLA's grouped convolutions are slow on the CPU. A sum of shifted products is 8 to 66 times faster there (one AVX2 core,
batch 32, EfficientNet-Lite0's layers at 16 px and below), and its gradient 9 to 280 times, provided that it is written
as such a sum too: what transposition makes of 5x5 kernels and of strides is up to 12 times slower.
"""

import functools
from collections.abc import Iterator

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from ganinv_jax.core.devices import target
from ganinv_jax.ops.registry import select


def depthwise_conv(
    x: Float[Array, "b h w c"], kernel: Float[Array, "k k c"], stride: int = 1, implementation: str = "auto"
) -> Float[Array, "b H W c"]:
    """Convolve each channel with its own kernel, with stride 1 or 2 and the padding `same_padding(k, stride)`.

    `implementation` is 'conv' (differentiable in both modes), 'shift' (reverse mode of any order; `h` and `w` must be
    multiples of the stride, else 'conv' steps in), or 'auto': 'shift' on the CPU, 'conv' elsewhere. Raises InputError
    for any other name.
    """
    auto = "shift" if target().platform == "cpu" else "conv"
    return select("depthwise_conv", {"conv": _conv, "shift": _shift}, implementation, auto)(x, kernel, stride)


def same_padding(size: int, stride: int) -> tuple[int, int]:
    """Pixels of padding (before, after): TensorFlow's SAME for an input that the stride divides."""
    total = max(size - stride, 0)
    return total // 2, total - total // 2


def _conv(x, kernel, stride):
    padding = same_padding(len(kernel), stride)
    return lax.conv_general_dilated(
        x,
        kernel[:, :, None],
        (stride, stride),
        (padding, padding),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=x.shape[-1],
        precision=lax.Precision.HIGHEST,
    )


def _shift(x, kernel, stride):
    if x.shape[1] % stride or x.shape[2] % stride:
        return _conv(x, kernel, stride)
    return _shifted(x, kernel, stride)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def _shifted(x, kernel, stride):
    height, width = x.shape[1] // stride, x.shape[2] // stride
    padded = _padded(x, *same_padding(len(kernel), stride))
    return sum(
        padded[:, i : i + stride * height : stride, j : j + stride * width : stride] * kernel[i, j]
        for i, j in _taps(kernel)
    )


def _forward(x, kernel, stride):
    return _shifted(x, kernel, stride), (x, kernel)


def _backward(stride, residuals, dy):
    x, kernel = residuals
    return _input_gradient(dy, kernel, stride), _kernel_gradient(x, dy, kernel, stride)


_shifted.defvjp(_forward, _backward)


def _input_gradient(dy, kernel, stride):
    if stride == 1:
        return _shifted(dy, kernel[::-1, ::-1], 1)
    # Input pixel 2m + p (p = 0 or 1) met the taps i of its own parity, at output m + (p + before - i) / 2. So each of
    # the four parities of pixels is a small stride-1 sum of its own.
    (batch, height, width, channels), before = dy.shape, same_padding(len(kernel), 2)[0]
    margin = len(kernel) // 2
    padded = _padded(dy, margin, margin)

    def phase(p, q):
        return sum(
            padded[:, top : top + height, left : left + width] * kernel[i, j]
            for i in range((p + before) % 2, len(kernel), 2)
            for j in range((q + before) % 2, len(kernel), 2)
            for top, left in [((p + before - i) // 2 + margin, (q + before - j) // 2 + margin)]
        )

    rows = [jnp.stack([phase(p, 0), phase(p, 1)], axis=3) for p in range(2)]
    return jnp.stack(rows, axis=2).reshape(batch, 2 * height, 2 * width, channels)


def _kernel_gradient(x, dy, kernel, stride):
    height, width = dy.shape[1:3]
    padded = _padded(x, *same_padding(len(kernel), stride))
    taps = [
        jnp.sum(padded[:, i : i + stride * height : stride, j : j + stride * width : stride] * dy, axis=(0, 1, 2))
        for i, j in _taps(kernel)
    ]
    return jnp.stack(taps).reshape(kernel.shape)


def _taps(kernel) -> Iterator[tuple[int, int]]:
    return ((i, j) for i in range(kernel.shape[0]) for j in range(kernel.shape[1]))


def _padded(x, before, after):
    # The barrier keeps XLA from fusing the padding into the sum, where it would be a branch for every element.
    return lax.optimization_barrier(jnp.pad(x, ((0, 0), (before, after), (before, after), (0, 0))))
