"""Distances of sets against closed forms, SciPy's matrix root and plain loops."""

import itertools

import numpy as np
import pytest
from public_torch import import_torch
from scipy import linalg

from ganinv_jax.metrics import distances, neighbours
from ganinv_jax.metrics.distances import (
    Moments,
    frechet_distance,
    kernel_distance,
    kernel_distances,
    precision_recall,
)

RNG = np.random.default_rng(0)


def moments(mean, covariance):
    """Moments that are these exactly."""
    rows = RNG.standard_normal((50, len(mean)))
    rows = (rows - rows.mean(axis=0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(rows.T))).T
    return Moments().add(rows @ np.linalg.cholesky(covariance).T + mean)


@pytest.mark.parametrize("sizes", [(40,), (1, 7, 32), (20, 20)])
def test_moments_are_numpys_for_any_batches(sizes):
    rows = (RNG.standard_normal((40, 6)) + 1e4).astype(np.float32)
    found = Moments()
    for batch in np.split(rows, np.cumsum(sizes)[:-1]):
        found.add(batch)
    exact = rows.astype(np.float64)
    np.testing.assert_allclose(found.mean, exact.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(found.covariance, np.cov(exact.T), rtol=1e-9, atol=1e-9)


def test_moments_of_a_stream(monkeypatch):
    monkeypatch.setattr(distances, "_AT_A_TIME", 16)
    rows = RNG.standard_normal((40, 6))
    found = Moments.of(np.split(rows, range(3, 40, 3)))
    np.testing.assert_allclose(found.covariance, np.cov(rows.T), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(found.mean, rows.mean(axis=0), atol=1e-12)
    assert found.count == 40 and Moments.of([]).count == 0


def test_merged_moments_are_those_of_all_rows():
    rows = RNG.standard_normal((40, 6)) * 3 + 1e4
    parts = [Moments().add(part) for part in np.split(rows, [7, 30])] + [Moments()]
    found = Moments()
    for part in parts:
        found.merge(part)
    np.testing.assert_allclose(found.mean, rows.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(found.covariance, np.cov(rows.T), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(parts[0].covariance, np.cov(rows[:7].T), rtol=1e-9, atol=1e-9)  # left as it was
    assert found.count == 40


def test_two_gaussians():
    """One axis each: (m1 - m2)^2 + (s1 - s2)^2, summed."""
    a, b = moments([1.0, -2, 0], np.diag([4.0, 1, 9])), moments([0.0, 1, 0], np.diag([1.0, 1, 25]))
    np.testing.assert_allclose(frechet_distance(a, b), (1 + 9 + 0) + (1 + 0 + 4), rtol=1e-9)
    np.testing.assert_allclose(frechet_distance(a, a), 0, atol=1e-9)


def test_frechet_is_by_the_root_of_the_product():
    a, b = RNG.standard_normal((30, 5)) @ RNG.standard_normal((5, 5)), RNG.standard_normal((40, 5)) + 1
    root = linalg.sqrtm(np.cov(a.T) @ np.cov(b.T)).real
    expected = np.sum((a.mean(0) - b.mean(0)) ** 2) + np.trace(np.cov(a.T) + np.cov(b.T) - 2 * root)
    np.testing.assert_allclose(frechet_distance(Moments().add(a), Moments().add(b)), expected, rtol=1e-7)


def test_frechet_of_fewer_pictures_than_features():
    few = Moments().add(RNG.standard_normal((4, 9)))
    assert np.isfinite(frechet_distance(few, few)) and frechet_distance(few, few) < 1e-6


def test_kernel_distance_is_its_sum():
    a, b = RNG.standard_normal((6, 4)), RNG.standard_normal((6, 4)) + 0.5

    def kernel(x, y):
        return (x @ y / 4 + 1) ** 3

    within = [np.mean([kernel(x, y) for x, y in itertools.permutations(rows, 2)]) for rows in (a, b)]
    expected = sum(within) - 2 * np.mean([kernel(x, y) for x in a for y in b])
    np.testing.assert_allclose(kernel_distance(a, b, subsets=3), expected, rtol=1e-9)


def test_what_a_kernel_distance_was_computed_of():
    a, b = RNG.standard_normal((60, 3)), RNG.standard_normal((50, 3))
    found = kernel_distances(a, b, subsets=5, subset_size=20)
    assert (found.subsets, found.subset_size) == (5, 20) and found.deviation > 0
    assert kernel_distances(a, b, subsets=5).subset_size == 50
    assert kernel_distance(a, b, subsets=5, subset_size=20) == found.mean


def test_kernel_distance_of_equal_distributions_is_about_zero():
    a, b, far = RNG.standard_normal((400, 8)), RNG.standard_normal((300, 8)), RNG.standard_normal((300, 8)) + 1
    assert abs(kernel_distance(a, b, subset_size=200)) < 0.02 < 0.5 < kernel_distance(a, far, subset_size=200)
    assert kernel_distance(a, b, seed=1) == kernel_distance(a, b, seed=1)


@pytest.mark.parametrize("at_a_time", [7, 1024])
def test_precision_and_recall_by_loops(monkeypatch, at_a_time):
    monkeypatch.setattr(neighbours, "_AT_A_TIME", at_a_time)
    reals, fakes = RNG.standard_normal((25, 2)) + 100, RNG.standard_normal((18, 2)) * 0.4 + 100

    def share(rows, balls):
        reach = [sorted(np.linalg.norm(ball - balls, axis=1))[2] for ball in balls]
        return np.mean([any(np.linalg.norm(row - b) <= r for b, r in zip(balls, reach, strict=True)) for row in rows])

    found = precision_recall(reals, fakes, neighbours=2)
    np.testing.assert_allclose(found, (share(fakes, reals), share(reals, fakes)))
    assert found[0] > found[1]  # narrow fakes: believable, but not all there is


def test_equal_sets_are_within_each_other():
    rows = RNG.standard_normal((30, 16)).astype(np.float32) + 50
    assert precision_recall(rows, rows[::-1]) == (1, 1)
    assert precision_recall(rows, rows + 9) == (0, 0)
    assert precision_recall(rows[:2], rows[:1]) == (1, 0.5)  # balls of no size


@pytest.mark.torch
def test_figures_of_torch_fidelity():
    """Of features like Inception's: many of them 0, none below."""
    torch = import_torch()
    fid = pytest.importorskip("torch_fidelity.metric_fid")
    kid = pytest.importorskip("torch_fidelity.metric_kid")
    prc = pytest.importorskip("torch_fidelity.metric_prc")
    mixing = RNG.standard_normal((32, 32)) / 4
    reals, fakes = (np.maximum(RNG.standard_normal((n, 32)) @ mixing + m, 0) for n, m in ((300, 0.1), (250, 0.2)))
    tensors = torch.from_numpy(fakes), torch.from_numpy(reals)

    statistics = [fid.fid_features_to_statistics(x) for x in tensors]
    theirs = fid.fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]
    np.testing.assert_allclose(frechet_distance(Moments().add(fakes), Moments().add(reals)), theirs, rtol=1e-6)

    theirs = kid.kid_features_to_metric(*tensors, kid_subset_size=100, kid_subsets=7, rng_seed=5, verbose=False)
    ours = kernel_distances(fakes, reals, subsets=7, subset_size=100, seed=5)
    np.testing.assert_allclose(ours.mean, theirs["kernel_inception_distance_mean"], rtol=1e-9)
    np.testing.assert_allclose(ours.deviation, theirs["kernel_inception_distance_std"], rtol=1e-9)

    theirs = prc.prc_features_to_metric(*tensors, verbose=False)
    np.testing.assert_allclose(precision_recall(reals, fakes), (theirs["precision"], theirs["recall"]))


@pytest.mark.torch
def test_frechet_distance_of_torchmetrics():
    torch = import_torch()
    module = pytest.importorskip("torchmetrics.image.fid")
    reals, fakes = RNG.standard_normal((60, 8)), RNG.standard_normal((70, 8)) * 0.7 + 0.3
    theirs = module.FrechetInceptionDistance(torch.nn.Flatten(), input_img_size=(8, 1, 1)).set_dtype(torch.float64)
    theirs.update(torch.from_numpy(reals)[..., None, None], real=True)
    theirs.update(torch.from_numpy(fakes)[..., None, None], real=False)
    ours = frechet_distance(Moments().add(reals), Moments().add(fakes))
    np.testing.assert_allclose(ours, theirs.compute().item(), rtol=1e-6)
