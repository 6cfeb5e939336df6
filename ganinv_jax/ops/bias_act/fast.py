"""bias_act with slope and gain folded into one factor, so that each derivative is one multiplication too."""

import jax.numpy as jnp

from ganinv_jax.ops.bias_act import reference


def bias_act(x, bias, activation, gain, clamp):
    if activation not in ("lrelu", "relu"):
        return reference.bias_act(x, bias, activation, gain, clamp)
    if bias is not None:
        x = x + bias.astype(x.dtype)
    gain = reference.ACTIVATION_GAIN[activation] if gain is None else gain
    slope = reference.LEAKY_SLOPE if activation == "lrelu" else 0.0
    x = x * jnp.where(x >= 0, gain, gain * slope).astype(x.dtype)
    return x if clamp is None else jnp.clip(x, -clamp, clamp)
