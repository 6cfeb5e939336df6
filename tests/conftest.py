"""What all tests share: how programs are compiled, and the reference files that a user's clone does not have."""

import os
from pathlib import Path

# Tests compile many small programs and run each once or twice, so the compiler's effort would be wasted on them.
QUICK = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
os.environ["XLA_FLAGS"] = f"{QUICK} {os.environ.get('XLA_FLAGS', '')}"

import jax  # noqa: E402
import pytest  # noqa: E402

from ganinv_jax.core.devices import write_cache_whole  # noqa: E402

SHARED = Path(__file__).resolve().parents[2] / "shared"

write_cache_whole()  # workers share it
jax.config.update(
    "jax_compilation_cache_dir", os.environ.get("GANINV_TEST_CACHE", str(Path.home() / ".cache/ganinv_jax/tests"))
)
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
