"""Pictures of an inversion's way, so that it can be watched afterwards."""

import functools
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Float, UInt8

from ganinv_jax.core.images import resize, to_uint8
from ganinv_jax.inversion.drawing import Draw, render
from ganinv_jax.inversion.networks import Frozen, Networks

LARGEST_FRAME = 256
"""The side, in pixels, that larger pictures are reduced to, so that a film fits into memory."""


class Film:
    """Pictures that were taken on the way: at the start, every so many steps of a stage, and at its end."""

    def __init__(self, networks: Networks, draw: Draw, frozen: Frozen, every: int):
        self.every = every
        self._shoot = functools.partial(_shoot, networks, draw, frozen)
        self._taken: list[np.ndarray] = []

    def take(self, variables: Any) -> None:
        """Take the pictures of variables."""
        self._taken.append(to_uint8(np.nan_to_num(self._shoot(variables))))

    def frames(self, chosen: np.ndarray) -> UInt8[np.ndarray, "b n r r 3"]:
        """Those of the chosen rows."""
        return np.stack([frame[chosen] for frame in self._taken], axis=1)


def pace(stages: Sequence[int], frames: int) -> int:
    """Every how many steps a picture is taken, so that with the start and the stages' ends there are `frames` at most
    (where stages are fewer than that)."""
    return max(1, -(-sum(stages) // max(1, frames - 1 - len(stages))))


def joined(films: Sequence[UInt8[np.ndarray, "b n r r 3"] | None]) -> UInt8[np.ndarray, "b n r r 3"] | None:
    """The films of several batches, those that ended early standing still at their end."""
    kept = [film for film in films if film is not None]
    most = max((film.shape[1] for film in kept), default=0)
    still = [np.pad(film, ((0, 0), (0, most - film.shape[1]), *[(0, 0)] * 3), mode="edge") for film in kept]
    return np.concatenate(still) if still else None


@functools.partial(jax.jit, static_argnums=(0, 1))
def _shoot(networks: Networks, draw: Draw, frozen: Frozen, variables: Any) -> Float[Array, "b r r 3"]:
    images = render(networks, draw, frozen, variables).images[:, 0]
    side = min(networks.side, LARGEST_FRAME)
    return images if side == networks.side else resize(images, (side, side))
