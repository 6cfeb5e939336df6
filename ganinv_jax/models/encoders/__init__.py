"""Encoders of whole pictures (pSp, e4e, ReStyle) and their feature bodies; `models.inpainting` has that of erased ones."""

from ganinv_jax.models.encoders.config import PspConfig
from ganinv_jax.models.encoders.irse import IRBody
from ganinv_jax.models.encoders.psp import PspEncoder, encode, fit
from ganinv_jax.models.encoders.resnet import ResNetBody

__all__ = ["IRBody", "PspConfig", "PspEncoder", "ResNetBody", "encode", "fit"]
