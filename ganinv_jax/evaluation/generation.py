"""How a generator's pictures compare with real ones."""

from collections.abc import Collection
from typing import Any

import numpy as np
from jaxtyping import UInt8

from ganinv_jax.metrics.distances import Moments, frechet_distance, kernel_distance, precision_recall
from ganinv_jax.metrics.sets import look, mean_pairwise_distance, share_recognized
from ganinv_jax.models.features import Features


def evaluate_generation(
    fakes: UInt8[np.ndarray, "k h w 3"],
    reals: UInt8[np.ndarray, "n h w 3"],
    networks: Collection[Features],
    classes: Collection[int] = (),
) -> dict[str, dict[str, Any]]:
    """Figures of generated and of real pictures, by network.

    pairwise_distance: mean distance of the pooled features. recognized: the share whose likeliest ImageNet class is one
    of `classes`, where any are given. Neither compares the two sets: they are to be read side by side.
    between: what does compare them, by the pooled features: fd (Frechet), kd (kernel, 100 subsets of 1000 or all),
    precision and recall (3 neighbours). Comparable for the same network and numbers of pictures only.
    """
    figures: dict[str, dict[str, Any]] = {"fakes": {"count": len(fakes)}, "reals": {"count": len(reals)}, "between": {}}
    for network in networks:
        seen = {"fakes": look(network, fakes), "reals": look(network, reals)}
        for name, features in seen.items():
            figures[name][f"pairwise_distance_{network.name}"] = round(mean_pairwise_distance(features["head"]), 4)
            if classes:
                figures[name][f"recognized_{network.name}"] = round(share_recognized(features["logits"], classes), 4)
        for key, value in _between(seen["reals"]["head"], seen["fakes"]["head"]).items():
            figures["between"][f"{key}_{network.name}"] = round(value, 4)
    return figures


def _between(reals: np.ndarray, fakes: np.ndarray) -> dict[str, float]:
    precision, recall = precision_recall(reals, fakes)
    return {
        "fd": frechet_distance(Moments().add(reals), Moments().add(fakes)),
        "kd": kernel_distance(reals, fakes),
        "precision": precision,
        "recall": recall,
    }
