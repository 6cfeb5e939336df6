"""What all tests share: how programs are compiled, and the reference files that a user's clone does not have."""

import gc
import os
from pathlib import Path

# Tests compile many small programs and run each once or twice, so the compiler's effort would be wasted on them.
QUICK = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
os.environ["XLA_FLAGS"] = f"{QUICK} {os.environ.get('XLA_FLAGS', '')}"

import jax  # noqa: E402
import pytest  # noqa: E402

SHARED = Path(__file__).resolve().parents[2] / "shared"

# Linux lets a process have 65,530 mappings by default; a compiled program takes a few, and XLA crashes without one.
MAPPINGS = Path("/proc/self/maps")
MANY_MAPPINGS = 30_000

jax.config.update(
    "jax_compilation_cache_dir", os.environ.get("GANINV_TEST_CACHE", str(Path.home() / ".cache/ganinv_jax/tests"))
)
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)
jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


@pytest.fixture(autouse=True)
def _release_programs():
    """Forget compiled programs when there are many."""
    yield
    if MAPPINGS.exists() and MAPPINGS.read_bytes().count(b"\n") > MANY_MAPPINGS:
        jax.clear_caches()
        gc.collect()


@pytest.fixture
def no_cache():
    """What another platform's compiler made is of no use to later runs, and is not always kept in readable form."""
    names = ("jax_enable_compilation_cache", "jax_platforms")  # Plans for another platform change the latter, too.
    before = {name: getattr(jax.config, name) for name in names}
    jax.config.update("jax_enable_compilation_cache", False)
    yield
    for name, value in before.items():
        jax.config.update(name, value)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with official-format weight files, pictures and reference outputs."""
    if not SHARED.is_dir():
        if os.environ.get("GANINV_REQUIRE_SHARED"):
            pytest.fail(f"reference files are required here, but {SHARED} does not exist")
        pytest.skip("reference files are not part of the repository")
    return SHARED
