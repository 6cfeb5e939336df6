"""bias_act, one line a step."""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp

from ganinv_jax.core.configs import unknown_key
from ganinv_jax.ops.precision import lay_over

LEAKY_SLOPE = 0.2  # StyleGAN2's
ACTIVATIONS: dict[str, Callable] = {
    "linear": lambda x: x,
    "relu": lambda x: jnp.where(x > 0, x, 0),
    "lrelu": lambda x: jnp.where(x >= 0, x, LEAKY_SLOPE * x),
    "tanh": jnp.tanh,
    "sigmoid": jax.nn.sigmoid,
    "elu": jax.nn.elu,
    "selu": jax.nn.selu,
    "softplus": jax.nn.softplus,
    "swish": jax.nn.swish,
}
ACTIVATION_GAIN = dict.fromkeys(ACTIVATIONS, 1.0) | dict.fromkeys(("relu", "lrelu", "swish"), math.sqrt(2))


def bias_act(x, bias, activation, gain, clamp):
    if activation not in ACTIVATIONS:
        raise unknown_key(activation, ACTIVATIONS, "bias_act")
    if bias is not None:
        x = x + lay_over(bias, x)
    x = ACTIVATIONS[activation](x)
    gain = ACTIVATION_GAIN[activation] if gain is None else gain
    x = x * jnp.asarray(gain, x.dtype)
    return x if clamp is None else jnp.clip(x, -clamp, clamp)
