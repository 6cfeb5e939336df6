"""Scale in, one convolution shared by the whole batch, scale out.

The style scales input channels and the demodulation scales output channels, so both can leave the kernel: the batch
keeps one weight, which is what fills an MXU, tensor cores and vector units, and its gradients are ordinary ones.
"""

import jax
import jax.numpy as jnp

from ganinv_jax.ops.bias_act import bias_act
from ganinv_jax.ops.conv_resample import conv2d_resample
from ganinv_jax.ops.modulated_conv.reference import DEMODULATION_EPSILON
from ganinv_jax.ops.precision import lay_over

TINY = 1e-8  # so that zero weights, or zero styles, stay zero


def modulated_conv(x, weight, styles, noise, bias, up, demodulate, kernel, epilogue, precision):
    weight, styles, scale = factors(x.dtype, weight, styles, demodulate)
    y = x * lay_over(styles[:, None, None], x)
    y = conv2d_resample(y, weight, "up" if up else None, kernel, precision=precision)
    if scale is not None:
        y = y * lay_over(scale[:, None, None], y)
    if noise is not None:
        y = y + lay_over(noise, y)
    return bias_act(y, bias, **epilogue)


def factors(dtype, weight, styles, demodulate: bool):
    """Weight [k, k, i, o], styles [b, i] and scale [b, o] (None: one) of scale * conv(x * styles, weight).

    All are at least float32; where x is float16, they are such that neither products nor sums leave its range.
    """
    wide = jnp.promote_types(dtype, jnp.float32)
    weight, styles = weight.astype(wide), styles.astype(wide)
    if not demodulate:
        return weight, styles, None
    if dtype == jnp.float16:
        weight, styles = _into_fp16_range(weight, styles)
    norm = jnp.einsum("bi,io->bo", styles**2, jnp.sum(weight**2, axis=(0, 1)), precision="highest")
    return weight, styles, jax.lax.rsqrt(norm + DEMODULATION_EPSILON)


def _into_fp16_range(weight, styles):
    """Scale each output channel's kernel and each picture's styles to a maximum that fp16 sums can hold."""
    fan_in = weight.shape[0] * weight.shape[1] * weight.shape[2]
    weight = weight / (fan_in**0.5 * _largest(weight, axis=(0, 1, 2)))
    return weight, styles / _largest(styles, axis=1)


def _largest(x, axis):
    return jnp.maximum(jnp.max(jnp.abs(x), axis, keepdims=True), TINY)
