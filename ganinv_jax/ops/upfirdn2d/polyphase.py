"""Which pixels an output pixel of an up- and down-sampling filter reads, along one axis."""

import dataclasses
import math

import numpy as np


@dataclasses.dataclass(frozen=True)
class Axis:
    """Output m * len(phases) + q is the sum of tap * input[m * stride + offset] over (offset, tap) in phases[q].

    size: outputs. Inputs that do not exist are zero. Taps of zero are left out.
    """

    phases: tuple[tuple[tuple[int, float], ...], ...]
    stride: int
    size: int

    @property
    def per_phase(self) -> int:
        """Outputs of each phase, of which the last may lie beyond `size`."""
        return -(-self.size // len(self.phases))

    @property
    def low(self) -> int:
        return min((offset for phase in self.phases for offset, _ in phase), default=0)

    @property
    def high(self) -> int:
        return max((offset for phase in self.phases for offset, _ in phase), default=0)

    @property
    def taps(self) -> int:
        """The most taps that one output needs."""
        return max(len(phase) for phase in self.phases)


def axis(length: int, taps: np.ndarray, up: int, down: int, pads: tuple[int, int]) -> Axis:
    """The axis of out[o] = sum_j taps[j] * padded[o * down + j]; padded has zeros in between and around."""
    size = (length * up + sum(pads) - len(taps)) // down + 1
    # Output o = phases * m + q reads input (o * down + j - pads[0]) / up where that is whole.
    phases = up // math.gcd(up, down)
    reads = tuple(_reads(q * down - pads[0], taps, up) for q in range(phases))
    return Axis(reads, phases * down // up, size)


def _reads(start: int, taps: np.ndarray, up: int) -> tuple[tuple[int, float], ...]:
    found = (((start + j) // up, float(tap)) for j, tap in enumerate(taps) if (start + j) % up == 0)
    return tuple((offset, tap) for offset, tap in found if tap != 0)
