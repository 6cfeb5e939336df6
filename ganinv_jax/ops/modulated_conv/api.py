"""StyleGAN2's modulated convolution with everything that follows it: noise, bias, activation, gain and clamp."""

from jax import lax
from jaxtyping import Array, Float

from ganinv_jax.ops.modulated_conv import fast, fused, reference
from ganinv_jax.ops.registry import measured_best, select, shape_class
from ganinv_jax.ops.upfirdn2d.api import Kernel

IMPLEMENTATIONS = {
    "reference": reference.modulated_conv,
    "lax": fast.modulated_conv,
    "pallas": fused.implementation(),
    "pallas_tpu": fused.implementation("tpu"),
    "pallas_gpu": fused.implementation("cuda"),
}


def modulated_conv(
    x: Float[Array, "b h w i"],
    weight: Float[Array, "k k i o"],
    styles: Float[Array, "b i"],
    noise: Float[Array, "#b h2 w2 1"] | None = None,
    bias: Float[Array, " o"] | None = None,
    *,
    up: bool = False,
    demodulate: bool = True,
    kernel: Kernel = (1, 3, 3, 1),
    activation: str = "linear",
    gain: float | None = None,
    clamp: float | None = None,
    implementation: str = "auto",
    precision: lax.Precision = lax.Precision.HIGHEST,
) -> Float[Array, "b h2 w2 o"]:
    """Convolve picture i with `weight` scaled by styles[i] over its input channels, then bias_act(y + noise, bias).

    demodulate: divide each output channel by the norm of its scaled kernel, computed in fp32 at least.
    up: double the resolution; `kernel` holds the FIR taps (see `conv2d_resample`).
    noise: already scaled, added before the bias. The result has the precision of `x`; fp16 inputs are kept in range by
    normalising weight and styles first where the demodulation cancels that.
    implementation: 'auto', 'lax', or 'pallas': the kernel of the platform that the program is compiled for, where it
    takes the shapes (up=False) and the type. 'pallas_tpu' and 'pallas_gpu' name a kernel, which elsewhere is
    interpreted. Kernels are not partitioned automatically: over several devices, call them under `jax.shard_map`.

    Source: Karras et al., "Analyzing and Improving the Image Quality of StyleGAN" (2020), section 2.2, and
    `modulated_conv2d` in `training/networks.py` of NVlabs/stylegan2-ada-pytorch.
    """
    size = "x".join(map(str, weight.shape[:2])) + (" up" if up else "")
    alike = shape_class(size, max(x.shape[1:3]), *weight.shape[2:])
    best = measured_best("modulated_conv", alike, x.dtype)
    run = select("modulated_conv", IMPLEMENTATIONS, implementation, auto=best)
    epilogue = {"activation": activation, "gain": gain, "clamp": clamp}
    return run(x, weight, styles, noise, bias, up, demodulate, kernel, epilogue, precision)
