"""Encoders of whole pictures (pSp, e4e, ReStyle) and their bodies; that of erased ones is in `models.inpainting`."""

from ganinv_jax.models.encoders.config import PspConfig
from ganinv_jax.models.encoders.irse import IRBody
from ganinv_jax.models.encoders.psp import PspEncoder, encode, fit
from ganinv_jax.models.encoders.resnet import ResNetBody

__all__ = ["IRBody", "PspConfig", "PspEncoder", "ResNetBody", "encode", "fit"]
