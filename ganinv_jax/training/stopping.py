"""Stopping on request."""

import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Self

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """While the block runs, the first SIGINT or SIGTERM sets `requested`; the second one ends the process at once.

    Outside the main thread, where Python allows no handlers, it changes nothing and `requested` stays False.
    """

    requested = False

    def __enter__(self) -> Self:
        self._before = {}
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._request) for number in SIGNALS}
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _request(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        for each in SIGNALS:
            signal.signal(each, signal.SIG_DFL)
        # Not `print`: the signal may arrive in the middle of one.
        os.write(2, b"\nStopping: saving first; a second signal ends at once.\n")
