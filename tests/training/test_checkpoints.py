"""Checkpoints: torn ones are skipped, a full disk ends the run cleanly."""

import errno
import re
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental import multihost_utils

from ganinv_jax.cli.main import main
from ganinv_jax.core.devices import data_mesh, replicate
from ganinv_jax.core.errors import GaninvError, InputError
from ganinv_jax.training.checkpoints import Checkpoints, saved_steps


@pytest.fixture
def saved(tmp_path):
    """A folder with the checkpoints of steps 1, 2 and 3, whose arrays are full of 1, 2 and 3, or drawn."""
    with Checkpoints(tmp_path) as checkpoints:
        for step in (1, 2, 3):
            checkpoints.save(step, state(step))
    return tmp_path


def state(value):
    arrays = {"w": jnp.full((64, 64), value, jnp.float32), "half": jnp.full((3,), value, jnp.bfloat16)}
    arrays["drawn"] = jax.random.normal(jax.random.key(value), (64, 64))  # too long for the files that list others
    others = {"n": jnp.int32(value), "key": jax.random.key(value), "on": jnp.bool_(True)}
    return replicate(arrays | others, data_mesh())


def restore(folder):
    with Checkpoints(folder) as checkpoints:
        return checkpoints.restore(jax.eval_shape(lambda: state(0)), data_mesh())


def test_restores_the_newest(saved):
    found, step = restore(saved)
    assert step == 3
    jax.tree.map(np.testing.assert_array_equal, *(jax.tree.map(_raw, tree) for tree in (found, state(3))))


def test_a_checkpoint_is_not_blamed_for_a_process_that_is_gone(saved, monkeypatch):
    def alone(*given):
        raise jax.errors.JaxRuntimeError("UNKNOWN: Gloo all-reduce failed: Connection reset by peer")

    monkeypatch.setattr(Checkpoints, "_read", alone)
    monkeypatch.setattr(jax.distributed, "is_initialized", lambda: True)
    with pytest.raises(jax.errors.JaxRuntimeError, match="Gloo"):
        restore(saved)
    assert saved_steps(saved) == [1, 2, 3] and not list(saved.glob("torn-*"))


def test_nothing_to_restore(tmp_path):
    assert restore(tmp_path) is None


def truncate(folder):
    for path in (p for p in folder.rglob("d/*") if p.is_file()):
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def zero(folder):
    """What a power cut leaves of files that were renamed before their blocks reached the disk."""
    for path in folder.rglob("*"):
        if path.is_file():
            path.write_bytes(bytes(path.stat().st_size))


def zero_an_array(folder):
    """The file that an array has to itself, which has no checksum."""
    path = max(folder.rglob("d/*"), key=lambda path: path.stat().st_size)
    path.write_bytes(bytes(path.stat().st_size))


def lose_the_record(folder):
    (folder / "about" / "metadata").unlink()


def swap_the_state(folder):
    """A complete and readable state, but not the one that was saved under this step."""
    (folder / "state").rename(folder / "old")
    (folder.parent / "2" / "state").rename(folder / "state")
    (folder / "old").rename(folder.parent / "2" / "state")


@pytest.mark.parametrize("tear", [truncate, zero, zero_an_array, lose_the_record])
def test_a_torn_checkpoint_is_skipped_for_the_one_before(saved, tear):
    tear(saved / "3")
    with pytest.warns(UserWarning, match=r"Skipped .*/3, which is torn"):
        found, step = restore(saved)
    assert step == 2 and float(found["w"][0, 0]) == 2
    assert (saved / "torn-3").is_dir() and not (saved / "3").exists()
    with Checkpoints(saved) as checkpoints:  # The run comes past step 3 again.
        checkpoints.save(3, state(3))
    assert restore(saved)[1] == 3


def test_other_arrays_than_were_saved_are_found_out(saved):
    swap_the_state(saved / "3")
    with pytest.warns(UserWarning, match="not the ones that were saved"):
        assert restore(saved)[1] == 1


def test_all_torn_is_refused(saved):
    for step in (1, 2, 3):
        zero(saved / str(step))
    with pytest.warns(UserWarning), pytest.raises(InputError, match="None of the checkpoints"):
        restore(saved)
    with pytest.raises(InputError, match="None of the checkpoints"):  # A scheduler tries again.
        restore(saved)


@pytest.mark.parametrize(
    "error",
    [
        PermissionError("no"),
        OSError(errno.ESTALE, "Stale file handle"),
        OSError(errno.EIO, "Input/output error"),
        TimeoutError(errno.ETIMEDOUT, "Connection timed out"),
        ValueError("RESOURCE_EXHAUSTED: out of memory"),
        ValueError("NOT_FOUND: Error reading \"w/0.0\": Stale file handle [os_error_code='116']"),
        jax.errors.JaxRuntimeError("INTERNAL: Barrier timed out"),
    ],
)
def test_a_checkpoint_that_cannot_be_read_now_is_not_set_aside(saved, monkeypatch, error):
    def fail(*given):
        raise error

    monkeypatch.setattr(Checkpoints, "_read", fail)
    with pytest.raises(InputError, match="3 cannot be read now .*; mend that, and run the same command again"):
        restore(saved)
    assert saved_steps(saved) == [1, 2, 3]


def test_an_error_of_the_file_system_is_not_the_checkpoint_s(saved):
    for path in (saved / "3/state/d").iterdir():
        path.rename(saved / path.name)
        path.symlink_to(path)  # It cannot be opened, as one cannot that a server does not hand out.
    with pytest.raises(InputError, match="3 cannot be read now"):
        restore(saved)
    for path in (saved / "3/state/d").iterdir():
        (saved / path.name).rename(path)
    assert restore(saved)[1] == 3


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"new": jnp.zeros(2)}, r"new is None instead of 'float32\[2\]'"),
        ({"n": None}, r"n is 'int32\[\]' instead of None"),
        ({"w": jnp.zeros((64, 32))}, r"w is 'float32\[64, 64\]' instead of 'float32\[64, 32\]'"),
        ({"w": jnp.zeros((64, 64), jnp.bfloat16)}, r"w is 'float32\[64, 64\]' instead of 'bfloat16\[64, 64\]'"),
    ],
)
def test_a_checkpoint_of_another_state_is_refused_and_stays(saved, change, told):
    with Checkpoints(saved) as checkpoints, pytest.raises(InputError, match=f"/3 was written by.*: {told}; go on"):
        checkpoints.restore(jax.eval_shape(lambda: state(0) | change), data_mesh())
    assert saved_steps(saved) == [1, 2, 3] and not list(saved.glob("torn-*"))


def test_a_checkpoint_that_others_can_read_is_not_set_aside(saved, monkeypatch):
    def apart(name):
        raise AssertionError(f"sync_global_devices name mismatch ('{name}')")

    truncate(saved / "3")
    with Checkpoints(saved) as checkpoints, pytest.raises(GaninvError, match="All processes .* able to read .*/3,"):
        monkeypatch.setattr(multihost_utils, "sync_global_devices", apart)
        checkpoints.restore(jax.eval_shape(lambda: state(0)), data_mesh())
    assert saved_steps(saved) == [1, 2, 3]


def test_an_unfinished_checkpoint_does_not_count(saved):
    (saved / "3").rename(saved / "3.orbax-checkpoint-tmp")
    assert restore(saved)[1] == 2
    assert not (saved / "3.orbax-checkpoint-tmp").exists()


def test_a_checkpoint_is_the_state_when_it_was_saved_though_the_buffers_are_donated(tmp_path):
    step_fn = jax.jit(lambda s: jax.tree.map(lambda x: x + 1, s), donate_argnums=0)
    now = replicate({"w": jnp.zeros((1000, 1000))}, data_mesh())
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(1, now)
        for _ in range(20):
            now = step_fn(now)
    with Checkpoints(tmp_path) as checkpoints:
        found, _ = checkpoints.restore(jax.eval_shape(lambda: {"w": jnp.zeros((1000, 1000))}), data_mesh())
    np.testing.assert_array_equal(found["w"], 0)


def test_a_state_that_is_not_finite_tells_how_to_go_on(tmp_path):
    with Checkpoints(tmp_path / "checkpoints") as checkpoints:
        (tmp_path / "model").mkdir()
        with pytest.raises(GaninvError, match=rf"--workdir, with --init-from {tmp_path}/model, with a lower learning"):
            checkpoints.save(1, state(1) | {"w": jnp.full((2,), jnp.nan)})


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "free some space"),
        (ValueError("RESOURCE_EXHAUSTED: Failed to write: No space left on device [os_error_code='28']"), "free some"),
        (OSError(errno.EIO, "Input/output error"), "mend that"),
        (ValueError("INVALID_ARGUMENT: no such driver"), "mend that"),
    ],
)
def test_space_is_asked_for_where_it_lacks(tmp_path, monkeypatch, error, remedy):
    def fail(*given, **options):
        raise error

    with (
        Checkpoints(tmp_path) as checkpoints,
        pytest.raises(InputError, match=rf"{re.escape(str(error))}\); {remedy}") as caught,
    ):
        monkeypatch.setattr(checkpoints._manager, "save", fail)
        checkpoints.save(1, state(1))
    assert "There is no checkpoint yet." in str(caught.value)


def test_a_full_disk_stops_cleanly(tmp_path, recipe, monkeypatch, capsys):
    def usage(folder):
        return shutil._ntuple_diskusage(10**9, 10**9, 10 if (tmp_path / "run/checkpoints/10").exists() else 10**9)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    assert main(["train", "--config", str(recipe), "--workdir", str(tmp_path / "run")]) == 2
    told = capsys.readouterr().err
    assert "0.0 MiB are free" in told and f"The last good checkpoint is {tmp_path}/run/checkpoints/10." in told
    assert len(told.splitlines()) == 1


def test_a_write_that_fails_stops_cleanly(tmp_path, recipe, python):
    # A limit on the size of files makes real writes fail in the same place as a disk that fills up meanwhile.
    program = (
        "import resource, signal, sys\n"
        "from ganinv_jax.cli.main import main\n"
        "from ganinv_jax.training.checkpoints import Checkpoints\n"
        "save = Checkpoints.save\n"
        "def limited(self, step, state, figures=None):\n"
        "    if step == 20:\n"
        "        self.wait()\n"
        "        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "        resource.setrlimit(resource.RLIMIT_FSIZE, (10, resource.RLIM_INFINITY))\n"
        "    save(self, step, state, figures)\n"
        "Checkpoints.save = limited\n"
        "sys.exit(main(['train', *sys.argv[1:]]))\n"
    )
    workdir = tmp_path / "run"
    done = python("-c", program, "--config", str(recipe), "--workdir", str(workdir))
    assert done.returncode == 2, done.stderr
    assert f"The last good checkpoint is {workdir}/checkpoints/10." in done.stderr
    assert "internal error" not in done.stderr
    assert saved_steps(workdir / "checkpoints") == [10]
    assert main(["train", "--config", str(recipe), "--workdir", str(workdir)]) == 0
    assert sorted(p.name for p in (workdir / "checkpoints").iterdir()) == ["10", "20", "30"]


def test_a_write_that_failed_is_told_without_waiting_for_the_next(tmp_path, python):
    program = (
        "import resource, signal, sys, time\n"
        "import jax.numpy as jnp\n"
        "from ganinv_jax.core.errors import GaninvError, InputError\n"
        "from ganinv_jax.training.checkpoints import Checkpoints\n"
        "try:\n"
        "    with Checkpoints(sys.argv[1]) as checkpoints:\n"
        "        checkpoints.save(10, {'w': jnp.ones(100)})\n"
        "        checkpoints.wait()\n"
        "        checkpoints.check()\n"
        "        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "        resource.setrlimit(resource.RLIMIT_FSIZE, (10, resource.RLIM_INFINITY))\n"
        "        checkpoints.save(20, {'w': jnp.ones(100)})\n"
        "        while True:\n"
        "            time.sleep(0.1)\n"
        "            checkpoints.check()\n"
        "except InputError as error:\n"
        "    print(error)\n"
    )
    done = python("-c", program, tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"The last good checkpoint is {tmp_path}/10." in done.stdout


def test_a_log_that_cannot_be_written_stops_cleanly(tmp_path, monkeypatch):
    from toy import ToyConfig, ToyTask

    from ganinv_jax.training import config, logs, loop

    def full(self, row):
        if row["step"] == 20:
            raise OSError(28, "No space left on device")
        write(self, row)

    write = logs.MetricLog.write
    monkeypatch.setattr(logs.MetricLog, "write", full)
    with pytest.raises(InputError, match=r"No space left on device.*The last good checkpoint is .*checkpoints/10\."):
        loop.run(ToyTask(ToyConfig()), tmp_path, config.LoopSettings(0.24, log_kimg=0.04, checkpoint_kimg=0.08))


def _raw(leaf):
    return jax.random.key_data(leaf) if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) else np.asarray(leaf)
