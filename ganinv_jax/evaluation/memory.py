"""The memory that compiled programs need, as XLA plans it."""

import contextlib
from collections.abc import Iterator

import jax
from jax.extend import backend


class Memory:
    """The bytes of the largest program that is compiled while one watches: its arguments, results and intermediates.

    It is XLA's plan, so it holds for a batch of one size, is the same at every run, and leaves out what lies in memory
    for other programs. What was compiled before is forgotten first, or a method would look small whose programs another
    one has had compiled.
    """

    def __init__(self):
        self.bytes = 0
        jax.clear_caches()

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Count the programs that are compiled inside."""
        client = backend.get_backend()
        before = set(client.live_executables())
        yield
        plans = (program.get_compiled_memory_stats() for program in client.live_executables() if program not in before)
        self.bytes = max([self.bytes, *map(_bytes, plans)])


def _bytes(plan) -> int:
    needed = plan.argument_size_in_bytes + plan.output_size_in_bytes + plan.temp_size_in_bytes
    return needed - plan.alias_size_in_bytes  # results that take the place of arguments
