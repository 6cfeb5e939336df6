"""Stopping on request, all processes of a run after the same step."""

import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Self

import jax
from jax.experimental import multihost_utils

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """While the block runs, the first SIGINT or SIGTERM asks to stop; the second one ends the process at once.

    With several processes a signal to any one of them asks all. JAX's preemption service carries that, in the
    background: it hears SIGTERM, which is how schedulers announce a preemption, finds out how far each process is, and
    names a step that none of them has passed. A second SIGTERM is not heard then; a second SIGINT still ends at once.

    Outside the main thread, where Python allows no handlers, it changes nothing, and only the service asks to stop.
    """

    requested = False
    """Whether this process was asked itself."""

    def __enter__(self) -> Self:
        self._before, self._asked = {}, 0
        if threading.current_thread() is threading.main_thread():
            # SIGTERM's handler is the service's where there are several processes.
            handled = SIGNALS if jax.process_count() == 1 else (signal.SIGINT,)
            self._before = {number: signal.signal(number, self._request) for number in handled}
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def due(self) -> bool:
        """Whether to stop now. With several processes each must ask before the first step and after each.

        It does not wait for the devices, and for other processes only once a signal has come.
        """
        if jax.process_count() == 1:
            return self.requested
        # Calls are counted, not the run's steps: where a signal comes before any call, the service names call 1.
        self._asked += 1
        return multihost_utils.reached_preemption_sync_point(self._asked)

    def _request(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        for each in self._before:
            signal.signal(each, signal.SIG_DFL)
        # Not `print`: the signal may arrive in the middle of one.
        os.write(2, b"\nStopping: saving first; a second signal ends at once.\n")
        if signal.SIGTERM not in self._before:
            os.kill(os.getpid(), signal.SIGTERM)
