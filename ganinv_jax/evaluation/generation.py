"""How a generator's pictures compare with real ones."""

from collections.abc import Collection
from typing import Any

import numpy as np
from jaxtyping import UInt8

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
    """
    figures: dict[str, dict[str, Any]] = {"fakes": {"count": len(fakes)}, "reals": {"count": len(reals)}}
    for network in networks:
        for name, pictures in (("fakes", fakes), ("reals", reals)):
            seen = look(network, pictures)
            figures[name][f"pairwise_distance_{network.name}"] = round(mean_pairwise_distance(seen["head"]), 4)
            if classes:
                figures[name][f"recognized_{network.name}"] = round(share_recognized(seen["logits"], classes), 4)
    return figures
