"""Layers of the published encoders and feature bodies; weights are stored as they are used (not equalised)."""

import math
from collections.abc import Callable

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from ganinv_jax.ops.convolution import convolve

_HIGHEST = lax.Precision.HIGHEST
_he = nn.initializers.variance_scaling(2.0, "fan_in", "normal")


class Conv(nn.Module):
    """Convolution with padding that keeps the size (times 1 / stride)."""

    features: int
    size: int
    stride: int = 1
    use_bias: bool = False

    @nn.compact
    def __call__(self, x: Float[Array, "b h w i"]) -> Float[Array, "b h2 w2 o"]:
        kernel = self.param("kernel", _he, (self.size, self.size, x.shape[-1], self.features))
        x = convolve(x, kernel, pads=self.size // 2, stride=self.stride)
        return x + self.param("bias", nn.initializers.zeros, (self.features,)) if self.use_bias else x


class Linear(nn.Module):
    """Fully connected over the last axis."""

    features: int
    use_bias: bool = True
    kernel_init: Callable = _he

    @nn.compact
    def __call__(self, x: Float[Array, "*b i"]) -> Float[Array, "*b o"]:
        x = jnp.matmul(x, self.param("kernel", self.kernel_init, (x.shape[-1], self.features)), precision=_HIGHEST)
        return x + self.param("bias", nn.initializers.zeros, (self.features,)) if self.use_bias else x


class Norm(nn.Module):
    """Batch normalisation by its stored statistics; a picture does not feel its batch."""

    epsilon: float = 1e-5  # torch's default

    @nn.compact
    def __call__(self, x: Float[Array, "*b c"]) -> Float[Array, "*b c"]:
        shape = x.shape[-1:]
        scale = self.param("scale", nn.initializers.ones, shape)
        bias = self.param("bias", nn.initializers.zeros, shape)
        mean = self.variable("buffers", "mean", jnp.zeros, shape).value
        var = self.variable("buffers", "var", jnp.ones, shape).value
        scale = scale * lax.rsqrt(var + self.epsilon)
        return x * scale + (bias - mean * scale)


class PReLU(nn.Module):
    """A leaky ReLU with a learned slope a channel."""

    @nn.compact
    def __call__(self, x: Float[Array, "*b c"]) -> Float[Array, "*b c"]:
        slope = self.param("slope", nn.initializers.constant(0.25), x.shape[-1:])
        return jnp.where(x >= 0, x, slope * x)


def average_pool(x: Float[Array, "b h w c"], size: tuple[int, int]) -> Float[Array, "b H W c"]:
    """Means over the `size` cells that torch's AdaptiveAvgPool2d divides the picture into; they may overlap.

    Where `size` is the larger, pixels are repeated.
    """
    return _by_axis(x, [_cells(n, cells) for n, cells in zip(x.shape[1:3], size, strict=True)])


def stretch_to(x: Float[Array, "b h w c"], like: Float[Array, "b H W d"]) -> Float[Array, "b H W c"]:
    """Bilinear resize to the sides of `like` with the corner pixels kept in place (torch's align_corners=True)."""
    return _by_axis(x, [_between_corners(n, points) for n, points in zip(x.shape[1:3], like.shape[1:3], strict=True)])


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
