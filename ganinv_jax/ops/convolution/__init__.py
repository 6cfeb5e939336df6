from ganinv_jax.ops.convolution.api import IMPLEMENTATIONS, convolve

__all__ = ["IMPLEMENTATIONS", "convolve"]
