"""A trace of a few steps, for TensorBoard's profiler or Perfetto."""

import os
import re
import warnings
from types import TracebackType
from typing import Any, Self

import jax

from ganinv_jax.core.errors import InputError


class Profile:
    """Traces the steps [first, last) of this process into `folder`; nothing where `steps` is None."""

    def __init__(self, folder: str | os.PathLike, steps: tuple[int, int] | None) -> None:
        self._folder, self._steps, self._running, self._ran = str(folder), steps, False, False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop()
        if self._steps and not self._ran and error is None:
            warnings.warn(f"Nothing was traced: the run ended before step {self._steps[0]}.", stacklevel=2)

    def before(self, step: int, state: Any) -> None:
        """To be called before each step, counted from 0 in this process, with the state that it starts from."""
        if self._steps and step in self._steps:
            jax.block_until_ready(state)  # Steps are handed to the device ahead: the trace is of these ones.
        if self._steps and step == self._steps[0]:
            jax.profiler.start_trace(self._folder)
            self._running = self._ran = True
        if self._steps and step == self._steps[1]:
            self._stop()

    def _stop(self) -> None:
        if self._running:
            self._running = False
            jax.effects_barrier()
            jax.profiler.stop_trace()


def parse_steps(text: str) -> tuple[int, int]:
    """'100:110' -> (100, 110). Raises InputError for anything else."""
    match = re.fullmatch(r"(\d+):(\d+)", text)
    if not match or int(match[1]) >= int(match[2]):
        raise InputError(f"--profile takes the steps to trace as FIRST:LAST, such as 100:110, but got {text!r}.")
    return int(match[1]), int(match[2])
