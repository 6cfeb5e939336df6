"""Reads pickles and torch files without torch and without running anything that they name; writes torch files."""

from ganinv_jax.core.torchfile.containers import read
from ganinv_jax.core.torchfile.records import Call, Global
from ganinv_jax.core.torchfile.writer import write

__all__ = ["Call", "Global", "read", "write"]
