"""The one training loop: any task, any number of devices, killed and resumed at will."""

import collections
import contextlib
import itertools
import math
import os
import resource
import sys
import time
from collections.abc import Callable, Collection, Generator, Hashable, Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from ganinv_jax.core import devices, folders
from ganinv_jax.core.configs import unknown_key
from ganinv_jax.core.errors import GaninvError, InputError, StoppedError
from ganinv_jax.core.images import write_png
from ganinv_jax.training import places, record
from ganinv_jax.training.card import card
from ganinv_jax.training.checkpoints import Checkpoints
from ganinv_jax.training.config import LoopSettings
from ganinv_jax.training.logs import MetricLog, Progress
from ganinv_jax.training.profile import Profile
from ganinv_jax.training.stopping import StopRequest
from ganinv_jax.training.task import Metrics, State, Task

RUN_AHEAD = 2
"""Steps handed to the device before it has done them: enough to keep it busy, few enough to stop within seconds."""


def run(
    task: Task, workdir: str | os.PathLike, settings: LoopSettings, profile: tuple[int, int] | None = None
) -> State:
    """Train `task` to `settings.total_kimg`, or on from the last checkpoint in `workdir`; returns the final state.

    Writes into `workdir`: `config.json`, `metrics.jsonl`, `metrics.csv`, `tensorboard/` (with TensorFlow),
    `samples/IMAGES.png` (IMAGES seen so far; `IMAGES_NAME.png` where the task shows several pictures), `checkpoints/`,
    `model/` and, with `settings.best`, `model_best/` (model folders, replaced whole), and `profile/` (of the steps
    [A, B) of this process, with `profile`).

    With several processes (see `devices.join_processes`) each calls this with the same arguments, and the first writes.

    Raises StoppedError after SIGTERM or SIGINT to any of them, once the state is saved; GaninvError where a metric or
    the state is not finite; InputError where `workdir` holds another training or is not seen by all processes, where
    `settings.best` is no metric, the devices do not divide the batch or the disk is full. Errors that come once the
    training has begun name the last good checkpoint.
    """
    workdir = places.local(workdir)
    mesh = devices.data_mesh()
    devices.check_batch(task.batch_size, mesh)
    places.check_shared(workdir)
    record.check_same(workdir, task)
    with (
        StopRequest() as stop,
        Checkpoints(workdir / record.CHECKPOINTS, settings.keep, settings.best) as checkpoints,
        contextlib.ExitStack() as exits,
    ):
        init_key, step_key = keys(task)
        abstract = jax.eval_shape(task.init, init_key)
        restored = checkpoints.restore(abstract, mesh)
        first, total = restored[1] if restored else 0, settings.steps(task.batch_size)
        _stop_if(stop.due() and first < total, first, total)
        opened = exits.enter_context(contextlib.closing(_sharded(task.batches(first), mesh)))
        ahead = [next(opened)] if first < total else []  # Data that will not do show before anything is compiled.
        batches = itertools.chain(ahead, opened)
        advance = compile_step(task, mesh)
        if settings.best and ahead:
            given = (abstract, ahead[0], task.frozen, step_key, np.uint32(0), task.variant(0))
            check_best(settings, advance.eval_shape(*given)[1])
        outputs = _Outputs(task, workdir, settings, checkpoints, first)
        outputs.describe(record.drawn_from(workdir, task, over=not ahead))
        state = restored[0] if restored else devices.replicate(task.init(init_key), mesh)
        step_key, frozen = devices.replicate((step_key, task.frozen), mesh)
        with outputs, Profile(workdir / "profile", profile) as profiler:
            if first == 0:
                outputs.snapshot(0, state)
            for step in range(first, total):
                profiler.before(step - first, state)
                state, metrics = advance(state, next(batches), frozen, step_key, np.uint32(step), task.variant(step))
                stopping = stop.due() and step + 1 < total
                outputs.after(step + 1, state, metrics, force=stopping)
                if stopping:
                    checkpoints.wait()
                _stop_if(stopping, step + 1, total)
            outputs.export(max(first, total), state)
    return state


def keys(task: Task) -> tuple[jax.Array, jax.Array]:
    """The key of `init`, and the one that step numbers are folded into."""
    return tuple(jax.random.split(jax.random.key(task.seed)))


def compile_step(task: Task, mesh: Mesh) -> Callable[..., tuple[State, Metrics]]:
    """The jitted `(state, batch, frozen, step_key, step, variant) -> (state, metrics)`: one program per variant.

    The state is donated and replicated, the batch lies as it comes, and what steps draw is split by
    `devices.split_rows`.
    """

    def step_fn(state: State, batch: Any, frozen: Any, step_key: jax.Array, step: jax.Array, variant: Hashable):
        with jax.sharding.use_abstract_mesh(mesh.abstract_mesh):
            return task.step(state, batch, jax.random.fold_in(step_key, step), frozen=frozen, variant=variant)

    everywhere = NamedSharding(mesh, PartitionSpec())
    return jax.jit(step_fn, static_argnames="variant", donate_argnames="state", out_shardings=everywhere)


def check_best(settings: LoopSettings, metrics: Collection[str]) -> None:
    """Raise InputError unless `settings.best` is one of the metrics of the first step, which has them all."""
    name = settings.best.removeprefix("-")
    if name and name not in metrics:
        raise unknown_key(name, metrics, "The list of metrics, of which loop.best names one,")


class _Outputs:
    """Everything that happens at intervals, and the metrics that wait for it on the device."""

    def __init__(self, task: Task, workdir: Path, settings: LoopSettings, checkpoints: Checkpoints, first: int) -> None:
        self._task, self._workdir, self._settings, self._checkpoints = task, workdir, settings, checkpoints
        self._main = jax.process_index() == 0
        self._waiting: list[Metrics] = []
        self._ahead: collections.deque[Metrics] = collections.deque()
        self._since_saved: list[Metrics] = []
        self._exits = contextlib.ExitStack()
        self._first = first

    def __enter__(self) -> "_Outputs":
        total = self._settings.steps(self._task.batch_size) * self._task.batch_size
        with self._writing():
            self._log = self._exits.enter_context(MetricLog(self._workdir, self._first)) if self._main else None
        images = self._first * self._task.batch_size
        self._progress = self._exits.enter_context(Progress(total, images, enabled=self._main))
        rows = self._log.rows() if self._log else []
        self._seconds = float(rows[-1].get("seconds", 0.0)) if rows else 0.0
        self._logged, self._since = self._first, time.monotonic()
        return self

    def __exit__(self, *reason: Any) -> None:
        self._exits.close()

    def after(self, step: int, state: State, metrics: Metrics, force: bool) -> None:
        """What is due after `step` steps; with `force`, the log and the checkpoint in any case."""
        self._hold_back(metrics)
        self._waiting.append(metrics)
        settings = self._settings
        if settings.best:
            self._collect(metrics)
        save, started = force or self._due(step, settings.checkpoint_kimg), time.monotonic()
        if save:
            self._checkpoints.wait()  # for the one before: no row tells of more than two intervals that could be lost
        self._since += time.monotonic() - started  # The rate is the training's own.
        # A row before each model, too: it tells whether figures are finite.
        if save or self._due(step, settings.log_kimg) or self._due(step, settings.export_kimg):
            self._checkpoints.check()
            self._write_row(step)
        started = time.monotonic()
        if save:
            self._save(step, state)
        if not force and self._due(step, settings.snapshot_kimg):
            self.snapshot(step, state)
        if not force and self._due(step, settings.export_kimg) and step < settings.steps(self._task.batch_size):
            self.export(step, state)
        self._since += time.monotonic() - started

    def describe(self, pictures: dict[str, Any] | None) -> None:
        """Write what is trained, and on which pictures (see `record.drawn_from`)."""
        if self._main:
            with self._writing():
                record.write(self._workdir, self._task, self._settings, pictures)

    def snapshot(self, step: int, state: State) -> None:
        """Write the task's pictures."""
        pictures = self._task.snapshot(state)
        images = step * self._task.batch_size
        for name, picture in pictures.items() if self._main else ():
            suffix = f"_{name}" if len(pictures) > 1 else ""
            with self._writing():
                write_png(self._workdir / "samples" / f"{images:08d}{suffix}.png", np.asarray(picture))

    def export(self, step: int, state: State, name: str = "model") -> None:
        """Write the model folder."""
        config, arrays = self._task.export(state)
        if self._log:
            images = step * self._task.batch_size
            text = card(self._workdir.absolute().name, self._task, arrays, images, self._log.rows())
            with self._writing():
                folders.save(self._workdir / name, config, arrays, text)

    def _collect(self, metrics: Metrics) -> None:
        name = self._settings.best.removeprefix("-")
        if name in metrics:
            self._since_saved.append({name: metrics[name]})

    def _save(self, step: int, state: State) -> None:
        # Where a run is stopped there may be too few steps since the last one to tell.
        whole = self._due(step, self._settings.checkpoint_kimg)
        figures = _means(jax.device_get(self._since_saved)) if whole else {}
        self._since_saved.clear()
        self._checkpoints.save(step, state, figures or None)
        if figures and self._checkpoints.is_best(step):
            self.export(step, state, "model_best")

    def _hold_back(self, metrics: Metrics) -> None:
        self._ahead.append(metrics)
        if len(self._ahead) > RUN_AHEAD:
            jax.block_until_ready(self._ahead.popleft())

    def _due(self, step: int, kimg: float) -> bool:
        """Whether the last batch went past a multiple of the interval, or was the last of the run."""
        batch = self._task.batch_size
        passed = math.floor(step * batch / (kimg * 1000)) > math.floor((step - 1) * batch / (kimg * 1000))
        return passed or step == self._settings.steps(batch)

    def _write_row(self, step: int) -> None:
        means = _means(jax.device_get(self._waiting))
        self._waiting.clear()
        now = time.monotonic()
        images, rate = step * self._task.batch_size, (step - self._logged) * self._task.batch_size / (now - self._since)
        self._seconds += now - self._since
        self._logged, self._since = step, now
        row = {"step": step, "images": images, "seconds": round(self._seconds, 3), "img_per_s": round(rate, 3)}
        row |= {"sec_per_kimg": round(1000 / rate, 3), "memory_gib": round(_memory() / 2**30, 3)} | means
        if self._log:
            with self._writing():
                self._log.write(row)
            self._progress.show(row)
        bad = [name for name, value in means.items() if not math.isfinite(value)]
        if bad:
            raise GaninvError(
                f"Training stopped at step {step}: {', '.join(bad)} not finite. {self._settled().not_finite()}"
            )

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except (OSError, InputError) as error:
            raise InputError(
                f"Training stopped, since it could not write: {error} {self._settled().last_good()}"
            ) from error

    def _settled(self) -> Checkpoints:
        with contextlib.suppress(InputError):
            self._checkpoints.wait()
        return self._checkpoints


def _stop_if(stopping: bool, step: int, total: int) -> None:
    if stopping:
        raise StoppedError(f"Stopped after step {step} of {total}; run the same command to go on.")


def _sharded(batches: Iterator[Any], mesh: Mesh) -> Generator[Any, None, None]:
    try:
        for batch in batches:
            yield devices.shard_batch(batch, mesh)
    finally:
        close = getattr(batches, "close", None)
        if close:
            close()


def _means(steps: list[Metrics]) -> dict[str, float]:
    """The mean of each metric over the steps that have it, in the order of their first appearance."""
    names = dict.fromkeys(name for metrics in steps for name in metrics)
    return {name: float(np.mean([np.float64(m[name]) for m in steps if name in m])) for name in names}


def _memory() -> int:
    """Bytes at the peak: of the first device where it tells, else of this process."""
    peak = (jax.local_devices()[0].memory_stats() or {}).get("peak_bytes_in_use")
    scale = 1 if sys.platform == "darwin" else 1024  # getrusage counts in bytes there, in KiB elsewhere.
    return peak if peak is not None else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale
