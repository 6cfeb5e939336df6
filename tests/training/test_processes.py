"""Training on many devices, by processes that talk over localhost, and by processes that are killed at any moment."""

import contextlib
import functools
import json
import os
import random
import signal
import socket
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest
import tiny_tasks
from toy import ToyConfig, ToyTask

from ganinv_jax.core import devices
from ganinv_jax.core.devices import data_mesh
from ganinv_jax.core.errors import InputError
from ganinv_jax.data import preparing
from ganinv_jax.training import loop, places
from ganinv_jax.training.checkpoints import Checkpoints, saved_steps
from ganinv_jax.training.config import LoopSettings
from ganinv_jax.training.logs import TIMES

sys.path.insert(0, str(Path(__file__).parents[1]))
from model_folders import save_tiny_model

TOLERANCE = 1e-4
"""Of a gradient's or a figure's largest number: sums are taken in another order."""
INTERVAL = 10  # steps from one checkpoint to the next
SETTINGS = LoopSettings(total_kimg=0.24, log_kimg=0.04, checkpoint_kimg=0.08, snapshot_kimg=0.08)
LONG = 600
"""Seconds that no process takes, on however busy a machine; JAX itself waits 300 for what does not come."""


@pytest.fixture
def train(start, recipe, tmp_path):
    """Starts `ganinv train` with the recipe `config`, by default the toy's; `environment` is that of its process."""

    def run(workdir, *options, config=recipe, log="log", function=_ganinv, **environment):
        arguments = ["train", "--config", str(config), "--workdir", str(workdir), *map(str, options)]
        return start(tmp_path / log, environment, function, arguments)

    return run


@pytest.fixture
def train_together(train, tmp_path):
    """Runs it in two processes, with options for each; returns their exit codes, and what they told."""

    def run(workdir, first=(), second=(), **more):
        logs = [tmp_path / f"log{i}" for i in (0, 1)]
        given = zip((first, second), logs, of_two(), strict=True)
        together = [train(workdir, *options, log=log.name, **more, **where) for options, log, where in given]
        codes = [ended(process, log) for process, log in zip(together, logs, strict=True)]
        return codes, [log.read_text() for log in logs]

    return run


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """What each of the tiny tasks begins with."""
    folder = tmp_path_factory.mktemp("sources")
    model = save_tiny_model(folder / "model", inpainter=False)
    pictures = tiny_tasks.save_pictures(folder / "pictures")
    return {name: model if name in ("inpainter", "encoder") else pictures for name in tiny_tasks.TASKS}


@pytest.mark.slow
def test_two_processes_stopped_killed_and_resumed_equal_undisturbed_ones(tmp_path, train, train_together):
    straight, broken = tmp_path / "straight", tmp_path / "broken"
    codes, told = train_together(straight)
    assert codes == [0, 0], told

    # One of them is asked to stop, and both save the same step.
    slow = "--config.pause=0.2"  # The service looks for signals once a second.
    codes, told = train_together(broken, [slow], [slow, "--config.signal_at=2"])
    assert codes == [3, 3], told
    (stopped,) = saved_steps(broken / "checkpoints")[-1:]
    assert all(f"Stopped after step {stopped} of 30; run the same command" in text for text in told), told

    # Asked before it has gone on, they stop where they are.
    codes, told = train_together(broken, (), ["--config.signal_first=True"])
    assert codes == [3, 3], told
    assert all(f"Stopped after step {stopped} of 30; run the same command" in text for text in told), told

    # One of them is killed, and the other does not go on alone. Slowly, or it would wait for the checkpoint of step 20,
    # where JAX ends it.
    codes, told = train_together(broken, [slow], [slow, "--config.kill_at=29"])
    assert codes == [1, -9] and "another one has ended" in told[0] and "Traceback" not in told[0], told
    # What is being written while steps go on may be lost with it, so 20 need not be there.
    assert 10 in saved_steps(broken / "checkpoints") and 30 not in saved_steps(broken / "checkpoints")

    codes, told = train_together(broken)
    assert codes == [0, 0], told
    assert_same_files(straight / "model", broken / "model")
    assert rows(straight)[-1] == rows(broken)[-1]

    # A single process goes on where two were, and ends within rounding of what it would have come to alone.
    (straight / "checkpoints/30").rename(tmp_path / "gone")
    alone = _toy(tmp_path / "alone", SETTINGS)
    for found in (_toy(straight, SETTINGS), _toy(broken, SETTINGS)):
        np.testing.assert_allclose(found.params["w"], alone.params["w"], rtol=1e-5, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "killed"), [("anchored", "both"), ("inpainter", "one")])
def test_two_processes_train_networks_that_are_killed_to_the_same_bits(tmp_path, train_together, sources, name, killed):
    recipe = tiny_tasks.save_recipe(tmp_path / f"{name}.py", name, sources[name])
    photos = ["--config.photos.fraction=0.4"] if name == "inpainter" else []  # Two do not divide the three.
    straight, broken = tmp_path / "straight", tmp_path / "broken"
    codes, told = train_together(straight, photos, photos, config=recipe)
    assert codes == [0, 0], told

    kill = [*photos, "--config.kill_at=5"]
    codes, told = train_together(broken, kill if killed == "both" else photos, kill, config=recipe)
    # One that is left notices it in a step, or, where it waits for both to have saved, is ended by JAX.
    left = {1: "another one has ended", -signal.SIGABRT: "another task died"}
    assert codes[1] == -9 and (codes[0] == -9 if killed == "both" else codes[0] in left), told
    assert killed == "both" or any(sentence in told[0] for sentence in left.values()), told
    assert 2 in saved_steps(broken / "checkpoints") and 6 not in saved_steps(broken / "checkpoints")
    codes, told = train_together(broken, photos, photos, config=recipe)
    assert codes == [0, 0], told

    task = tiny_tasks.make(name, sources[name])
    assert_same_bits(*(last_state(task, workdir) for workdir in (straight, broken)))
    assert_same_files(straight / "model", broken / "model")
    assert rows(straight) == rows(broken) and len(rows(straight)) == 6


@pytest.mark.slow
def test_where_one_process_fails_the_other_is_not_left_waiting(tmp_path, train_together):
    codes, told = train_together(tmp_path / "run", (), ["--config.fail_at=5"])
    assert codes == [1, 1], told
    assert "another one has ended" in told[0] and "batch 5 cannot be read" in told[1]


@pytest.mark.slow
def test_a_folder_that_only_one_process_sees_is_refused_by_both(tmp_path, train_together):
    mine, other = tmp_path / "mine", tmp_path / "other"
    codes, told = train_together(mine, (), ["--workdir", other], function=_impatient)
    assert codes == [2, 2], told
    assert all("--workdir must be a folder that all hosts see" in text and "by process 1;" in text for text in told)
    assert not list(mine.iterdir()) and not other.exists()


@pytest.mark.slow
@pytest.mark.parametrize("blind", [0, 1])
def test_a_checkpoint_that_one_process_cannot_read_stays(tmp_path, train_together, blind):
    workdir, short = tmp_path / "run", "--config.loop.total_kimg=0.08"
    codes, told = train_together(workdir, [short], [short])
    assert codes == [0, 0] and not list(workdir.glob(".*")), told
    codes, told = train_together(workdir, function=functools.partial(_without_files, blind))
    assert codes == [1, 1] and all(f"must be able to read {workdir}/checkpoints/10," in text for text in told), told
    assert saved_steps(workdir / "checkpoints") == [10]

    for path in (workdir / "checkpoints/10").rglob("d/*"):
        path.write_bytes(b"")
    codes, told = train_together(workdir, [short], [short])  # Both see that it is torn.
    assert codes == [2, 2] and all("None of the checkpoints" in text for text in told), told


@pytest.mark.slow
@pytest.mark.parametrize("fails", [False, True])
def test_the_first_process_alone_prepares_data(tmp_path, start, fails):
    """However long it takes, and whether or not it succeeds."""
    logs, told = [tmp_path / f"log{i}" for i in (0, 1)], tmp_path / "told"
    together = [start(log, where, _prepare, told, fails) for log, where in zip(logs, of_two(), strict=True)]
    codes = [ended(process, log) for process, log in zip(together, logs, strict=True)]
    assert codes == [0, 0], [log.read_text() for log in logs]
    expected = ["OSError: no room", "InputError: The first process could not prepare tfds:fruit"]
    found = [(tmp_path / f"told{i}").read_text() for i in (0, 1)]
    wanted = expected if fails else ["by 0", "by 0"]
    assert all(text.startswith(beginning) for text, beginning in zip(found, wanted, strict=True)), found


@pytest.mark.slow
@pytest.mark.parametrize("name", tiny_tasks.TASKS)
def test_a_step_on_eight_devices_is_that_on_one(tmp_path, start, sources, name):
    """Loss and gradients, statistics over groups of pictures, adaptive augmentation and averages of weights."""
    flags = {"XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=8"}
    process = start(tmp_path / "log", flags, _save_step, name, sources[name], tmp_path / "eight.npz")
    one, work = tiny_tasks.one_step(name, sources[name])
    assert ended(process, tmp_path / "log") == 0, (tmp_path / "log").read_text()
    eight = dict(np.load(tmp_path / "eight.npz"))
    assert eight.pop("work") < work / 4  # nothing large is computed by every device for itself
    assert eight.keys() == one.keys()
    for path, leaf in one.items():
        size = np.abs(leaf).max(initial=1e-6)
        np.testing.assert_allclose(eight[path] / size, leaf / size, atol=TOLERANCE, err_msg=path)


@pytest.mark.slow
def test_killed_at_twenty_random_moments_equals_undisturbed(tmp_path, train):
    settings = LoopSettings(total_kimg=6.4, log_kimg=0.008, checkpoint_kimg=0.008 * INTERVAL, snapshot_kimg=10)
    options = [
        f"--config.loop.{name}={getattr(settings, name)}" for name in ("total_kimg", "log_kimg", "snapshot_kimg")
    ]
    undisturbed, broken, draw = _toy(tmp_path / "straight", settings), tmp_path / "broken", random.Random(0)
    lost = []
    for _ in range(20):
        last = max(saved_steps(broken / "checkpoints"), default=0)
        moment = draw.uniform(0.01, 0.6)
        process = train(broken, *options, "--config.pause=0.01", f"--config.kill_after={moment}")
        assert ended(process, tmp_path / "log") == -9, (tmp_path / "log").read_text()
        saved = max(saved_steps(broken / "checkpoints"), default=0)
        assert saved >= last and not list(broken.glob("checkpoints/torn-*"))
        lost.append(max([row["step"] for row in rows(broken)], default=0) - saved)
    # The interval, and what was trained while the last checkpoint was being written, for which the next one waits.
    assert max(lost) < 2 * INTERVAL, lost
    assert_same_bits(_toy(broken, settings), undisturbed)
    assert rows(broken) == rows(tmp_path / "straight")


def of_two() -> list[dict[str, str]]:
    """The environments of two processes that find each other."""
    with contextlib.closing(socket.socket()) as one:
        one.bind(("localhost", 0))
        address = f"localhost:{one.getsockname()[1]}"
    numbers = ({"JAX_NUM_PROCESSES": "2", "JAX_PROCESS_ID": str(index)} for index in (0, 1))
    return [{"JAX_COORDINATOR_ADDRESS": address} | given for given in numbers]


def rows(workdir) -> list[dict]:
    """The whole rows of the log, without what time tells."""
    path = workdir / "metrics.jsonl"
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    found = [json.loads(line) for line in lines if line.endswith("\n")]
    return [{name: value for name, value in row.items() if name not in TIMES} for row in found]


def assert_same_bits(a, b):
    def raw(leaf):
        return jax.random.key_data(leaf) if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key) else leaf

    jax.tree.map(np.testing.assert_array_equal, *(jax.device_get(jax.tree.map(raw, tree)) for tree in (a, b)))


def assert_same_files(a, b):
    names = sorted(path.name for path in a.iterdir())
    assert names and names == sorted(path.name for path in b.iterdir())
    for name in set(names) - {"MODEL_CARD.md"}:  # which tells of times
        assert (a / name).read_bytes() == (b / name).read_bytes(), name


def _save_step(name, source, path):
    assert jax.device_count() == 8
    leaves, work = tiny_tasks.one_step(name, source)
    np.savez(path, work=work, **leaves)


def _prepare(told, fails):
    devices.join_processes()
    preparing.PAUSE = 0.2
    index, data = jax.process_index(), Path(f"{told}_data")

    def prepare():
        time.sleep(1)
        if fails:
            raise OSError("no room")
        data.write_text(f"by {index}")

    try:
        preparing.first_alone(prepare, "tfds:fruit")
        said = data.read_text()
    except (OSError, InputError) as error:
        said = f"{type(error).__name__}: {error}"
    Path(f"{told}{index}").write_text(said)


def _toy(workdir, settings):
    return loop.run(ToyTask(ToyConfig()), workdir, settings)


def last_state(task, workdir):
    with Checkpoints(workdir / "checkpoints") as checkpoints:
        return checkpoints.restore(jax.eval_shape(task.init, loop.keys(task)[0]), data_mesh())[0]


def ended(process, log: Path) -> int:
    """Its exit code; far later than it should, it is killed."""
    process.join(LONG)
    if process.exitcode is None:
        process.kill()
        pytest.fail(f"The process should have ended in {LONG} s, but it told only this:\n{log.read_text()}")
    return process.exitcode


def _ganinv(arguments):
    from ganinv_jax.cli.main import main

    sys.exit(main(arguments))


def _impatient(arguments):
    places.PATIENCE = 1.0
    _ganinv(arguments)


def _without_files(blind, arguments):
    """As where a server hands out an old folder to one host."""

    def read(self, *given, whole=Checkpoints._read):
        if jax.process_index() == blind:
            raise FileNotFoundError("There is no manifest.ocdbt.")
        return whole(self, *given)

    Checkpoints._read = read
    _ganinv(arguments)
