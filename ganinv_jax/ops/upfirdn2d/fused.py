"""upfirdn2d by one kernel, where there is one for the platform, the filter and the shapes; else the `lax` form."""

import functools
from collections.abc import Callable

import jax
import numpy as np
from jax import lax

from ganinv_jax.ops.upfirdn2d import fast, pallas_gpu, pallas_tpu, polyphase

KERNELS = {"tpu": pallas_tpu, "cuda": pallas_gpu}


def implementation(platform: str | None = None) -> Callable:
    """`upfirdn2d` by the kernel of the platform that the program is compiled for.

    Given a `platform`, by that one's kernel, which elsewhere runs in Pallas' interpreter.
    """
    return functools.partial(_upfirdn2d, platform)


def _upfirdn2d(platform, x, taps: np.ndarray, up: int, down: int, pads: tuple[int, int, int, int]):
    filters = fast.separate(taps)
    if filters is None or not x.size:
        return fast.upfirdn2d(x, taps, up, down, pads)
    rows = polyphase.axis(x.shape[1], filters[0], up, down, pads[:2])
    columns = polyphase.axis(x.shape[2], filters[1], up, down, pads[2:])
    asked = KERNELS if platform is None else {platform: KERNELS[platform]}
    suitable = rows.size > 0 and columns.size > 0
    kernels = {name: kernel for name, kernel in asked.items() if suitable and kernel.suits(x, rows, columns)}
    composed = functools.partial(fast.upfirdn2d, taps=taps, up=up, down=down, pads=pads)
    return _differentiable(platform, kernels, rows, columns, composed)(x) if kernels else composed(x)


def _differentiable(platform, kernels, rows, columns, composed: Callable) -> Callable:
    def run(kernel, interpret: bool) -> Callable:
        return lambda x: kernel.upfirdn2d(x, rows, columns, interpret)

    @jax.custom_jvp
    def fused(x):
        branches = {name: run(kernel, False) for name, kernel in kernels.items()}
        default = composed if platform is None else run(kernels[platform], True)
        return lax.platform_dependent(x, **branches, default=default)

    # The op is linear, and what is to be transposed must be made of `lax`.
    fused.defjvp(lambda primals, tangents: (fused(*primals), composed(*tangents)))
    return fused
