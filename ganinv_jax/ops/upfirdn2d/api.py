"""Up-sampling, FIR filtering and down-sampling of pictures and features, in one pass.

Kernels are constants (a sequence of taps, applied along both axes, or a 2-D array), known when the program is traced.
Source: `torch_utils/ops/upfirdn2d.py` of NVlabs/stylegan2-ada-pytorch.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Array, Float

from ganinv_jax.core.configs import check
from ganinv_jax.ops.registry import measured_best, select, shape_class
from ganinv_jax.ops.upfirdn2d import fast, fused, reference

IMPLEMENTATIONS = {
    "reference": reference.upfirdn2d,
    "lax": fast.upfirdn2d,
    "pallas": fused.implementation(),
    "pallas_tpu": fused.implementation("tpu"),
    "pallas_gpu": fused.implementation("cuda"),
}

Kernel = Sequence[float] | np.ndarray
Padding = int | tuple[int, int, int, int]


def upfirdn2d(
    x: Float[Array, "b h w c"],
    kernel: Kernel,
    up: int = 1,
    down: int = 1,
    padding: Padding = 0,
    gain: float = 1.0,
    flip: bool = False,
    implementation: str = "auto",
) -> Float[Array, "b h2 w2 c"]:
    """Insert up - 1 zeros after every pixel, pad, convolve with `kernel`, keep every down-th pixel.

    kernel: taps of one axis (used along both) or a 2-D array; used as given, not normalised.
    padding: pixels of the up-sampled picture, one number or (top, bottom, left, right); negative ones crop.
    gain: scales the result; not negative with the taps of one axis. flip: correlate instead of convolve.
    """
    check(np.ndim(kernel) == 2 or gain >= 0, f"gain must be at least 0 with the taps of one axis, but it is {gain}.")
    alike = shape_class(f"up {up} down {down}", max(x.shape[1:3]), x.shape[3])
    best = measured_best("upfirdn2d", alike, x.dtype)
    run = select("upfirdn2d", IMPLEMENTATIONS, implementation, auto=best)
    taps = np.asarray(kernel, np.float64) * (np.sqrt(gain) if np.ndim(kernel) == 1 else gain)
    if not flip:
        taps = np.flip(taps)
    pads = (padding,) * 4 if isinstance(padding, int) else padding
    return run(x, taps, up, down, pads)


def filter2d(x, kernel: Kernel, padding: Padding = 0, gain=1.0, implementation="auto"):
    """Filter at the same scale: with `padding=0` the picture keeps its size (`padding` is beyond that)."""
    return upfirdn2d(x, kernel, padding=_around(kernel, padding, 1, 1), gain=gain, implementation=implementation)


def upsample2d(x, kernel: Kernel, factor: int = 2, padding: Padding = 0, gain=1.0, implementation="auto"):
    """Enlarge by `factor`, keeping the mean brightness where the kernel sums to one."""
    pads = _around(kernel, padding, factor, 1)
    return upfirdn2d(x, kernel, up=factor, padding=pads, gain=gain * factor**2, implementation=implementation)


def downsample2d(x, kernel: Kernel, factor: int = 2, padding: Padding = 0, gain=1.0, implementation="auto"):
    """Shrink by `factor` after filtering."""
    pads = _around(kernel, padding, 1, factor)
    return upfirdn2d(x, kernel, down=factor, padding=pads, gain=gain, implementation=implementation)


def normalized_kernel(kernel: Kernel) -> np.ndarray:
    """The taps (or 2-D array) as float64, scaled to sum to one, as NVIDIA's `setup_filter` does."""
    taps = np.asarray(kernel, np.float64)
    return taps / taps.sum()


def _around(kernel: Kernel, padding: Padding, up: int, down: int) -> tuple[int, int, int, int]:
    """Padding that centres the filter; the same sums as in NVIDIA's filter2d, upsample2d and downsample2d."""
    shape = np.shape(kernel)
    extra = (padding,) * 4 if isinstance(padding, int) else padding
    both = []
    for taps, before, after in ((shape[0], *extra[:2]), (shape[-1], *extra[2:])):
        if up > 1:
            both += [before + (taps + up - 1) // 2, after + (taps - up) // 2]
        elif down > 1:
            both += [before + (taps - down + 1) // 2, after + (taps - down) // 2]
        else:
            both += [before + taps // 2, after + (taps - 1) // 2]
    return tuple(both)
