"""Memory as XLA plans it, of programs whose needs are known."""

import jax
import jax.numpy as jnp

from ganinv_jax.evaluation.memory import Memory

SIDE, BYTES = 300, 300 * 300 * 4


def test_the_largest_program_counts_even_if_it_was_compiled_before():
    square, x = jax.jit(lambda x: x @ x), jnp.ones((SIDE, SIDE))
    jax.block_until_ready(square(x))
    memory = Memory()
    with memory.watched():
        jax.block_until_ready((square(x), jnp.sum(x)))
    assert memory.bytes >= 2 * BYTES  # what goes in and what comes out
    first = memory.bytes
    with memory.watched():
        jax.block_until_ready(square(x))
    assert memory.bytes == first < 6 * BYTES


def test_nothing_compiled_needs_nothing():
    memory = Memory()
    with memory.watched():
        pass
    assert memory.bytes == 0
