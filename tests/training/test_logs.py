"""The log of a run, in the files that it writes and in TensorBoard's, for which a writer stands here that counts."""

import json

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


def test_rows_after_the_checkpoint_are_written_once(tmp_path, writers):
    with logs.MetricLog(tmp_path) as log:
        for step in (5, 10, 15):
            log.write({"step": step, "loss": 1 / step})
    with logs.MetricLog(tmp_path, step=10) as log:
        log.write({"step": 15, "loss": 3.0})
    told = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert told == [{"step": 5, "loss": 0.2}, {"step": 10, "loss": 0.1}, {"step": 15, "loss": 3.0}]
    assert list(writers[1].scalars.values()) == told and writers[1].closed
