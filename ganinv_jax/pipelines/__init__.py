"""What a person imports: a model, opened from a folder, by name or from an official file."""

from ganinv_jax.pipelines.inpaint import InpaintResult
from ganinv_jax.pipelines.load import load
from ganinv_jax.pipelines.model import Model

__all__ = ["InpaintResult", "Model", "load"]
