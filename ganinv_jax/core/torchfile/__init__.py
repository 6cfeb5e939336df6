"""Reads pickles and torch weight files without torch, and without running anything that they name."""

from ganinv_jax.core.torchfile.containers import read
from ganinv_jax.core.torchfile.records import Call, Global

__all__ = ["Call", "Global", "read"]
