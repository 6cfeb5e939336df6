"""Layers of frozen networks that were trained with PyTorch, in its arithmetic: what the converted networks are made of.

Weights start as zeros; they are always brought in from a file. Statistics of batch normalisation stay as the file has
them and are applied when run, not folded into convolutions: so each tensor of a file is one variable here, to the bit
and both ways, and the few multiplications per channel are fused into the convolution's result anyway.
"""

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

Pair = tuple[int, int]


class Conv(nn.Module):
    """Convolution (PyTorch's: correlation) with zero padding of `padding` pixels on both sides."""

    features: int
    kernel: Pair
    stride: int = 1
    padding: Pair = (0, 0)
    bias: bool = True

    @nn.compact
    def __call__(self, x: Float[Array, "b h w i"]) -> Float[Array, "b H W o"]:
        weight = self.param("weight", nn.initializers.zeros, (*self.kernel, x.shape[-1], self.features))
        x = lax.conv_general_dilated(
            x,
            weight,
            (self.stride, self.stride),
            [(pixels, pixels) for pixels in self.padding],
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
            precision=lax.Precision.HIGHEST,
        )
        return x + self.param("bias", nn.initializers.zeros, (self.features,)) if self.bias else x


class Dense(nn.Module):
    """Affine map of vectors, or of whole maps: their axes are then the first axes of the weight, [h, w, c, o]."""

    features: int

    @nn.compact
    def __call__(self, x: Float[Array, "b *i"]) -> Float[Array, "b o"]:
        weight = self.param("weight", nn.initializers.zeros, (*x.shape[1:], self.features))
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        return jnp.tensordot(x, weight, x.ndim - 1, precision=lax.Precision.HIGHEST) + bias


class BatchNorm(nn.Module):
    """Batch normalisation with the statistics of training, over the last axis."""

    epsilon: float

    @nn.compact
    def __call__(self, x: Float[Array, "*b c"]) -> Float[Array, "*b c"]:
        shape = x.shape[-1:]
        weight = self.param("weight", nn.initializers.zeros, shape)
        bias = self.param("bias", nn.initializers.zeros, shape)
        mean = self.variable("buffers", "running_mean", jnp.zeros, shape).value
        variance = self.variable("buffers", "running_var", jnp.ones, shape).value
        scale = weight * lax.rsqrt(variance + self.epsilon)
        return x * scale + (bias - mean * scale)


class PReLU(nn.Module):
    """Rectifier with a slope for negative values that each channel has learned."""

    @nn.compact
    def __call__(self, x: Float[Array, "*b c"]) -> Float[Array, "*b c"]:
        slope = self.param("weight", nn.initializers.zeros, x.shape[-1:])
        return jnp.where(x >= 0, x, slope * x)


def max_pool(x: Float[Array, "b h w c"], size: int, stride: int, padding: int = 0) -> Float[Array, "b H W c"]:
    """The largest value of each window; windows that would reach past the (padded) picture are left out."""
    return nn.max_pool(x, (size, size), (stride, stride), [(padding, padding)] * 2)  # type: ignore[arg-type]


def average_pool_3x3(x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
    """The mean of each pixel's 3x3 neighbourhood, of the pixels that exist: TensorFlow's SAME average."""
    return nn.avg_pool(x, (3, 3), (1, 1), [(1, 1)] * 2, count_include_pad=False)  # type: ignore[arg-type]


def adaptive_average_pool(x: Float[Array, "b h w c"], side: int) -> Float[Array, "b s s c"]:
    """PyTorch's AdaptiveAvgPool2d: means of `side` x `side` windows, which overlap where the sizes do not divide."""
    if x.shape[1:3] == (side, side):
        return x
    rows, columns = (_windows(length, side) for length in x.shape[1:3])
    return jnp.einsum("bhwc,Hh,Ww->bHWc", x, rows, columns, precision=lax.Precision.HIGHEST)


def _windows(length: int, count: int) -> Float[np.ndarray, "count length"]:
    """Row i averages the pixels from floor(i * length / count) up to ceil((i + 1) * length / count)."""
    pixel, window = np.arange(length), np.arange(count)[:, None]
    inside = (pixel >= window * length // count) & (pixel < -(-(window + 1) * length // count))
    return (inside / inside.sum(axis=1, keepdims=True)).astype(np.float32)
