"""Bias, activation, gain and clamp in one pass."""

from jaxtyping import Array, Float

from ganinv_jax.ops.bias_act import fast, reference
from ganinv_jax.ops.bias_act.reference import ACTIVATION_GAIN
from ganinv_jax.ops.registry import select

IMPLEMENTATIONS = {"reference": reference.bias_act, "lax": fast.bias_act}

__all__ = ["ACTIVATION_GAIN", "IMPLEMENTATIONS", "bias_act"]


def bias_act(
    x: Float[Array, "*batch c"],
    bias: Float[Array, " c"] | None = None,
    activation: str = "linear",
    gain: float | None = None,
    clamp: float | None = None,
    implementation: str = "auto",
) -> Float[Array, "*batch c"]:
    """clip(activation(x + bias) * gain, -clamp, clamp), in the precision of `x`.

    `gain` defaults to the activation's own (sqrt(2) for lrelu, relu and swish), `clamp=None` does not clamp. Source:
    `torch_utils/ops/bias_act.py` of NVlabs/stylegan2-ada-pytorch. Raises InputError for an unknown activation.
    """
    return select("bias_act", IMPLEMENTATIONS, implementation, auto="lax")(x, bias, activation, gain, clamp)
