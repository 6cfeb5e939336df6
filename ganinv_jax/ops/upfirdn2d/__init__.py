from ganinv_jax.ops.upfirdn2d.api import (
    IMPLEMENTATIONS,
    downsample2d,
    filter2d,
    normalized_kernel,
    upfirdn2d,
    upsample2d,
)

__all__ = ["IMPLEMENTATIONS", "downsample2d", "filter2d", "normalized_kernel", "upfirdn2d", "upsample2d"]
