"""Figures of edited pictures: did the attribute change, is it still the same one, and what else moved.

Pictures `before` and `after` are uint8 [k, h, w, 3], row i against row i.
"""

from collections.abc import Callable, Collection

import numpy as np
from jaxtyping import Bool, Float, UInt8

from ganinv_jax.core.configs import check
from ganinv_jax.metrics.extraction import extract
from ganinv_jax.metrics.networks import Extractor
from ganinv_jax.metrics.pictures import psnr
from ganinv_jax.models.features import Features

Pictures = UInt8[np.ndarray, "k h w 3"]
Scorer = Callable[[Pictures], Float[np.ndarray, " k"]]
"""How much of an attribute pictures show, one number a picture; the unit is the scorer's."""


def class_scorer(features: Features, classes: Collection[int]) -> Scorer:
    """A scorer of ImageNet's classes: the log of the odds that the network gives them together against all others.

    Raises InputError where `features` have no logits or not these classes.
    """
    count = features.channels.get("logits", 0)
    chosen = sorted(set(classes))
    check(
        bool(chosen) and chosen[0] >= 0 and len(chosen) < count and chosen[-1] < count,
        f"Classes must be some of the {count} that {features.name} tells apart, from 0, but are {list(classes)}.",
    )

    def score(pictures: Pictures) -> Float[np.ndarray, " k"]:
        extractor = Extractor(features, "logits")
        logits = extract(pictures, [extractor])[extractor.name]["logits"].astype(np.float64)
        others = np.delete(logits, chosen, axis=1)
        return np.logaddexp.reduce(logits[:, chosen], axis=1) - np.logaddexp.reduce(others, axis=1)

    return score


def cosine(a: Float[np.ndarray, "k c"], b: Float[np.ndarray, "k c"]) -> Float[np.ndarray, " k"]:
    """Row by row; 0 where a row is zero. Of features before and after an edit: how much the same one is shown.

    Through ArcFace for faces; through a classifier's pooled features it tells one thing from another, but not a person.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return np.sum(a * b, axis=1) / np.maximum(lengths, np.finfo(np.float64).tiny)


def known_kept(before: Pictures, after: Pictures, known: Bool[np.ndarray, "k h w"]) -> Float[np.ndarray, " k"]:
    """PSNR over the pixels that were known, in decibels: how little an edit moves what it was not about."""
    return np.concatenate([psnr(b[None], a, where) for a, b, where in zip(before, after, known, strict=True)])
