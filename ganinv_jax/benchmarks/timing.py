"""Timing pieces of work in turn, so that a drift of the machine's speed falls on all of them alike."""

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

LEAST_SECONDS = 0.05
"""What takes less is done several times over in each sample: clocks and schedulers disturb shorter ones."""

Clock = Callable[[], float]


class Part(NamedTuple):
    """call: does the work and returns when it is done. share: how many times it comes in one piece of the whole."""

    call: Callable[[], Any]
    share: float = 1.0


class Spread(NamedTuple):
    """The median, and the quartiles around it."""

    median: float
    lower: float
    upper: float


@dataclasses.dataclass(frozen=True)
class Samples:
    """Seconds that each part took, a row a repeat; the whole is the sum of its parts by their shares."""

    parts: dict[str, list[float]]
    shares: dict[str, float]

    @property
    def whole(self) -> list[float]:
        """Seconds of the whole, one a repeat."""
        rows = zip(*self.parts.values(), strict=True)
        return [sum(share * row for share, row in zip(self.shares.values(), each, strict=True)) for each in rows]


def interleave(
    contestants: Mapping[str, Mapping[str, Part]],
    repeats: int,
    clock: Clock = time.perf_counter,
    least: float = LEAST_SECONDS,
) -> dict[str, Samples]:
    """Time contestants A and B as A B A B ..., `repeats` samples of each, after one call that is not counted.

    A contestant is a table of parts; all of them are run in each sample. One that takes less than `least` seconds is
    run as many times as fill them, and the mean is taken.
    """
    loops = {name: _loops(parts, clock, least) for name, parts in contestants.items()}
    taken = {name: Samples({p: [] for p in parts}, _shares(parts)) for name, parts in contestants.items()}
    for _ in range(repeats):
        for name, parts in contestants.items():
            for key, part in parts.items():
                taken[name].parts[key].append(_seconds(part.call, loops[name][key], clock))
    return taken


def spread(values: Sequence[float]) -> Spread:
    """Median and quartiles."""
    lower, median, upper = np.percentile(values, (25, 50, 75))
    return Spread(float(median), float(lower), float(upper))


def ratio(of: Sequence[float], to: Sequence[float]) -> Spread:
    """The ratio of the medians, and the quartiles of the ratios of samples that were taken next to each other."""
    pairs = spread([a / b for a, b in zip(of, to, strict=True)])
    return pairs._replace(median=float(np.median(of) / np.median(to)))


def _loops(parts: Mapping[str, Part], clock: Clock, least: float) -> dict[str, int]:
    loops = {}
    for key, part in parts.items():
        part.call()  # The first call may still have to allocate, or to compile.
        taken = _seconds(part.call, 1, clock)
        loops[key] = max(1, int(np.ceil(least / taken))) if taken > 0 else 1
    return loops


def _shares(parts: Mapping[str, Part]) -> dict[str, float]:
    return {key: part.share for key, part in parts.items()}


def _seconds(call: Callable[[], Any], loops: int, clock: Clock) -> float:
    start = clock()
    for _ in range(loops):
        call()
    return (clock() - start) / loops
