"""How a StyleGAN2 layer may be computed in PyTorch; pictures and features are [b, c, h, w] here, weights [o, i, k, k].

Two ways are measured: `plain`, that of NVIDIA's stylegan2-ada-pytorch without its CUDA extensions, and `same`, that of
this package.
"""

import math
from collections.abc import Callable, Sized
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F

from ganinv_jax.ops.bias_act.reference import ACTIVATION_GAIN, LEAKY_SLOPE


class Formulation(NamedTuple):
    """The ops that differ.

    modulated_conv: (x, weight, styles, up, demodulate, taps, training) -> y, before noise and activation.
    convolve: (x, weight, resample, taps) -> y, with resample None, 'up' or 'down'. fir: (x, taps, up, down, padding,
    gain) -> y. forward_over_reverse: whether R1 and path lengths are differentiated along a held direction.
    """

    name: str
    modulated_conv: Callable[..., torch.Tensor]
    convolve: Callable[..., torch.Tensor]
    fir: Callable[..., torch.Tensor]
    forward_over_reverse: bool


def bias_act(x: Any, bias: Any, activation: str, gain: float | None = None, clamp: float | None = None) -> torch.Tensor:
    """As `ops.bias_act`, for the activations that StyleGAN2 uses."""
    if bias is not None:
        x = x + bias.to(x.dtype).reshape(1, -1, *[1] * (x.ndim - 2))
    if activation == "lrelu":
        x = F.leaky_relu(x, LEAKY_SLOPE)
    gain = ACTIVATION_GAIN[activation] if gain is None else gain
    x = x * gain if gain != 1 else x
    return x if clamp is None else x.clamp(-clamp, clamp)


def fir_padding(taps: Sized, up: int = 1, down: int = 1) -> tuple[int, int, int, int]:
    """The padding that centres a filter while enlarging or shrinking; source: upsample2d and downsample2d of NVIDIA's
    `torch_utils/ops/upfirdn2d.py`."""
    length = len(taps)
    before, after = (
        ((length + up - 1) // 2, (length - up) // 2) if up > 1 else ((length - down + 1) // 2, (length - down) // 2)
    )
    return before, after, before, after


def into_fp16_range(weight: Any, styles: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """As `ops.modulated_conv` and NVIDIA's code scale both before a demodulation, which cancels it."""
    largest = weight.abs().amax((1, 2, 3), keepdim=True)
    return weight / (math.sqrt(math.prod(weight.shape[1:])) * largest), styles / styles.abs().amax(1, keepdim=True)
