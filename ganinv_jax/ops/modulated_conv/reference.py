"""The modulated convolution as the paper writes it: one kernel a picture, scaled, normalised and convolved."""

import jax
import jax.numpy as jnp

from ganinv_jax.ops.bias_act import bias_act
from ganinv_jax.ops.conv_resample import conv2d_resample

DEMODULATION_EPSILON = 1e-8


def modulated_conv(x, weight, styles, noise, bias, up, demodulate, kernel, epilogue, precision):
    wide = jnp.promote_types(x.dtype, jnp.float32)  # of the demodulation statistics

    def one(picture, style):
        w = weight.astype(wide) * style.astype(wide)[:, None]
        if demodulate:
            w = w * jax.lax.rsqrt(jnp.sum(w**2, axis=(0, 1, 2)) + DEMODULATION_EPSILON)
        resample = "up" if up else None
        w = w.astype(x.dtype)
        return conv2d_resample(picture[None], w, resample, kernel, implementation="reference", precision=precision)[0]

    y = jax.vmap(one)(x, styles)
    if noise is not None:
        y = y + noise.astype(y.dtype)
    return bias_act(y, bias, **epilogue, implementation="reference")
