"""Data that several processes would prepare at once, each writing over the others."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import jax

from ganinv_jax.core.devices import of_first
from ganinv_jax.core.errors import InputError

PAUSE = 2.0
"""Seconds from one word of the first process to the next: JAX gives up on one that is silent for minutes."""


def first_alone(prepare: Callable[[], Any], what: str) -> None:
    """Where there are several processes, the first does it, and the others wait until it has; all of them must call it.

    Does nothing in a single process. Raises what `prepare` does in the first, and then InputError in the others, where
    `what` is the data's name.
    """
    if not jax.distributed.is_initialized() or jax.process_count() == 1:
        return
    pool = ThreadPoolExecutor(1)
    work = pool.submit(prepare) if jax.process_index() == 0 else None
    pool.shutdown(wait=False)
    while not of_first(work is not None and bool(wait([work], PAUSE).done)):
        pass
    good = of_first(work is not None and work.exception() is None)
    if work is not None:
        work.result()
    if not good:
        raise InputError(f"The first process could not prepare {what}; see what it says.")
