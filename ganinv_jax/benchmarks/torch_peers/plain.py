"""StyleGAN2's ops as NVIDIA's reference path has them on every device: per-sample kernels in one grouped convolution
when pictures are drawn, scaled features in training, transposed convolutions, and the FIR filter as a depthwise
convolution of a picture with zeros in between.
"""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from ganinv_jax.benchmarks.torch_peers.formulation import Formulation, fir_padding, into_fp16_range
from ganinv_jax.ops.conv_resample.reference import padding_after_transposed, padding_before_stride
from ganinv_jax.ops.modulated_conv.reference import DEMODULATION_EPSILON


def modulated_conv(x, weight, styles, up: bool, demodulate: bool, taps: np.ndarray, training: bool) -> torch.Tensor:
    """One kernel a picture and groups when drawing; in training NVIDIA's code scales features before and after."""
    batch = x.shape[0]
    if x.dtype == torch.float16 and demodulate:
        weight, styles = into_fp16_range(weight, styles)
    kernels = weight[None] * styles[:, None, :, None, None]
    scale = (kernels.square().sum((2, 3, 4)) + DEMODULATION_EPSILON).rsqrt() if demodulate else None
    resample = "up" if up else None
    if training:
        y = convolve(x * styles.to(x.dtype)[:, :, None, None], weight.to(x.dtype), resample, taps)
        return y if scale is None else y * scale.to(y.dtype)[:, :, None, None]
    if scale is not None:
        kernels = kernels * scale[:, :, None, None, None]
    grouped = convolve(x.reshape(1, -1, *x.shape[2:]), kernels.flatten(0, 1).to(x.dtype), resample, taps, groups=batch)
    return grouped.reshape(batch, -1, *grouped.shape[2:])


def convolve(x, weight, resample: str | None, taps: np.ndarray, groups: int = 1) -> torch.Tensor:
    size, length = weight.shape[2], len(taps)
    if resample is None:
        return F.conv2d(x, weight, padding=size // 2, groups=groups)
    if size == 1:
        if resample == "down":
            return F.conv2d(fir(x, taps, 1, 2, fir_padding(taps, down=2)), weight, groups=groups)
        return fir(F.conv2d(x, weight, groups=groups), taps, 2, 1, fir_padding(taps, up=2), gain=4)
    if resample == "down":
        return F.conv2d(fir(x, taps, 1, 1, padding_before_stride(size, length)), weight, stride=2, groups=groups)
    outputs, inputs = weight.shape[0] // groups, weight.shape[1]
    transposed = weight.reshape(groups, outputs, inputs, size, size).transpose(1, 2).flatten(0, 1)
    y = F.conv_transpose2d(x, transposed, stride=2, groups=groups)
    return fir(y, taps, 1, 1, padding_after_transposed(size, length), gain=4)


def fir(x, taps: np.ndarray, up: int, down: int, padding: Any, gain: float = 1.0) -> torch.Tensor:
    batch, channels, height, width = x.shape
    top, bottom, left, right = padding
    if up > 1:
        x = x.reshape(batch, channels, height, 1, width, 1)
        x = F.pad(x, (0, up - 1, 0, 0, 0, up - 1)).reshape(batch, channels, height * up, width * up)
    x = F.pad(x, (left, right, top, bottom))
    kernel = torch.as_tensor(np.outer(taps, taps)[::-1, ::-1] * gain, dtype=x.dtype, device=x.device)
    x = F.conv2d(x, kernel.expand(channels, 1, *kernel.shape), groups=channels)
    return x[:, :, ::down, ::down]


PLAIN = Formulation("plain", modulated_conv, convolve, fir, forward_over_reverse=False)
