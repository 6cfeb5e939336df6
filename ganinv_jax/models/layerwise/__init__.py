"""Encoders that invert a generator layer by layer, and networks that adapt late layers to a photo (Bau et al.)."""

from ganinv_jax.models.layerwise.config import LayerEncodersConfig, layer_encoders
from ganinv_jax.models.layerwise.encoders import LayerEncoders
from ganinv_jax.models.layerwise.factors import FactorNetworks

__all__ = ["FactorNetworks", "LayerEncoders", "LayerEncodersConfig", "layer_encoders"]
