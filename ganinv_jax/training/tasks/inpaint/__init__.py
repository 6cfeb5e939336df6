"""Training the inpainter on a frozen generator."""

from ganinv_jax.training.tasks.inpaint.config import InpaintConfig
from ganinv_jax.training.tasks.inpaint.task import InpaintTask

__all__ = ["InpaintConfig", "InpaintTask"]
