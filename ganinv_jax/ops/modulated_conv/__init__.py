from ganinv_jax.ops.modulated_conv.api import IMPLEMENTATIONS, modulated_conv

__all__ = ["IMPLEMENTATIONS", "modulated_conv"]
