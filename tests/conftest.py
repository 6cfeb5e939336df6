"""Shared fixtures: a persistent compilation cache, and the folder of reference files that a user's clone does not have."""

import os
from pathlib import Path

import jax
import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"

jax.config.update("jax_compilation_cache_dir", os.environ.get("GANINV_TEST_CACHE", str(Path.home() / ".cache/ganinv_jax/tests")))
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)
jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with official-format weight files, pictures and reference outputs."""
    if not SHARED.is_dir():
        if os.environ.get("GANINV_REQUIRE_SHARED"):
            pytest.fail(f"reference files are required here, but {SHARED} does not exist")
        pytest.skip("reference files are not part of the repository")
    return SHARED
