"""Layers that the encoder and the skip encoder share; pictures keep their sides powers of two.

Weights are stored as they are used (not equalised), so that published learning rates carry over. Results have the
precision of the input; statistics are fp32 at least.
"""

from collections.abc import Callable

import flax.linen as nn
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from ganinv_jax.ops.convolution import convolve
from ganinv_jax.ops.precision import lay_over

zeros = nn.initializers.zeros
_for_linear = nn.initializers.lecun_normal()
_for_leaky_relu = nn.initializers.variance_scaling(2 / (1 + 0.2**2), "fan_in", "normal")


class Trunk(nn.Module):
    """Features at successive levels, each half the side of the one before; the first reads patches of the picture.

    more: what is added to the first level as it is read, before its blocks.
    """

    channels: tuple[int, ...]
    blocks: tuple[int, ...]
    patch: int

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w i"], more: Float[Array, "b h1 w1 c1"] | None = None
    ) -> list[Float[Array, "b h2 w2 c"]]:
        levels = []
        for i, (channels, blocks) in enumerate(zip(self.channels, self.blocks, strict=True)):
            x = fold(x, 2 if i else self.patch)
            x = Linear(channels, name=f"merge{i}")(norm(x, f"norm{i}") if i else x)
            x = x if i or more is None else x + more
            for j in range(blocks):
                x = Block(name=f"block{i}_{j}")(x)
            levels.append(x)
        return levels


class Block(nn.Module):
    """Two convolutions around a leaky ReLU, added to their input; as initialised it changes nothing."""

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
        channels = x.shape[-1]
        y = Conv(channels, name="conv0")(norm(x, "norm"))
        return x + Conv(channels, zeros, name="conv1")(leaky_relu(y))


class Conv(nn.Module):
    """3x3 convolution with bias."""

    features: int
    kernel_init: Callable = _for_leaky_relu

    @nn.compact
    def __call__(self, x: Float[Array, "b h w i"]) -> Float[Array, "b h w o"]:
        kernel = self.param("kernel", self.kernel_init, (3, 3, x.shape[-1], self.features))
        bias = self.param("bias", zeros, (self.features,))
        y = convolve(x, kernel, pads=1)
        return y + lay_over(bias, y)


class Linear(nn.Module):
    """Fully connected over the last axis."""

    features: int
    kernel_init: Callable = _for_linear

    @nn.compact
    def __call__(self, x: Float[Array, "*b i"]) -> Float[Array, "*b o"]:
        kernel = self.param("kernel", self.kernel_init, (x.shape[-1], self.features))
        bias = self.param("bias", zeros, (self.features,))
        # As one matrix: XLA's weight gradient of a product over three axes takes a CPU twice as long.
        y = jnp.matmul(x.reshape(-1, x.shape[-1]), kernel.astype(x.dtype), precision=lax.Precision.HIGHEST)
        return (y + lay_over(bias, y)).reshape(*x.shape[:-1], self.features)


def norm(x: Float[Array, "*b c"], name: str) -> Float[Array, "*b c"]:
    """Normalises every pixel's channels, so a picture does not feel its batch; `name` is the layer's."""
    return nn.LayerNorm(name=name, dtype=x.dtype)(x)


def leaky_relu(x: Float[Array, "*s"]) -> Float[Array, "*s"]:
    """The slope of StyleGAN2's."""
    return nn.leaky_relu(x, 0.2)


def fold(x: Float[Array, "b h w c"], factor: int) -> Float[Array, "b h2 w2 c2"]:
    """Squares of factor x factor pixels become one pixel with all their channels."""
    batch, height, width, channels = x.shape
    x = x.reshape(batch, height // factor, factor, width // factor, factor, channels).swapaxes(2, 3)
    return x.reshape(batch, height // factor, width // factor, factor**2 * channels)


def repeat2(x: Float[Array, "b h w c"]) -> Float[Array, "b h2 w2 c"]:
    """Every pixel four times: twice the side."""
    return jnp.repeat(jnp.repeat(x, 2, axis=1), 2, axis=2)
