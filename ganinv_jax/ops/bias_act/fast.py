"""bias_act with the leaky slope and the gain folded into one factor, so that each derivative is one product too."""

import jax.numpy as jnp

from ganinv_jax.ops.bias_act import reference
from ganinv_jax.ops.precision import lay_over


def bias_act(x, bias, activation, gain, clamp):
    if activation != "lrelu":
        return reference.bias_act(x, bias, activation, gain, clamp)
    if bias is not None:
        x = x + lay_over(bias, x)
    gain = reference.ACTIVATION_GAIN[activation] if gain is None else gain
    x = x * jnp.where(x >= 0, gain, gain * reference.LEAKY_SLOPE).astype(x.dtype)
    return x if clamp is None else jnp.clip(x, -clamp, clamp)
