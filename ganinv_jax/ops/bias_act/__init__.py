from ganinv_jax.ops.bias_act.api import ACTIVATION_GAIN, IMPLEMENTATIONS, bias_act

__all__ = ["ACTIVATION_GAIN", "IMPLEMENTATIONS", "bias_act"]
