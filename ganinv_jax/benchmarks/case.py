"""What a benchmark consists of: cases, and the contestants that do a case's work."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ganinv_jax.benchmarks.timing import Part
from ganinv_jax.core.errors import GaninvError

TOLERANCE = {"fp32": 1e-3, "fp16": 3e-2, "bf16": 2e-1}
"""How far answers of one and the same work may lie apart, relative to the largest number among them."""

Answer = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Cost:
    """What XLA says of a compiled program. memory: bytes of arguments, results and intermediates.

    flops: floating-point operations of one run as XLA counts them, which takes the body of a loop once.
    """

    trace_seconds: float
    compile_seconds: float
    memory: int | None
    flops: float | None

    @staticmethod
    def total(costs: Mapping[str, "Cost"], shares: Mapping[str, float]) -> "Cost":
        """Of several programs: seconds added up, the largest memory, flops by how often each runs."""
        memory = [cost.memory for cost in costs.values() if cost.memory is not None]
        flops = [shares[name] * cost.flops for name, cost in costs.items() if cost.flops is not None]
        return Cost(
            sum(cost.trace_seconds for cost in costs.values()),
            sum(cost.compile_seconds for cost in costs.values()),
            max(memory, default=None),
            sum(flops) if flops else None,
        )


@dataclasses.dataclass(frozen=True)
class Contestant:
    """One way to do a case's work.

    answer: what the work gives for the case's inputs, by name, for comparison with the other contestants.
    """

    parts: Mapping[str, Part]
    cost: Cost | None = None
    answer: Callable[[], Answer] | None = None

    @staticmethod
    def of(call: Callable[[], Any], cost: Cost | None = None, answer: Callable[[], Answer] | None = None):
        """A contestant whose work is one call."""
        return Contestant({"": Part(call)}, cost, answer)


@dataclasses.dataclass(frozen=True)
class Case:
    """A piece of work. name: the target's; settings: what it is about, for the table. count, unit: what one piece is
    worth, as 8 'img'. contestants: the first is what the others are compared with."""

    name: str
    settings: Mapping[str, Any]
    count: float
    unit: str
    contestants: Mapping[str, Contestant]
    dtype: str = "fp32"


def disagreement(case: Case) -> float | None:
    """The largest difference of any contestant's answer from the first one's, relative to the largest number in it.

    None where there is nothing to compare. Raises GaninvError where it is above the tolerance: then the contestants do
    not do the same work, and their times say nothing.
    """
    answers = {name: one.answer() for name, one in case.contestants.items() if one.answer}
    if len(answers) < 2:
        return None
    (first, wanted), *others = answers.items()
    worst = 0.0
    for name, answer in others:
        for key in sorted(wanted.keys() & answer.keys()):
            difference = _difference(answer[key], wanted[key])
            if not difference <= TOLERANCE[case.dtype]:
                raise GaninvError(
                    f"{name} and {first} must give the same {key} in {case.name} to {TOLERANCE[case.dtype]:g}, but "
                    f"they differ by {difference:.2g}: nothing was timed."
                )
            worst = max(worst, difference)
    return worst


def _difference(given: Any, wanted: Any) -> float:
    given, wanted = (np.asarray(x, np.float64) for x in (given, wanted))
    if given.shape != wanted.shape:
        return float("inf")
    return float(np.max(np.abs(given - wanted)) / max(np.max(np.abs(wanted)), 1e-30))
