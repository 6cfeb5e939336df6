"""Figures of sets against SciPy and by hand."""

import numpy as np
from scipy.spatial.distance import pdist

from ganinv_jax.core.images import to_float
from ganinv_jax.metrics.extraction import extract
from ganinv_jax.metrics.networks import Extractor
from ganinv_jax.metrics.sets import mean_pairwise_distance, share_recognized
from ganinv_jax.models.features import load_features

RNG = np.random.default_rng(0)


def test_mean_pairwise_distance_is_scipys():
    rows = RNG.standard_normal((9, 5)).astype(np.float32) + 100
    np.testing.assert_allclose(mean_pairwise_distance(rows), pdist(rows.astype(np.float64)).mean(), rtol=1e-9)


def test_share_recognized_counts_the_likeliest_class():
    guesses = np.array([1, 0, 2, 0])
    assert share_recognized(guesses, [0, 2]) == 0.75
    assert share_recognized(guesses, range(1)) == 0.5


def test_pictures_are_looked_at_alone():
    """Batches of any size give what one picture gives."""
    features = load_features("efficientnet_lite0")
    pictures = RNG.integers(0, 256, (17, 32, 32, 3), np.uint8)
    seen = extract(pictures, [Extractor(features, "head")])["efficientnet_lite0"]["head"]
    alone = features.extract(features.variables, to_float(pictures[16:]), features.size, ("head",), "cubic")["head"]
    assert seen.shape == (17, 1280)
    np.testing.assert_allclose(seen[16:], alone, atol=1e-4)
