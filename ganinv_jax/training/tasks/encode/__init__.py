"""Training an encoder of whole pictures on a frozen generator."""

from ganinv_jax.training.tasks.encode.config import EncodeConfig
from ganinv_jax.training.tasks.encode.task import EncodeTask

__all__ = ["EncodeConfig", "EncodeTask"]
