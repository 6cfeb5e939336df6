"""The log of a run, in the files that it writes and in TensorBoard's, for which a writer stands here that counts."""

import json
import sys
import types

import clu
import pytest

from ganinv_jax.training import logs


class Writer:
    """What of `clu.metric_writers.MetricWriter` the log uses."""

    def __init__(self):
        self.scalars, self.closed = {}, False

    def write_scalars(self, step, scalars):
        assert step not in self.scalars
        self.scalars[step] = scalars

    def flush(self):
        pass

    def close(self):
        self.closed = True


@pytest.fixture
def writers(monkeypatch):
    made = []

    def make(folder):
        made.append(Writer())
        return made[-1]

    monkeypatch.setattr(logs, "_tensorboard_writer", make)
    return made


def test_without_tensorboard_there_are_no_files_of_it(tmp_path, monkeypatch):
    """TensorFlow may be there alone, and then clu's writer cannot be imported."""
    monkeypatch.setattr(logs.importlib.util, "find_spec", lambda name: None if name == "tensorboard" else name)
    assert logs._tensorboard_writer(tmp_path) is None


def test_tensorboard_s_files_begin_anew_and_leave_the_gpus_to_jax(tmp_path, monkeypatch):
    hidden, folder = [], tmp_path / "tensorboard"
    config = types.SimpleNamespace(set_visible_devices=lambda *given: hidden.append(given))
    writers = types.ModuleType("clu.metric_writers")
    monkeypatch.setattr(writers, "SummaryWriter", lambda path: (path, folder.exists()), raising=False)
    monkeypatch.setattr(logs.importlib.util, "find_spec", lambda name: name)
    monkeypatch.setitem(sys.modules, "tensorflow", types.SimpleNamespace(config=config))
    monkeypatch.setitem(sys.modules, "clu.metric_writers", writers)
    monkeypatch.setattr(clu, "metric_writers", writers, raising=False)
    folder.mkdir()
    (folder / "events").write_text("of rows that are gone")
    assert logs._tensorboard_writer(folder) == (str(folder), False)
    assert hidden == [([], "GPU")]


def test_rows_after_the_checkpoint_are_written_once(tmp_path, writers):
    with logs.MetricLog(tmp_path) as log:
        for step in (5, 10, 15):
            log.write({"step": step, "loss": 1 / step})
    with logs.MetricLog(tmp_path, step=10) as log:
        log.write({"step": 15, "loss": 3.0})
    told = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert told == [{"step": 5, "loss": 0.2}, {"step": 10, "loss": 0.1}, {"step": 15, "loss": 3.0}]
    assert list(writers[1].scalars.values()) == told and writers[1].closed
