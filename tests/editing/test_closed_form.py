"""SeFa against NumPy's SVD, principal components against scikit-learn's, and features' components brought to codes."""

import numpy as np
import pytest

from ganinv_jax.core.errors import InputError
from ganinv_jax.editing import principal_components, regressed, sefa

RNG = np.random.default_rng(0)
WEIGHTS = [RNG.normal(size=(6, 9)).astype(np.float32), 30 * RNG.normal(size=(6, 4)).astype(np.float32)]


def same_lines(ours, wanted, tolerance=1e-9):
    """Equal but for the signs."""
    np.testing.assert_allclose(np.abs(np.sum(ours * wanted, axis=1)), 1, atol=tolerance)


def test_sefa_is_the_singular_vectors_of_scaled_weights():
    stacked = np.concatenate(WEIGHTS, axis=1).astype(np.float64)
    left, values, _ = np.linalg.svd(stacked / np.sqrt((stacked**2).sum(axis=0)))
    vectors, eigenvalues = sefa(WEIGHTS)
    np.testing.assert_allclose(eigenvalues, values**2, rtol=1e-9)
    same_lines(vectors, left.T)
    np.testing.assert_allclose(vectors @ vectors.T, np.eye(6), atol=1e-9)
    assert np.all(np.diff(eigenvalues) < 0)
    few, most = sefa(WEIGHTS, 2)
    np.testing.assert_array_equal(few, vectors[:2])
    np.testing.assert_array_equal(most, eigenvalues[:2])


def test_channels_count_alike():
    """Whatever the lengths of their weights, and whatever the layer."""
    vectors, _ = sefa([WEIGHTS[0] * np.linspace(1, 1000, 9), WEIGHTS[1]])
    np.testing.assert_allclose(vectors, sefa(WEIGHTS)[0], atol=1e-6)


def test_signs_mean_nothing_and_are_always_the_same():
    vectors, _ = sefa(WEIGHTS)
    assert np.all(vectors[np.arange(6), np.abs(vectors).argmax(axis=1)] > 0)


@pytest.mark.parametrize("shape", [(200, 7), (20, 300)])  # more samples than numbers, and fewer
def test_principal_components(shape):
    decomposition = pytest.importorskip("sklearn.decomposition")
    samples = RNG.normal(size=shape) * np.linspace(1, 5, shape[1]) + 100
    found, wanted = principal_components(samples, 4), decomposition.PCA(4, svd_solver="full").fit(samples)
    same_lines(found.vectors, wanted.components_)
    np.testing.assert_allclose(found.mean, wanted.mean_)
    np.testing.assert_allclose(found.deviations**2, wanted.explained_variance_)
    np.testing.assert_allclose(found.shares, wanted.explained_variance_ratio_)


def test_components_have_more_variance_than_other_directions():
    samples = RNG.normal(size=(500, 12)) @ RNG.normal(size=(12, 12))
    first = principal_components(samples, 1)
    others = RNG.normal(size=(100, 12))
    others /= np.linalg.norm(others, axis=1, keepdims=True)
    assert np.all((samples @ others.T).std(axis=0, ddof=1) < first.deviations[0])


def test_more_components_than_there_are():
    with pytest.raises(InputError, match="5 samples of 9 numbers have 1 to 4 components, but 5 are asked"):
        principal_components(RNG.normal(size=(5, 9)), 5)


def test_features_components_are_found_in_codes():
    """Features that are linear in the codes: a step along a direction moves one coordinate, by one deviation."""
    codes = RNG.normal(size=(4000, 5))
    to_features = np.linalg.qr(RNG.normal(size=(30, 5)))[0].T * np.array([5, 4, 3, 2, 1])[:, None]
    features = codes @ to_features + 7
    found = principal_components(features, 5)
    moved = regressed(found, features, codes) @ to_features @ found.vectors.T
    np.testing.assert_allclose(moved, np.diag(found.deviations), atol=1e-6)
