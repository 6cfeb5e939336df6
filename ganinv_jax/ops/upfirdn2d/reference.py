"""upfirdn2d as its definition reads: zeros in between, padding, one depthwise convolution, every down-th pixel."""

import jax.numpy as jnp
import numpy as np
from jax import lax


def upfirdn2d(x, taps: np.ndarray, up: int, down: int, pads: tuple[int, int, int, int]):
    """`taps` are in correlation order and carry the gain; pads are (top, bottom, left, right)."""
    kernel = np.outer(taps, taps) if taps.ndim == 1 else taps
    zero = jnp.zeros((), x.dtype)
    top, bottom, left, right = pads
    # A zero follows the last pixel too, hence up - 1 more below and to the right.
    rows, columns = (top, bottom + up - 1, up - 1), (left, right + up - 1, up - 1)
    x = lax.pad(x, zero, ((0, 0, 0), rows, columns, (0, 0, 0)))
    weight = jnp.broadcast_to(jnp.asarray(kernel, x.dtype)[:, :, None, None], (*kernel.shape, 1, x.shape[-1]))
    return lax.conv_general_dilated(
        x,
        weight,
        window_strides=(down, down),
        padding="VALID",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=x.shape[-1],
        precision=lax.Precision.HIGHEST,
    )
