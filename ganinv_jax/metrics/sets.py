"""Figures of sets of pictures, through a frozen classifier: what they show, and how much they differ."""

from collections.abc import Collection

import numpy as np
from jaxtyping import Float, Int


def share_recognized(guesses: Int[np.ndarray, " n"], classes: Collection[int]) -> float:
    """The share of pictures whose likeliest class is one of `classes`."""
    return float(np.isin(guesses, list(classes)).mean())


def mean_pairwise_distance(features: Float[np.ndarray, "k c"]) -> float:
    """The mean Euclidean distance of all pairs: low for a generator that draws the same again and again."""
    rows = np.asarray(features, np.float64)
    total = sum(np.linalg.norm(rows - row, axis=1).sum() for row in rows)
    return float(total / (len(rows) * (len(rows) - 1)))
