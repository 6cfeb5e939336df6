"""Figures of edits on pictures whose features are a formula."""

import numpy as np
import pytest
from scipy.special import log_softmax, logsumexp
from small_features import formula

from ganinv_jax.core.errors import InputError
from ganinv_jax.metrics.editing import class_scorer, cosine, known_kept
from ganinv_jax.metrics.extraction import extract
from ganinv_jax.metrics.networks import Extractor
from ganinv_jax.metrics.pictures import LARGEST_PSNR

RNG = np.random.default_rng(0)
BEFORE, AFTER = RNG.integers(0, 256, (2, 3, 32, 32, 3), np.uint8)
FEATURES = formula()


def heads(pictures):
    means = (pictures.astype(np.float64) / 127.5 - 1).mean(axis=(1, 2))
    return means @ np.asarray(FEATURES.variables["colours"], np.float64) + 0.5


def test_attributes_are_log_odds_of_the_classes():
    def odds(pictures):
        likely = log_softmax(heads(pictures) @ np.asarray(FEATURES.variables["classes"], np.float64), axis=1)
        return logsumexp(likely[:, [0, 2]], axis=1) - likely[:, 1]

    score = class_scorer(FEATURES, [2, 0])
    np.testing.assert_allclose(score(AFTER), odds(AFTER), atol=1e-5)
    np.testing.assert_allclose(score(BEFORE), odds(BEFORE), atol=1e-5)


@pytest.mark.parametrize("classes", [[], [0, 1, 2], [3], [-1]])
def test_classes_that_cannot_be_scored(classes):
    with pytest.raises(InputError, match="must be some of the 3 that efficientnet_formula tells apart"):
        class_scorer(FEATURES, classes)


def test_identity_is_the_cosine_of_features():
    a, b = heads(BEFORE), heads(AFTER)
    expected = np.sum(a * b, axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    extractor = Extractor(FEATURES, "head")
    before, after = (extract(x, [extractor])[extractor.name]["head"] for x in (BEFORE, AFTER))
    np.testing.assert_allclose(cosine(before, after), expected, atol=1e-5)
    np.testing.assert_allclose(cosine(before, before), 1)
    np.testing.assert_array_equal(cosine(np.array([[0.0, 0], [3, 0]]), np.array([[1.0, 0], [-2, 0]])), [0, -1])


def test_known_pixels_are_those_of_each_picture():
    known = np.zeros((3, 32, 32), bool)
    known[0, 3], known[1, :, 5], known[2] = True, True, True
    after = np.where(known[..., None], BEFORE, AFTER)
    after[1, 0, 5, 0] = BEFORE[1, 0, 5, 0] ^ 64
    found = known_kept(BEFORE, after, known)
    assert found[0] == found[2] == LARGEST_PSNR
    np.testing.assert_allclose(found[1], 10 * np.log10(255**2 * 96 / 64**2))
