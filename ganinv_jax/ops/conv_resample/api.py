"""Convolution with up- or down-sampling by two and the FIR filter that goes with it."""

from typing import Literal

from jax import lax
from jaxtyping import Array, Float

from ganinv_jax.ops.conv_resample import fast, reference
from ganinv_jax.ops.registry import select
from ganinv_jax.ops.upfirdn2d.api import Kernel, normalized_kernel

IMPLEMENTATIONS = {"reference": reference.conv2d, "lax": fast.conv2d}

Resample = Literal["up", "down"]


def conv2d_resample(
    x: Float[Array, "b h w i"],
    weight: Float[Array, "k k i o"],
    resample: Resample | None = None,
    kernel: Kernel = (1, 3, 3, 1),
    implementation: str = "auto",
    precision: lax.Precision = lax.Precision.HIGHEST,
) -> Float[Array, "b h2 w2 o"]:
    """Convolve with padding k // 2 (k odd) at the same scale, at twice ('up') or at half of it ('down').

    'up' is a transposed convolution of stride 2 followed by the FIR filter, 'down' the filter followed by a
    convolution of stride 2. `kernel` holds the filter's taps, normalised here. Same scale and 'down' correlate, 'up'
    convolves, as the weights of NVIDIA's networks expect. Source: `torch_utils/ops/conv2d_resample.py` of
    NVlabs/stylegan2-ada-pytorch.
    """
    run = select("conv2d_resample", IMPLEMENTATIONS, implementation, auto="lax")
    return run(x, weight.astype(x.dtype), resample, normalized_kernel(kernel), precision)
