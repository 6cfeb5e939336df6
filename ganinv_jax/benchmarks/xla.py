"""Compiling for measurement: tracing, compiling and running apart."""

import time
from collections.abc import Callable
from typing import Any

import jax

from ganinv_jax.benchmarks.case import Cost


def compile_for(function: Callable[..., Any], *arguments: Any) -> tuple[Callable[..., Any], Cost]:
    """The compiled program of `function` (jitted here if it is not), and what it costs.

    arguments: as for `lower`, static ones included; the program is called without those.
    """
    jitted = function if hasattr(function, "lower") else jax.jit(function)
    start = time.perf_counter()
    lowered = jitted.lower(*arguments)  # type: ignore[attr-defined]
    traced = time.perf_counter()
    program = lowered.compile()
    done = time.perf_counter()
    return program, Cost(traced - start, done - traced, _memory(program), _flops(program))


def waiting(program: Callable[..., Any], *arguments: Any) -> Callable[[], Any]:
    """A call that returns when the result is there."""
    return lambda: jax.block_until_ready(program(*arguments))


def _memory(program: Any) -> int | None:
    analysis = program.memory_analysis()
    if analysis is None:
        return None
    kept = analysis.argument_size_in_bytes + analysis.output_size_in_bytes - analysis.alias_size_in_bytes
    return int(kept + analysis.temp_size_in_bytes)


def _flops(program: Any) -> float | None:
    analysis = program.cost_analysis() or {}
    flops = analysis.get("flops", -1)
    return float(flops) if flops > 0 else None  # -1: not known
