"""What a process does that a test has forked off: it becomes a program with a log."""

import atexit
import os
import sys
from collections.abc import Callable
from pathlib import Path

import jax


def as_a_program(log: Path, environment: dict[str, str], path: list[str], function: Callable, arguments: tuple) -> None:
    """Call the function with its output going to `log`, on the CPU, with `environment` and `sys.path` as given."""
    with log.open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.environ.update(environment)
    sys.path[:] = path
    jax.config.update("jax_platforms", "cpu")
    try:
        function(*arguments)
    finally:
        atexit._run_exitfuncs()  # Where JAX leaves the other processes; Python forgets it at the end of a forked one.
