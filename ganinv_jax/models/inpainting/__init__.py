"""Diverse inpainting with a frozen generator: encoder, gated mixer and skip encoder (arXiv:2307.15033)."""

from ganinv_jax.models.inpainting.config import (
    EncoderConfig,
    InpainterConfig,
    MixerConfig,
    SkipConfig,
    default_skip_resolutions,
    light,
    psp,
)
from ganinv_jax.models.inpainting.encoder import StyleEncoder
from ganinv_jax.models.inpainting.inpainter import PARTS, Completion, Inpainter, erase, make_inpainter
from ganinv_jax.models.inpainting.mixer import Mixer
from ganinv_jax.models.inpainting.skip import SkipEncoder

__all__ = [
    "PARTS",
    "Completion",
    "EncoderConfig",
    "Inpainter",
    "InpainterConfig",
    "Mixer",
    "MixerConfig",
    "SkipConfig",
    "SkipEncoder",
    "StyleEncoder",
    "default_skip_resolutions",
    "erase",
    "light",
    "make_inpainter",
    "psp",
]
