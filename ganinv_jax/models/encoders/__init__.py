"""Encoders of whole pictures (pSp, e4e, ReStyle, in-domain) and bodies; that of erased ones: `models.inpainting`."""

from ganinv_jax.models.encoders.config import PspConfig, WholeConfig
from ganinv_jax.models.encoders.irse import IRBody
from ganinv_jax.models.encoders.psp import PspEncoder, fit
from ganinv_jax.models.encoders.resnet import ResNetBody
from ganinv_jax.models.encoders.whole import WholeEncoder, encode, reads_whole, seen_size

__all__ = [
    "IRBody",
    "PspConfig",
    "PspEncoder",
    "ResNetBody",
    "WholeConfig",
    "WholeEncoder",
    "encode",
    "fit",
    "reads_whole",
    "seen_size",
]
