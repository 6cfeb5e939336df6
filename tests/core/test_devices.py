"""Where compiled programs are kept, and how arrays are laid on the devices."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganinv_jax.core import devices
from ganinv_jax.core.errors import InputError


@pytest.fixture(autouse=True)
def unchanged_settings():
    names = ("compilation_cache_dir", "persistent_cache_min_compile_time_secs", "persistent_cache_min_entry_size_bytes")
    before = {f"jax_{name}": getattr(jax.config, f"jax_{name}") for name in names}
    yield
    for name, value in before.items():
        jax.config.update(name, value)


def test_the_cache_s_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GANINV_CACHE", str(tmp_path / "told"))
    assert devices.enable_compilation_cache(tmp_path / "given") == tmp_path / "given"
    assert devices.enable_compilation_cache() == tmp_path / "told"
    monkeypatch.delenv("GANINV_CACHE")
    assert devices.enable_compilation_cache() == tmp_path / "told"  # What JAX was told stays.
    jax.config.update("jax_compilation_cache_dir", None)
    assert devices.enable_compilation_cache() == tmp_path / "home" / "ganinv_jax" / "xla"


def test_no_cache_on_request(monkeypatch):
    monkeypatch.setenv("GANINV_CACHE", "")
    before = jax.config.jax_compilation_cache_dir
    assert devices.enable_compilation_cache() is None
    assert jax.config.jax_compilation_cache_dir == before


def test_a_replicated_tree_can_be_donated():
    array = jnp.arange(4.0)
    laid = devices.replicate({"a": array, "b": array, "n": np.ones(2)}, devices.data_mesh())
    done = jax.jit(lambda tree: jax.tree.map(lambda x: x + 1, tree), donate_argnums=0)(laid)
    np.testing.assert_array_equal(done["b"], [1, 2, 3, 4])
    np.testing.assert_array_equal(array, [0, 1, 2, 3])


def test_a_batch_lies_along_the_data_axis():
    batch = devices.shard_batch({"image": np.arange(6).reshape(2, 3)}, devices.data_mesh(jax.devices()[:1]))
    np.testing.assert_array_equal(batch["image"], [[0, 1, 2], [3, 4, 5]])
    assert batch["image"].sharding.spec == jax.sharding.PartitionSpec("data")


@pytest.mark.parametrize("batch", [0, -8])
def test_impossible_batches(batch):
    with pytest.raises(InputError, match="positive multiple"):
        devices.check_batch(batch, devices.data_mesh())
