"""One kernel from features to features, where there is one for the platform and the shapes; else the `lax` form.

The derivative is written in `lax`, of the same formula: tangents of the convolution, which is linear in features and
weight, and tangents of what follows it, read off the kernel's own output. So training does not run a second forward
convolution for what the gradient needs to remember, and every order and mode of differentiation works.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.custom_derivatives import SymbolicZero

from ganinv_jax.ops.bias_act import ACTIVATION_GAIN, bias_act
from ganinv_jax.ops.bias_act.reference import LEAKY_SLOPE
from ganinv_jax.ops.conv_resample import conv2d_resample
from ganinv_jax.ops.modulated_conv import fast, pallas_gpu, pallas_tpu

KERNELS = {"tpu": pallas_tpu, "cuda": pallas_gpu}
# What lies below zero keeps this slope; the kernels' epilogue is for activations made of two straight lines.
SLOPES = {"linear": 1.0, "lrelu": LEAKY_SLOPE, "relu": 0.0}


def implementation(platform: str | None = None) -> Callable:
    """`modulated_conv` by the kernel of the platform that the program is compiled for.

    Given a `platform`, by that one's kernel, which elsewhere runs in Pallas' interpreter.
    """
    return functools.partial(_modulated_conv, platform)


@dataclasses.dataclass(frozen=True)
class _Options:
    """What is known when the program is traced. platform: whose kernel is interpreted where it is not at home."""

    activation: str
    gain: float
    clamp: float | None
    precision: lax.Precision
    platform: str | None

    @property
    def epilogue(self) -> dict[str, Any]:
        return {"activation": self.activation, "gain": self.gain, "clamp": self.clamp}


def _modulated_conv(platform, x, weight, styles, noise, bias, up, demodulate, kernel, epilogue, precision):
    activation = epilogue["activation"]
    gain = ACTIVATION_GAIN[activation] if epilogue["gain"] is None else epilogue["gain"]
    options = _Options(activation, gain, epilogue["clamp"], precision, platform)
    taken = not up and x.size and weight.shape[0] in (1, 3) and activation in SLOPES and gain != 0
    if not taken or not _kernels(options, x, weight):
        return fast.modulated_conv(x, weight, styles, noise, bias, up, demodulate, kernel, epilogue, precision)
    weight, styles, scale = fast.factors(x.dtype, weight, styles, demodulate)
    return _fused(options, x, weight.astype(x.dtype), styles.astype(x.dtype), scale, noise, bias)


def _kernels(options: _Options, x, weight) -> Mapping[str, Any]:
    """By platform, those that take the shapes and types."""
    asked = KERNELS if options.platform is None else {options.platform: KERNELS[options.platform]}
    return {platform: kernel for platform, kernel in asked.items() if kernel.suits(x, weight)}


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _fused(options: _Options, x, weight, styles, scale, noise, bias):
    """bias_act(scale * conv(x * styles, weight) + noise, bias); see `pallas_tpu.modulated_conv`."""
    wide = jnp.promote_types(x.dtype, jnp.float32)
    noise, bias = (None if array is None else array.astype(wide) for array in (noise, bias))
    kernels = _kernels(options, x, weight)

    def run(kernel, interpret: bool) -> Callable:
        return lambda *arguments: kernel.modulated_conv(*arguments, options.epilogue, options.precision, interpret)

    branches = {platform: run(kernel, False) for platform, kernel in kernels.items()}
    default = (
        functools.partial(_composed, options) if options.platform is None else run(kernels[options.platform], True)
    )
    return lax.platform_dependent(x, weight, styles, scale, noise, bias, **branches, default=default)


def _composed(options: _Options, x, weight, styles, scale, noise, bias):
    y = _convolved(options, x, weight, styles)
    if scale is not None:
        y = y * scale[:, None, None].astype(y.dtype)
    if noise is not None:
        y = y + noise.astype(y.dtype)
    return bias_act(y, bias, **options.epilogue)


def _convolved(options: _Options, x, weight, styles):
    return conv2d_resample(x * styles[:, None, None], weight, precision=options.precision)


@functools.partial(_fused.defjvp, symbolic_zeros=True)
def _tangent(options: _Options, primals, tangents):
    """With y = clip(gain * act(u)) and u = scale * v + noise + bias, u and v are known from y where dy/du is not 0."""
    x, weight, styles, scale, noise, bias = primals
    *linear, dscale, dnoise, dbias = tangents
    y = _fused(options, *primals)
    slope = _slope(options, y)
    parts = []
    if any(_varies(tangent) for tangent in linear):
        dv = _pushed(functools.partial(_convolved, options), (x, weight, styles), linear)
        parts.append(dv if scale is None else dv * scale[:, None, None].astype(y.dtype))
    if _varies(dscale):
        u = y / jnp.where(slope == 0, 1, slope)
        scaled_v = sum((-part.astype(y.dtype) for part in (noise, bias) if part is not None), u)
        parts.append(scaled_v * (dscale / scale)[:, None, None].astype(y.dtype))
    parts += [tangent.astype(y.dtype) for tangent in (dnoise, dbias) if _varies(tangent)]
    return y, slope * sum(parts, jnp.zeros_like(y))


def _slope(options: _Options, y):
    """dy/du: gain times the activation's slope, and 0 where the clamp acts."""
    slope = jnp.where(y * options.gain >= 0, 1.0, SLOPES[options.activation])
    if options.activation == "relu":
        slope = jnp.where(y == 0, 0.0, slope)
    if options.clamp is not None:
        slope = jnp.where(jnp.abs(y) < options.clamp, slope, 0.0)
    return (options.gain * slope).astype(y.dtype)


def _varies(tangent) -> bool:
    return tangent is not None and not isinstance(tangent, SymbolicZero)


def _pushed(function: Callable, primals, tangents):
    """The jvp along those arguments that vary."""
    moving = [i for i, tangent in enumerate(tangents) if _varies(tangent)]

    def of_moving(*arguments):
        everything = list(primals)
        for i, argument in zip(moving, arguments, strict=True):
            everything[i] = argument
        return function(*everything)

    return jax.jvp(of_moving, [primals[i] for i in moving], [tangents[i] for i in moving])[1]
