"""Where compiled programs are kept, how several processes begin and end, and how arrays are laid on the devices."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganinv_jax.core import devices
from ganinv_jax.core.errors import GaninvError, InputError, StoppedError


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


ALONE = ({}, {"SLURM_NTASKS": "1"}, {"OMPI_COMM_WORLD_SIZE": "1"}, {"TPU_WORKER_HOSTNAMES": "localhost"})
LAUNCHED = ({"SLURM_NTASKS": "16"}, {"OMPI_COMM_WORLD_SIZE": "2"}, {"TPU_WORKER_HOSTNAMES": "10.0.0.1,10.0.0.2"})
BY_HAND = {"JAX_COORDINATOR_ADDRESS": "10.0.0.1:1234", "JAX_NUM_PROCESSES": "2", "JAX_PROCESS_ID": "1"}


@pytest.fixture
def joined(monkeypatch):
    """Sets the environment, asks to join, and tells the arguments of JAX's calls."""
    calls = []
    monkeypatch.setattr(jax.distributed, "initialize", lambda *given: calls.append(given))
    monkeypatch.setattr(devices.importlib.util, "find_spec", lambda name: None)

    def join(**environment):
        monkeypatch.setattr(devices.os, "environ", environment)
        devices.join_processes()
        return calls

    return join


@pytest.mark.parametrize(("environment", "calls"), [*((e, []) for e in ALONE), *((e, [()]) for e in LAUNCHED)])
def test_processes_join_where_a_launcher_started_several(joined, environment, calls):
    assert joined(**environment) == calls


def test_one_that_has_computed_before_stays_alone(joined, monkeypatch):
    """As in a notebook on a machine with the TPU's compiler; where a launcher started several it is an error."""

    def late():
        raise RuntimeError("jax.distributed.initialize() must be called before any JAX calls")

    joined()
    monkeypatch.setattr(jax.distributed, "initialize", late)
    monkeypatch.setattr(devices.importlib.util, "find_spec", lambda name: name == "libtpu")
    devices.join_processes()
    monkeypatch.setattr(devices.os, "environ", LAUNCHED[0])
    with pytest.raises(RuntimeError, match="before any JAX"):
        devices.join_processes()


def test_one_that_has_joined_does_not_join_again(joined, monkeypatch):
    monkeypatch.setattr(jax.distributed, "is_initialized", lambda: True)
    assert joined(**BY_HAND) == []


def test_processes_join_by_hand(joined):
    assert joined(**BY_HAND, SLURM_NTASKS="1") == [("10.0.0.1:1234", 2, 1)]


@pytest.mark.parametrize("change", [{"JAX_PROCESS_ID": "2"}, {"JAX_NUM_PROCESSES": ""}, {"JAX_PROCESS_ID": "first"}])
def test_a_wrong_environment_is_told(joined, change):
    with pytest.raises(InputError, match="Several processes need JAX_COORDINATOR_ADDRESS"):
        joined(**BY_HAND | change)


def test_a_cluster_that_jax_does_not_know_changes_nothing(joined, monkeypatch):
    def unknown():
        raise ValueError("coordinator_address should be defined.")

    monkeypatch.setattr(devices.importlib.util, "find_spec", lambda name: name)
    monkeypatch.setattr(jax.distributed, "initialize", unknown)
    joined()


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


@pytest.mark.parametrize("processes", [1, 2, 4])
def test_rows_of_processes_put_together_are_all(processes):
    rows = [list(range(8))[devices.own_rows(8, index, processes)] for index in range(processes)]
    assert sum(rows, []) == list(range(8)) and len({len(row) for row in rows}) == 1
    assert devices.own_rows(8) == slice(0, 8)


def test_the_target_is_the_mesh_that_is_traced_for():
    here = devices.target()
    assert here == (jax.default_backend(), jax.devices()[0].device_kind, jax.device_count())
    with jax.sharding.use_abstract_mesh(devices.data_mesh(jax.devices()[:1]).abstract_mesh):
        assert devices.target() == here._replace(count=1)


LOSS = jax.errors.JaxRuntimeError("UNKNOWN: Gloo all-reduce failed: Connection reset by peer\nand more")


@pytest.fixture
def among_others(monkeypatch):
    """As in one of several processes; what is done about its end is told, as (seconds, exit code)."""
    told = []
    monkeypatch.setattr(jax.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(devices, "_leave_within", lambda *given: told.append(given))
    return told


@pytest.mark.parametrize(
    ("error", "raised", "code"),
    [
        (LOSS, "All processes of a run must go on together, but another one has ended .*reset by peer\\);", 1),
        (InputError("There is no picture."), "There is no picture.", 2),
        (OSError("disk"), "disk", 1),
        (jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory"), "RESOURCE_EXHAUSTED", 1),
    ],
)
def test_a_process_that_fails_does_not_wait_for_the_others(among_others, error, raised, code):
    with pytest.raises(GaninvError if error is LOSS else type(error), match=raised), devices.ending_together():
        raise error
    assert among_others == [(devices.PATIENCE, code)]


def test_processes_that_stop_together_wait_for_each_other(among_others):
    with pytest.raises(StoppedError), devices.ending_together():
        raise StoppedError("Stopped after step 3 of 9.")
    assert not among_others


def test_a_single_process_fails_as_it_does():
    assert not devices.is_loss(LOSS)
    with pytest.raises(jax.errors.JaxRuntimeError), devices.ending_together():
        raise LOSS


def test_a_process_leaves_while_its_exit_waits():
    program = (
        "import atexit, sys, time\nfrom ganinv_jax.core import devices\n"
        "atexit.register(time.sleep, 300)\ndevices._leave_within(0.1, 7)\nprint('told')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=200)
    assert (done.returncode, done.stdout) == (7, "told\n"), done.stderr
