"""The figures that compare two sets of pictures, and what figures are computed through."""

import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from ganinv_jax.losses.perceptual import PerceptualDistance
from ganinv_jax.metrics.discriminative import FEW_DIMENSIONS, discriminative_ceiling, discriminative_scores
from ganinv_jax.metrics.distances import Moments, frechet_distance, kernel_distance, precision_recall
from ganinv_jax.metrics.extraction import extract
from ganinv_jax.metrics.networks import Extractor, open_extractors

FEWEST = 4  # pictures that can be halved and told apart
Rows = Float[np.ndarray, "n c"]


@dataclasses.dataclass(frozen=True)
class Networks:
    """extractors: compare sets of pictures. distances: compare two pictures."""

    extractors: tuple[Extractor, ...]
    distances: tuple[PerceptualDistance, ...]


def open_networks(sources: list[str]) -> Networks:
    """What figures are computed through: EfficientNets serve both purposes, and so do VGG16 and AlexNet with LPIPS'
    weights; Inception and ArcFace compare sets only.

    LPIPS looks at pictures as large as they are, which its published figures are of; the distance through an
    EfficientNet at about the size that it was trained on. sources: as `open_extractors` takes them.
    """
    extractors = open_extractors(sources)
    found = {each.features: _distance(each) for each in extractors}  # Inception comes twice
    return Networks(extractors, tuple(distance for distance in found.values() if distance))


def distance_name(distance: PerceptualDistance) -> str:
    """'lpips_vgg16' through a network with LPIPS' weights; 'distance_…' for the same form through another."""
    return f"{'lpips' if distance.features.lpips else 'distance'}_{distance.features.name}"


def features_of(pictures: Iterable[UInt8[np.ndarray, "h w 3"]], networks: Networks) -> dict[str, Rows]:
    """The vectors that sets are compared by, by extractor."""
    found = extract(pictures, networks.extractors)
    return {extractor.name: found[extractor.name][extractor.stage] for extractor in networks.extractors}


def compare_sets(
    extractor: Extractor, reals: Rows, fakes: Rows, others: Rows | None = None, paired: bool = False
) -> dict[str, Any]:
    """Figures of fakes against reals by their features; all of them depend on the numbers of pictures.

    fd (fid through Inception), kd (kid), precision and recall (of 3 neighbours); uids and, where row i of both belong
    together (`paired`), pids: in 64 principal dimensions (`_pca64`), of as many rows of each as the smaller set has.
    Beside them what `others`, more real pictures, have in the fakes' place (`_ceiling`; without any, half of the reals
    against the other half).
    """
    precision, recall = precision_recall(reals, fakes)
    figures = {
        "fd": frechet_distance(Moments().add(reals), Moments().add(fakes)),
        "kd": kernel_distance(reals, fakes),
        "precision": precision,
        "recall": recall,
    }
    named = {extractor.figure(kind): value for kind, value in figures.items()}
    count = min(len(reals), len(fakes))
    if count < FEWEST:
        return named
    scores = discriminative_scores(reals[:count], fakes[:count], FEW_DIMENSIONS)
    ceiling = discriminative_ceiling(reals[:count], others, FEW_DIMENSIONS)
    for kind, found, most in (("uids", scores.unpaired, ceiling.unpaired), ("pids", scores.paired, ceiling.paired)):
        if kind == "uids" or paired:
            name = f"{extractor.figure(kind)}_pca{FEW_DIMENSIONS}"
            named |= {name: found, f"{name}_ceiling": most}
    return named


def _distance(extractor: Extractor) -> PerceptualDistance | None:
    if extractor.features.lpips:
        return PerceptualDistance(extractor.features)
    serves = extractor.features.name.startswith("efficientnet")
    return PerceptualDistance(extractor.features, size=extractor.size) if serves else None
