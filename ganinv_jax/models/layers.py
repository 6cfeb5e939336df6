"""Layers of published PyTorch networks, in PyTorch's arithmetic and names: what converted networks are made of.

Weights are stored as they are used (not equalised). Statistics of batch normalisation stay as the file has them and are
applied when run, not folded into convolutions: so each tensor of a file is one variable here, to the bit and both ways,
and the few multiplications per channel are fused into the convolution's result anyway.
"""

import math
from collections.abc import Callable

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from ganinv_jax.ops.convolution import convolve

Pair = tuple[int, int]

_HIGHEST = lax.Precision.HIGHEST
_he = nn.initializers.variance_scaling(2.0, "fan_in", "normal")


class Conv(nn.Module):
    """Correlation with a `kernel` of that side or those sides, with zeros around: by default half the kernel's sides,
    which keeps the size (times 1 / stride)."""

    features: int
    kernel: int | Pair
    stride: int = 1
    padding: int | Pair | None = None
    use_bias: bool = False

    @nn.compact
    def __call__(self, x: Float[Array, "b h w i"]) -> Float[Array, "b H W o"]:
        sides = _pair(self.kernel)
        rows, columns = (sides[0] // 2, sides[1] // 2) if self.padding is None else _pair(self.padding)
        weight = self.param("weight", _he, (*sides, x.shape[-1], self.features))
        x = convolve(x, weight, pads=((rows, rows), (columns, columns)), stride=self.stride)
        return x + self.param("bias", nn.initializers.zeros, (self.features,)) if self.use_bias else x


class Linear(nn.Module):
    """Affine map of the last axis."""

    features: int
    use_bias: bool = True
    weight_init: Callable = _he

    @nn.compact
    def __call__(self, x: Float[Array, "*b i"]) -> Float[Array, "*b o"]:
        x = jnp.matmul(x, self.param("weight", self.weight_init, (x.shape[-1], self.features)), precision=_HIGHEST)
        return x + self.param("bias", nn.initializers.zeros, (self.features,)) if self.use_bias else x


class LinearOfMaps(nn.Module):
    """Affine map of all numbers of each example; the weight has their axes, [h, w, c, o]."""

    features: int

    @nn.compact
    def __call__(self, x: Float[Array, "b *i"]) -> Float[Array, "b o"]:
        weight = self.param("weight", _he, (*x.shape[1:], self.features))
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        return jnp.tensordot(x, weight, x.ndim - 1, precision=_HIGHEST) + bias


class Norm(nn.Module):
    """Batch normalisation by its stored statistics; a picture does not feel its batch."""

    epsilon: float = 1e-5  # torch's default

    @nn.compact
    def __call__(self, x: Float[Array, "*b c"]) -> Float[Array, "*b c"]:
        shape = x.shape[-1:]
        weight = self.param("weight", nn.initializers.ones, shape)
        bias = self.param("bias", nn.initializers.zeros, shape)
        mean = self.variable("buffers", "running_mean", jnp.zeros, shape).value
        variance = self.variable("buffers", "running_var", jnp.ones, shape).value
        scale = weight * lax.rsqrt(variance + self.epsilon)
        return x * scale + (bias - mean * scale)


class PReLU(nn.Module):
    """A leaky ReLU with a learned slope a channel."""

    @nn.compact
    def __call__(self, x: Float[Array, "*b c"]) -> Float[Array, "*b c"]:
        slope = self.param("weight", nn.initializers.constant(0.25), x.shape[-1:])
        return jnp.where(x >= 0, x, slope * x)


def max_pool(x: Float[Array, "b h w c"], size: int, stride: int, padding: int = 0) -> Float[Array, "b H W c"]:
    """The largest value of each window; windows that would reach past the (padded) picture are left out."""
    return nn.max_pool(x, (size, size), (stride, stride), [(padding, padding)] * 2)  # type: ignore[arg-type]


def average_pool_3x3(x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
    """The mean of each pixel's 3x3 neighbourhood, of the pixels that exist: TensorFlow's SAME average."""
    return nn.avg_pool(x, (3, 3), (1, 1), [(1, 1)] * 2, count_include_pad=False)  # type: ignore[arg-type]


def average_pool(x: Float[Array, "b h w c"], size: int | Pair) -> Float[Array, "b H W c"]:
    """Means over the cells that PyTorch's AdaptiveAvgPool2d divides the picture into; they may overlap.

    Where `size` is the larger, a cell is the pixel or the pixels that it lies on.
    """
    size = _pair(size)
    return x if x.shape[1:3] == size else _by_axis(x, [_cells(n, m) for n, m in zip(x.shape[1:3], size, strict=True)])


def stretch_to(x: Float[Array, "b h w c"], like: Float[Array, "b H W d"]) -> Float[Array, "b H W c"]:
    """Bilinear resize to the sides of `like` with the corner pixels kept in place (torch's align_corners=True)."""
    return _by_axis(x, [_between_corners(n, points) for n, points in zip(x.shape[1:3], like.shape[1:3], strict=True)])


def _pair(sides: int | Pair) -> Pair:
    return (sides, sides) if isinstance(sides, int) else sides


def _by_axis(x, matrices: list[np.ndarray]):
    rows, columns = (matrix.astype(np.float32) for matrix in matrices)
    x = jnp.einsum("Hh,bhwc->bHwc", rows, x, precision=_HIGHEST)
    return jnp.einsum("Ww,bHwc->bHWc", columns, x, precision=_HIGHEST)


def _cells(n: int, cells: int) -> np.ndarray:
    """[cells, n]: cell i is the mean from floor(i n / cells) up to ceil((i + 1) n / cells)."""
    matrix = np.zeros((cells, n))
    for i in range(cells):
        start, stop = i * n // cells, math.ceil((i + 1) * n / cells)
        matrix[i, start:stop] = 1 / (stop - start)
    return matrix


def _between_corners(n: int, points: int) -> np.ndarray:
    """[points, n]: each point's share of its two neighbours, evenly spaced from the first to the last."""
    places = np.linspace(0, n - 1, points)[:, None]
    return np.clip(1 - np.abs(places - np.arange(n)), 0, None)
