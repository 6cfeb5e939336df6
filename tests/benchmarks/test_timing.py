"""Timing with a clock of our own: what is run in which order, and what the figures are."""

import numpy as np
import pytest

from ganinv_jax.benchmarks.timing import Part, interleave, ratio, spread


class Clock:
    """Stands still but for the work that is done."""

    def __init__(self):
        self.now, self.log = 0.0, []

    def __call__(self):
        return self.now

    def work(self, name, seconds):
        durations = iter(seconds) if isinstance(seconds, list) else None

        def call():
            self.log.append(name)
            self.now += next(durations) if durations else seconds

        return call


def test_contestants_take_turns_after_a_call_that_is_not_counted():
    clock = Clock()
    contestants = {"a": {"": Part(clock.work("a", [9, 1, 1, 2]))}, "b": {"": Part(clock.work("b", [9, 4, 4, 5]))}}
    samples = interleave(contestants, repeats=2, clock=clock)
    assert clock.log == ["a", "a", "b", "b", "a", "b", "a", "b"]
    assert samples["a"].whole == [1, 2] and samples["b"].whole == [4, 5]


def test_short_work_is_repeated_until_it_can_be_measured():
    clock = Clock()
    samples = interleave({"a": {"": Part(clock.work("a", 0.01))}}, repeats=3, clock=clock, least=0.05)
    assert len(clock.log) == 2 + 3 * 5
    np.testing.assert_allclose(samples["a"].whole, 0.01)


def test_the_whole_is_the_sum_of_its_parts_by_their_shares():
    clock = Clock()
    parts = {"often": Part(clock.work("often", 2.0), 0.75), "seldom": Part(clock.work("seldom", 8.0), 0.25)}
    samples = interleave({"a": parts}, repeats=2, clock=clock)["a"]
    assert samples.parts == {"often": [2.0, 2.0], "seldom": [8.0, 8.0]}
    assert samples.whole == [3.5, 3.5]


def test_spread():
    assert spread([5, 1, 4, 2, 3]) == (3, 2, 4)


def test_ratio_is_of_medians_and_spreads_over_pairs():
    # The machine became three times slower half-way: neither median tells, the pairs do.
    found = ratio([2, 2, 6, 6], [1, 1, 3, 3])
    assert found == (2, 2, 2)
    assert ratio([2, 9, 2], [1, 1, 1]).median == 2


def test_ratio_needs_pairs():
    with pytest.raises(ValueError, match="zip"):
        ratio([1, 2], [1])
