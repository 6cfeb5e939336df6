"""The loop: resuming to the same bits, stopping, refusing, and what it writes."""

import csv
import dataclasses
import hashlib
import json
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np
import pytest
from PIL import Image
from toy import Optimizer, ToyConfig, ToyTask

from ganinv_jax.core import folders
from ganinv_jax.core.errors import GaninvError, InputError, StoppedError
from ganinv_jax.data.sources import FileSource
from ganinv_jax.training import loop
from ganinv_jax.training.checkpoints import saved_steps
from ganinv_jax.training.config import LoopSettings
from ganinv_jax.training.logs import TIMES

# 30 steps in all, a row each 5, checkpoints and snapshots each 10.
SETTINGS = LoopSettings(total_kimg=0.24, log_kimg=0.04, checkpoint_kimg=0.08, snapshot_kimg=0.08)


def train(workdir, settings=SETTINGS, **options):
    return loop.run(ToyTask(ToyConfig(**options)), workdir, settings)


def assert_same_bits(a, b):
    a, b = (jax.tree.map(lambda x: jax.random.key_data(x) if x.dtype.name.startswith("key") else x, t) for t in (a, b))
    jax.tree.map(np.testing.assert_array_equal, jax.device_get(a), jax.device_get(b))


def rows(workdir):
    found = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in row.items() if name not in TIMES} for row in found]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("undisturbed")
    return workdir, train(workdir)


def test_the_toy_learns(undisturbed):
    np.testing.assert_allclose(undisturbed[1].params["w"], np.arange(6), atol=1.5)


@pytest.mark.parametrize("stop_before", [0, 13, 29])
def test_stopped_and_resumed_equals_undisturbed(tmp_path, undisturbed, stop_before):
    steps_done = stop_before + 1
    if steps_done < 30:
        with pytest.raises(StoppedError, match=f"after step {steps_done} of 30"):
            train(tmp_path, signal_at=stop_before)
        assert (tmp_path / "checkpoints" / str(steps_done)).is_dir()
    assert_same_bits(train(tmp_path), undisturbed[1])


def test_killed_and_resumed_equals_undisturbed(tmp_path, recipe, python, undisturbed):
    workdir = tmp_path / "run"
    command = ("-m", "ganinv_jax", "train", "--config", recipe, "--workdir", workdir)
    killed = python(*command, "--config.kill_at=27")
    assert killed.returncode == -9
    assert rows(workdir)[-1]["step"] == 25
    state = train(workdir)
    assert_same_bits(state, undisturbed[1])
    assert rows(workdir) == rows(undisturbed[0])


def test_signal_saves_and_exits_with_3(tmp_path, recipe, python, undisturbed):
    workdir = tmp_path / "run"
    command = ("-m", "ganinv_jax", "train", "--config", recipe, "--workdir", workdir)
    stopped = python(*command, "--config.signal_at=16")
    assert stopped.returncode == 3, stopped.stderr
    assert "run the same command" in stopped.stderr and "Traceback" not in stopped.stderr
    assert (workdir / "checkpoints" / "17").is_dir()
    resumed = python(*command)
    assert resumed.returncode == 0, resumed.stderr
    assert_same_bits(train(workdir), undisturbed[1])


def test_a_second_signal_ends_at_once(tmp_path, recipe, python):
    program = (
        "import os, signal, time\n"
        "from ganinv_jax.training.stopping import StopRequest\n"
        "with StopRequest() as stop:\n"
        "    os.kill(os.getpid(), signal.SIGTERM); assert stop.due()\n"
        "    os.kill(os.getpid(), signal.SIGTERM); time.sleep(60)\n"
    )
    assert python("-c", program).returncode == -15


@pytest.mark.slow
def test_eight_devices_equal_one(tmp_path, python, undisturbed):
    program = (
        "import sys, jax, numpy as np\n"
        "from toy import ToyConfig, ToyTask\n"
        "from ganinv_jax.training import config, loop\n"
        "assert jax.device_count() == 8\n"
        "state = loop.run(ToyTask(ToyConfig()), sys.argv[1], config.LoopSettings(0.24, checkpoint_kimg=0.08))\n"
        "assert len(state.params['w'].sharding.device_set) == 8\n"
        "np.save(sys.argv[1] + '/w.npy', state.params['w'])\n"
    )
    done = python("-c", program, tmp_path, XLA_FLAGS="--xla_force_host_platform_device_count=8")
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(np.load(tmp_path / "w.npy"), undisturbed[1].params["w"], rtol=1e-5, atol=1e-5)
    for step in (20, 30):  # Back on one device from the eight devices' checkpoint.
        (tmp_path / "checkpoints" / "30").rename(tmp_path / "gone") if step == 20 else None
        np.testing.assert_allclose(train(tmp_path).params["w"], undisturbed[1].params["w"], rtol=1e-5, atol=1e-5)


def test_a_batch_that_the_devices_do_not_divide_is_refused(tmp_path, python):
    program = (
        "import sys\nfrom toy import ToyConfig, ToyTask\nfrom ganinv_jax.training import config, loop\n"
        "loop.run(ToyTask(ToyConfig(batch_size=12)), sys.argv[1], config.LoopSettings(0.24))\n"
    )
    done = python("-c", program, tmp_path, XLA_FLAGS="--xla_force_host_platform_device_count=8")
    assert "multiple of the number of devices, 8, but it is 12" in done.stderr


def test_what_is_written(undisturbed):
    workdir, state = undisturbed
    written = rows(workdir)
    assert [row["step"] for row in written] == [5, 10, 15, 20, 25, 30]
    assert [row["images"] for row in written] == [40, 80, 120, 160, 200, 240]
    with (workdir / "metrics.csv").open() as file:
        table = list(csv.DictReader(file))
    assert [float(row["loss"]) for row in table] == [row["loss"] for row in written]
    assert sorted(p.name for p in (workdir / "samples").iterdir()) == [f"{n:08d}.png" for n in (0, 80, 160, 240)]
    expected = (np.clip(np.asarray(state.params["w"]), 0, 9) * 20).astype(np.uint8)
    np.testing.assert_array_equal(np.asarray(Image.open(workdir / "samples/00000240.png"))[0, :, 0], expected)
    config, _ = folders.load(workdir / "model")
    assert config["toy"] == {"size": 6}
    card = (workdir / "model/MODEL_CARD.md").read_text()
    assert card.startswith(f"# {workdir.name}\n") and "240 pictures in batches of 8" in card
    assert json.loads((workdir / "config.json").read_text())["config"]["optimizer"]["momentum"] == 0.9


def test_metrics_are_means_over_the_steps_that_have_them(tmp_path):
    fine, coarse = tmp_path / "fine", tmp_path / "coarse"
    train(fine, LoopSettings(0.08, log_kimg=0.008, checkpoint_kimg=1))
    train(coarse, LoopSettings(0.08, log_kimg=0.08, checkpoint_kimg=1))
    each, whole = rows(fine), rows(coarse)[0]
    assert ["penalty" in row for row in each] == [step % 4 == 0 for step in range(10)]
    np.testing.assert_allclose(whole["loss"], np.mean([row["loss"] for row in each]), rtol=1e-12)
    penalties = [row["penalty"] for row in each if "penalty" in row]
    np.testing.assert_allclose(whole["penalty"], np.mean(penalties), rtol=1e-12)
    columns = (fine / "metrics.csv").read_text().splitlines()
    assert columns[0].endswith("loss,noise,penalty") and len(columns) == 11


def test_each_step_has_a_key_of_its_own(tmp_path):
    train(tmp_path / "a", LoopSettings(0.08, log_kimg=0.008))
    train(tmp_path / "b", LoopSettings(0.08, log_kimg=0.008), seed=1)
    noise = [row["noise"] for name in "ab" for row in rows(tmp_path / name)]
    assert len(set(noise)) == 20


def test_keeps_the_last_checkpoints(tmp_path):
    train(tmp_path, LoopSettings(total_kimg=0.24, checkpoint_kimg=0.04, keep=2))
    assert sorted(p.name for p in (tmp_path / "checkpoints").iterdir()) == ["25", "30"]


@pytest.mark.parametrize("best", ["noise", "-noise"])
def test_the_best_checkpoint_stays_and_makes_a_model(tmp_path, best):
    """Against means of each step's row."""
    train(tmp_path, LoopSettings(0.24, log_kimg=0.008, checkpoint_kimg=0.04, keep=1, best=best))
    means = np.reshape([row["noise"] for row in rows(tmp_path)], (6, 5)).mean(axis=1)
    step = 5 * (1 + int(np.argmax(means) if best == "noise" else np.argmin(means)))
    assert sorted(int(p.name) for p in (tmp_path / "checkpoints").iterdir()) == sorted({step, 30})
    until = train(tmp_path / "until", LoopSettings(step * 0.008))  # the same steps, and no more
    assert_same_bits(folders.load(tmp_path / "model_best")[1]["toy"], until.average)


def test_a_run_that_goes_on_knows_the_best_so_far(tmp_path):
    """Seed 5 has its highest noise in the first stretch; what is saved for a stop is not compared."""
    settings = dataclasses.replace(SETTINGS, keep=1, best="noise")
    with pytest.raises(StoppedError):
        train(tmp_path, settings, seed=5, signal_at=13)
    assert saved_steps(tmp_path / "checkpoints") == [10, 14]
    train(tmp_path, settings, seed=5)
    assert saved_steps(tmp_path / "checkpoints") == [10, 30]


@pytest.mark.parametrize("resumed", [False, True])
def test_the_best_is_told_by_a_metric_there_is(tmp_path, monkeypatch, resumed):
    if resumed:
        train(tmp_path, LoopSettings(0.08))
    monkeypatch.setattr(loop.devices, "replicate", _raise(AssertionError("It began.")))
    with pytest.raises(InputError, match="loop.best names one, has no option 'los'; did you mean 'loss'"):
        train(tmp_path, dataclasses.replace(SETTINGS, best="-los"))
    for best in ("-loss", "penalty"):
        with pytest.raises(AssertionError, match="It began"):
            train(tmp_path, dataclasses.replace(SETTINGS, best=best))


def test_not_finite_stops_and_names_the_last_good_checkpoint(tmp_path):
    with pytest.raises(GaninvError, match=r"step 25: loss, penalty not finite\. .*checkpoints/20\. .* lower") as caught:
        train(tmp_path, nan_at=22)
    assert not isinstance(caught.value, InputError | StoppedError)
    assert sorted(p.name for p in (tmp_path / "checkpoints").iterdir()) == ["10", "20"]
    assert rows(tmp_path)[-1]["loss"] is None  # Not NaN, which is no JSON.


def test_no_model_is_made_of_what_is_not_finite(tmp_path):
    rarely = LoopSettings(total_kimg=0.24, log_kimg=0.24, checkpoint_kimg=0.24, export_kimg=0.08)
    with pytest.raises(GaninvError, match="step 10: .* not finite"):
        train(tmp_path, rarely, nan_at=5)
    assert not (tmp_path / "model").exists()


def test_a_state_that_is_not_finite_is_never_saved(tmp_path, monkeypatch):
    monkeypatch.setattr(ToyTask, "step", _without_metrics(ToyTask.step))
    with pytest.raises(GaninvError, match=r"step 30: the state is no longer finite.*checkpoints/20\."):
        train(tmp_path, nan_at=22)
    assert sorted(p.name for p in (tmp_path / "checkpoints").iterdir()) == ["10", "20"]


def test_another_training_is_refused_by_the_option_s_name(tmp_path):
    with pytest.raises(StoppedError):
        train(tmp_path, signal_at=5)
    with pytest.raises(InputError, match=r"config\.optimizer\.learning_rate = 0\.05, but now it is 0\.1"):
        train(tmp_path, optimizer=Optimizer(learning_rate=0.1))
    train(tmp_path, workers=3)  # How many workers read the data does not change the training.


def test_a_run_goes_on_with_the_weights_that_it_began_on(tmp_path, monkeypatch):
    with pytest.raises(StoppedError):
        train(tmp_path, signal_at=5)
    other = ToyTask(ToyConfig())
    other.frozen["truth"][3] += 1e-6
    with pytest.raises(InputError, match="began on top of other weights than it finds now"):
        loop.run(other, tmp_path, SETTINGS)
    record = json.loads((tmp_path / "config.json").read_text())
    del record["frozen"]  # As earlier versions wrote it.
    (tmp_path / "config.json").write_text(json.dumps(record))
    loop.run(other, tmp_path, SETTINGS)


class Pictured(ToyTask):
    """Draws from pictures of these names, of which it is told when it is made."""

    pictures: Any = None


def _pictured(*names):
    task = Pictured(ToyConfig())
    task.pictures = FileSource(SimpleNamespace(names=lambda: list(names)))  # type: ignore[arg-type]
    return task


def test_a_run_that_goes_on_with_other_pictures_is_told(tmp_path, recwarn):
    files = ["a.png", "b.png"]
    settings = [LoopSettings(kimg, log_kimg=0.04, checkpoint_kimg=0.08) for kimg in (0.08, 0.16, 0.24, 0.32, 0.4)]

    def told(names, settings) -> list[str]:
        recwarn.clear()
        loop.run(_pictured(*names), tmp_path, settings)
        return [str(x.message) for x in recwarn if "pictures" in str(x.message)]

    assert told(files, settings[0]) == [] == told(files, settings[1])
    record = json.loads((tmp_path / "config.json").read_text())
    joined = hashlib.sha256(b"a.png\0b.png\0").hexdigest()
    assert record["pictures"] == {"count": 2, "names": joined[:16]}
    (said,) = told([*files, "c.png"], settings[2])
    assert "began with 2 pictures, and goes on with 3" in said and "not come to the same bits" in said
    assert len(told(["a.png", "b.png", "d.png"], settings[3])) == 1
    assert told(files, settings[3]) == []  # It is over, and draws from none.
    record = json.loads((tmp_path / "config.json").read_text())
    assert record.pop("pictures")["count"] == 3
    (tmp_path / "config.json").write_text(json.dumps(record))  # As earlier versions wrote it.
    assert told(files, settings[4]) == []


def test_before_the_first_checkpoint_another_training_may_begin(tmp_path):
    with pytest.raises(GaninvError, match="There is no checkpoint yet"):
        train(tmp_path, nan_at=1)
    train(tmp_path, optimizer=Optimizer(learning_rate=0.01))


def test_an_option_that_came_later_counts_as_its_default(tmp_path):
    train(tmp_path, LoopSettings(0.08))
    record = json.loads((tmp_path / "config.json").read_text())
    del record["config"]["optimizer"]["momentum"]
    (tmp_path / "config.json").write_text(json.dumps(record))
    train(tmp_path, LoopSettings(0.16))
    (tmp_path / "config.json").write_text(json.dumps(record))
    with pytest.raises(InputError, match="momentum"):
        train(tmp_path, LoopSettings(0.24), optimizer=Optimizer(momentum=0.5))


def test_a_longer_total_goes_on(tmp_path, undisturbed):
    train(tmp_path, LoopSettings(total_kimg=0.08, log_kimg=0.04))
    assert_same_bits(train(tmp_path), undisturbed[1])


def test_profile_traces_steps(tmp_path):
    loop.run(ToyTask(ToyConfig()), tmp_path, SETTINGS, profile=(3, 5))
    assert list((tmp_path / "profile").rglob("*.xplane.pb"))


def test_a_profile_of_steps_that_never_come_is_told(tmp_path):
    with pytest.warns(UserWarning, match="Nothing was traced: the run ended before step 40"):
        loop.run(ToyTask(ToyConfig()), tmp_path, SETTINGS, profile=(40, 50))


def test_data_that_will_not_do_is_told_before_anything_is_made(tmp_path, monkeypatch):
    def broken(self, start_step):
        raise InputError("There are no pictures.")

    monkeypatch.setattr(ToyTask, "batches", broken)
    monkeypatch.setattr(loop, "compile_step", None)
    with pytest.raises(InputError, match="no pictures"):
        train(tmp_path)
    assert not (tmp_path / "config.json").exists() and not (tmp_path / "samples").exists()


def test_the_data_is_closed_where_nothing_can_begin(tmp_path, monkeypatch):
    closed = []

    def endless(self, start_step, batches=ToyTask.batches):
        try:
            yield from batches(self, start_step)
        finally:
            closed.append(True)

    monkeypatch.setattr(ToyTask, "batches", endless)
    monkeypatch.setattr(loop.devices, "replicate", _raise(GaninvError("There is no room.")))
    with pytest.raises(GaninvError, match="no room") as raised:  # Its frames hold on to what nobody closes.
        train(tmp_path)
    assert closed and raised.tb


def test_a_record_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "config.json").mkdir()
    with pytest.raises(InputError, match=r"could not write: .*config\.json.*There is no checkpoint yet"):
        train(tmp_path)


def test_a_run_that_is_over_needs_no_data(tmp_path, monkeypatch):
    state = train(tmp_path)

    def gone(self, start_step):
        raise InputError("There are no pictures.")
        yield

    monkeypatch.setattr(ToyTask, "batches", gone)
    assert_same_bits(train(tmp_path), state)


def _without_metrics(step):
    def silent(self, *args, **kwargs):
        return step(self, *args, **kwargs)[0], {}

    return silent


def _raise(error):
    def fail(*args, **kwargs):
        raise error

    return fail
