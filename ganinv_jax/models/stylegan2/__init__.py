"""StyleGAN2 (Karras et al. 2020) with the parameter names and the arithmetic of NVIDIA's `networks_stylegan2`."""

from ganinv_jax.models.stylegan2.config import DiscriminatorConfig, GeneratorConfig, MappingConfig, SynthesisConfig
from ganinv_jax.models.stylegan2.discriminator import Discriminator
from ganinv_jax.models.stylegan2.generator import Generator
from ganinv_jax.models.stylegan2.mapping import MappingNetwork, truncate
from ganinv_jax.models.stylegan2.styles import Layer, affine_maps, style_rows, styles_of
from ganinv_jax.models.stylegan2.synthesis import SynthesisNetwork

__all__ = [
    "Discriminator",
    "DiscriminatorConfig",
    "Generator",
    "GeneratorConfig",
    "Layer",
    "MappingConfig",
    "MappingNetwork",
    "SynthesisConfig",
    "SynthesisNetwork",
    "affine_maps",
    "style_rows",
    "styles_of",
    "truncate",
]
