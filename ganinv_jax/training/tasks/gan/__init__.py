"""Training a StyleGAN2 generator, against StyleGAN2's discriminator or the projected one."""

from ganinv_jax.training.tasks.gan.config import GanConfig
from ganinv_jax.training.tasks.gan.task import GanTask

__all__ = ["GanConfig", "GanTask"]
