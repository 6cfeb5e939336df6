"""Training a StyleGAN2 generator, against StyleGAN2's discriminator or the projected one."""

from ganinv_jax.training.tasks.gan.config import DataConfig, GanConfig
from ganinv_jax.training.tasks.gan.task import GanTask

__all__ = ["DataConfig", "GanConfig", "GanTask"]
