"""Figures of sets of pictures, through a frozen classifier: what they show, and how much they differ."""

import functools
from collections.abc import Collection

import jax
import numpy as np
from jaxtyping import Float, UInt8

from ganinv_jax.core.images import to_float
from ganinv_jax.models.features import Features

AT_A_TIME = 16


def look(
    features: Features, pictures: UInt8[np.ndarray, "k h w 3"], stages: Collection[str] = ("head", "logits")
) -> dict[str, Float[np.ndarray, "k ..."]]:
    """What the network makes of pictures of any size, resized to about its own by cubic interpolation."""
    size = features.size // 32 * 32
    found = []
    for start in range(0, len(pictures), AT_A_TIME):
        few = pictures[start : start + AT_A_TIME]
        rows = np.arange(AT_A_TIME).clip(max=len(few) - 1)  # one size of batch, so that there is one program
        seen = _extract(features, size, tuple(stages), features.variables, to_float(few[rows]))
        found.append({stage: np.asarray(x)[: len(few)] for stage, x in seen.items()})
    return {stage: np.concatenate([some[stage] for some in found]) for stage in stages}


def share_recognized(logits: Float[np.ndarray, "k n"], classes: Collection[int]) -> float:
    """The share of pictures whose likeliest class is one of `classes`."""
    return float(np.isin(logits.argmax(axis=1), list(classes)).mean())


def mean_pairwise_distance(features: Float[np.ndarray, "k c"]) -> float:
    """The mean Euclidean distance of all pairs: low for a generator that draws the same again and again."""
    rows = np.asarray(features, np.float64)
    total = sum(np.linalg.norm(rows - row, axis=1).sum() for row in rows)
    return float(total / (len(rows) * (len(rows) - 1)))


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def _extract(features, size, stages, variables, images):
    return features.extract(variables, images, size, stages, "cubic")
