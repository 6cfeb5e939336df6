"""Equalised layers: weights are stored with unit variance (over the learning-rate multiplier) and scaled when used."""

import math

import flax.linen as nn
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from ganinv_jax.ops.bias_act import ACTIVATION_GAIN, bias_act
from ganinv_jax.ops.conv_resample import conv2d_resample
from ganinv_jax.ops.conv_resample.api import Resample


class Dense(nn.Module):
    """Equalised fully connected layer, [..., i] -> [..., features]; source: FullyConnectedLayer."""

    features: int
    activation: str = "linear"
    lr_multiplier: float = 1.0
    bias_init: float = 0.0

    @nn.compact
    def __call__(self, x: Float[Array, "*batch i"]) -> Float[Array, "*batch o"]:
        inputs = x.shape[-1]
        weight = self.param("weight", nn.initializers.normal(1 / self.lr_multiplier), (inputs, self.features))
        bias = self.param("bias", nn.initializers.constant(self.bias_init), (self.features,))
        weight = (weight * (self.lr_multiplier / math.sqrt(inputs))).astype(x.dtype)
        y = jnp.matmul(x, weight, precision=lax.Precision.HIGHEST)
        return bias_act(y, bias * self.lr_multiplier, self.activation)


class Conv(nn.Module):
    """Equalised convolution with bias, activation, gain and clamp; source: Conv2dLayer."""

    features: int
    size: int
    use_bias: bool = True
    activation: str = "linear"
    resample: Resample | None = None
    kernel: tuple[float, ...] = (1.0, 3.0, 3.0, 1.0)
    clamp: float | None = None
    implementation: str = "auto"

    @nn.compact
    def __call__(self, x: Float[Array, "b h w i"], gain: float = 1.0) -> Float[Array, "b h2 w2 o"]:
        shape = (self.size, self.size, x.shape[-1], self.features)
        weight = self.param("weight", nn.initializers.normal(1.0), shape)
        bias = self.param("bias", nn.initializers.zeros, (self.features,)) if self.use_bias else None
        weight = weight / math.sqrt(math.prod(shape[:3]))
        x = conv2d_resample(x, weight, self.resample, self.kernel, self.implementation)
        gain, clamp = scaled(self.activation, gain, self.clamp)
        return bias_act(x, bias, self.activation, gain, clamp)


def scaled(activation: str, gain: float, clamp: float | None) -> tuple[float, float | None]:
    """Gain and clamp for `bias_act` where a block scales a layer's output by `gain`: the clamp scales along."""
    return ACTIVATION_GAIN[activation] * gain, None if clamp is None else clamp * gain


def normalize_second_moment(x: Float[Array, "b d"]) -> Float[Array, "b d"]:
    """Scale each row to unit mean square."""
    return x * lax.rsqrt(jnp.mean(x**2, axis=-1, keepdims=True) + 1e-8)
