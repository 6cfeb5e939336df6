from ganinv_jax.ops.conv_resample.api import IMPLEMENTATIONS, conv2d_resample

__all__ = ["IMPLEMENTATIONS", "conv2d_resample"]
