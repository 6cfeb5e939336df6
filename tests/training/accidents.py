"""What befalls a process in the middle of its training, told by options of the task."""

import dataclasses
import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any


@dataclasses.dataclass(frozen=True)
class Accidents:
    """A part of a task's config; -1 and 0 stand for never."""

    signal_first: bool = False  # Whether a SIGTERM comes while the task is made.
    signal_at: int = -1  # The step whose batch sends this process a SIGTERM.
    kill_at: int = -1  # The step whose batch kills it.
    kill_after: float = 0.0  # Seconds after the fifth batch, when all is compiled, that it is killed.
    fail_at: int = -1  # The step whose batch cannot be read.
    pause: float = 0.0  # Seconds that each batch takes.


NAMES = frozenset(field.name for field in dataclasses.fields(Accidents))


def begin(accidents: Accidents) -> None:
    """Before anything else."""
    if accidents.signal_first:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(3)  # JAX's service looks for signals once a second.


def befall(accidents: Accidents, batches: Iterator[Any], start_step: int) -> Iterator[Any]:
    """The batches from `start_step` on, as far as they come."""
    for step, batch in enumerate(batches, start_step):
        if step == accidents.signal_at:
            os.kill(os.getpid(), signal.SIGTERM)
        if step == accidents.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        if step == accidents.fail_at:
            raise OSError(f"batch {step} cannot be read")
        if accidents.kill_after and step == start_step + 4:
            threading.Timer(accidents.kill_after, os.kill, (os.getpid(), signal.SIGKILL)).start()
        time.sleep(accidents.pause)
        yield batch
