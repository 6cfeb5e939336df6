"""The projected discriminator."""

from ganinv_jax.models.projected.config import ProjectedConfig
from ganinv_jax.models.projected.discriminator import ProjectedDiscriminator, init_variables

__all__ = ["ProjectedConfig", "ProjectedDiscriminator", "init_variables"]
