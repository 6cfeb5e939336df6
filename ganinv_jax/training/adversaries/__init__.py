"""Discriminators as opponents in training: what they tell a generator, and how they learn."""

from ganinv_jax.training.adversaries.base import Adversary
from ganinv_jax.training.adversaries.projected import ProjectedAdversary
from ganinv_jax.training.adversaries.stylegan2 import StyleGAN2Adversary

__all__ = ["Adversary", "ProjectedAdversary", "StyleGAN2Adversary"]
