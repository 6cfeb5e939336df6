"""StyleGAN2's ops as this package computes them: scale in, one shared convolution, scale out; the up-convolution by its
four phases; the FIR filter as shifted adds. See `ops/*/fast.py` for why.
"""

import math
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from ganinv_jax.benchmarks.torch_peers.formulation import Formulation, fir_padding, into_fp16_range
from ganinv_jax.ops.conv_resample.reference import padding_before_stride
from ganinv_jax.ops.modulated_conv.reference import DEMODULATION_EPSILON


def modulated_conv(x, weight, styles, up: bool, demodulate: bool, taps: np.ndarray, training: bool) -> torch.Tensor:
    if x.dtype == torch.float16 and demodulate:
        weight, styles = into_fp16_range(weight, styles)
    y = convolve(x * styles.to(x.dtype)[:, :, None, None], weight.to(x.dtype), "up" if up else None, taps)
    if not demodulate:
        return y
    norm = styles.square() @ weight.square().sum((2, 3)).T
    return y * (norm + DEMODULATION_EPSILON).rsqrt().to(y.dtype)[:, :, None, None]


def convolve(x, weight, resample: str | None, taps: np.ndarray) -> torch.Tensor:
    size, length = weight.shape[2], len(taps)
    if resample is None:
        return F.conv2d(x, weight, padding=size // 2)
    if size == 1:
        if resample == "down":
            return F.conv2d(fir(x, taps, 1, 2, fir_padding(taps, down=2)), weight)
        return fir(F.conv2d(x, weight), taps, 2, 1, fir_padding(taps, up=2), gain=4)
    if resample == "down":
        return F.conv2d(fir(x, taps, 1, 1, padding_before_stride(size, length)), weight, stride=2)
    return _up_by_phases(x, weight, taps)


def fir(x, taps: np.ndarray, up: int, down: int, padding: Any, gain: float = 1.0) -> torch.Tensor:
    taps = np.flip(taps) * math.sqrt(gain)
    x = _fir_axis(x, taps, up, down, padding[:2], axis=2)
    return _fir_axis(x, taps, up, down, padding[2:], axis=3)


SAME = Formulation("same", modulated_conv, convolve, fir, forward_over_reverse=True)


def _up_by_phases(x, weight, taps: np.ndarray) -> torch.Tensor:
    """3x3 and four taps; see `_up_by_phases` in ops/conv_resample/fast.py."""
    batch, _, height, width = x.shape
    reads = ([2, 0], [1])
    phases = [
        [F.conv2d(x, weight[:, :, reads[v]][..., reads[h]], padding=(1 - v, 1 - h)) for h in (0, 1)] for v in (0, 1)
    ]
    rows = [_filter_phases(even, odd, taps, axis=3) for even, odd in phases]
    columns = [_filter_phases(even, odd, taps, axis=2) for even, odd in zip(*rows, strict=True)]
    # columns[horizontal][vertical]: [b, o, h, w] -> [b, o, h, 2, w, 2] -> [b, o, 2 h, 2 w]
    y = torch.stack([torch.stack([columns[q][p] for q in (0, 1)], dim=4) for p in (0, 1)], dim=3)
    return y.reshape(batch, weight.shape[0], 2 * height, 2 * width)


def _filter_phases(even, odd, taps: np.ndarray, axis: int) -> tuple[torch.Tensor, torch.Tensor]:
    length = odd.shape[axis]
    odd = F.pad(odd, (0, 0, 1, 1) if axis == 2 else (1, 1))
    a, b, c, d = (2 * np.flip(taps)).tolist()
    e0, e1 = (even.narrow(axis, i, length) for i in (0, 1))
    o0, o1, o2 = (odd.narrow(axis, i, length) for i in (0, 1, 2))
    return a * o0 + b * e0 + c * o1 + d * e1, a * e0 + b * o1 + c * e1 + d * o2


def _fir_axis(x, taps: np.ndarray, up: int, down: int, pads: tuple[int, int], axis: int) -> torch.Tensor:
    """out[o] = sum_j taps[j] * padded[o * down + j]; up and down are not both above 1."""
    length = x.shape[axis]
    size = (length * up + sum(pads) - len(taps)) // down + 1
    per_phase = -(-size // up)
    reads = [
        [((q + j - pads[0]) // up, float(tap)) for j, tap in enumerate(taps) if (q + j - pads[0]) % up == 0]
        for q in range(up)
    ]
    low = min(offset for phase in reads for offset, _ in phase)
    high = max(offset for phase in reads for offset, _ in phase) + (per_phase - 1) * down + 1
    around = (-low, high - length)
    x = F.pad(x, (0, 0, *around) if axis == 2 else around)
    parts = [sum(tap * _every(x, offset - low, per_phase, down, axis) for offset, tap in phase) for phase in reads]
    if up == 1:
        return parts[0]  # type: ignore[return-value]
    return torch.stack(parts, dim=axis + 1).flatten(axis, axis + 1).narrow(axis, 0, size)  # type: ignore[arg-type]


def _every(x, start: int, count: int, step: int, axis: int) -> torch.Tensor:
    places = [slice(None)] * 4
    places[axis] = slice(start, start + (count - 1) * step + 1, step)
    return x[tuple(places)]
