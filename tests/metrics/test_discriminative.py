"""U-IDS and P-IDS against a solver of the same problem, and at the ends of their scale."""

import sys

import numpy as np
import pytest
from scipy.optimize import minimize

from ganinv_jax.core.errors import InputError
from ganinv_jax.metrics.discriminative import discriminative_ceiling, discriminative_scores

RNG = np.random.default_rng(0)


def solved(reals, fakes):
    """Scores from SciPy's minimum of |w|^2 / 2 + b^2 / 2 + sum of squared hinges, which LinearSVC(C=1) minimises."""
    rows = np.concatenate([reals, fakes])
    rows = np.hstack([rows, np.ones((len(rows), 1))])  # it regularises the intercept too
    signs = np.repeat([1, -1], len(reals))

    def loss(w):
        gap = np.maximum(1 - signs * (rows @ w), 0)
        return w @ w / 2 + gap @ gap, w - 2 * rows.T @ (signs * gap)

    side = rows @ minimize(loss, np.zeros(rows.shape[1]), jac=True, options={"gtol": 1e-6}).x
    return np.mean((side > 0) != (signs > 0)), np.mean(side[len(reals) :] > side[: len(reals)])


def test_scores_are_those_of_the_fitted_classifier():
    reals, fakes = RNG.standard_normal((120, 5)), RNG.standard_normal((120, 5)) + 0.4
    found = discriminative_scores(reals, fakes)
    np.testing.assert_allclose((found.unpaired, found.paired), solved(reals, fakes), atol=1.1 / 120)
    assert (found.count, found.dimensions) == (120, 5) and 0.2 < found.unpaired < 0.5


def test_sets_that_can_be_told_apart_score_nothing():
    found = discriminative_scores(RNG.standard_normal((50, 3)), RNG.standard_normal((50, 3)) + 20)
    assert (found.unpaired, found.paired) == (0, 0)


def test_few_pictures_need_few_dimensions():
    """Equal distributions: told apart in as many dimensions as rows, and not once these are reduced."""
    a, b = RNG.standard_normal((2, 300, 400))
    assert discriminative_scores(a, b).unpaired < 0.02
    reduced = discriminative_scores(a, b, dimensions=8)
    assert reduced.unpaired > 0.4 and reduced.dimensions == 8


def test_components_are_those_of_the_reals():
    """What the reals vary in most is kept, however much fakes vary elsewhere: here they differ in it, and are found."""
    reals = RNG.standard_normal((200, 6)) * [9, 1, 1, 1, 1, 1]
    fakes = RNG.standard_normal((200, 6)) * [9, 40, 40, 1, 1, 1] + [100, 0, 0, 0, 0, 0]
    assert discriminative_scores(reals, fakes, dimensions=1).unpaired == 0
    assert discriminative_scores(reals, fakes - [100, 0, 0, 0, 0, 0], dimensions=1).unpaired > 0.4


def test_the_ceiling():
    reals = RNG.standard_normal((401, 4))
    halves = discriminative_ceiling(reals)
    assert halves == discriminative_scores(reals[0:400:2], reals[1:400:2]) and halves.count == 200
    assert discriminative_ceiling(reals, reals[:90] + 0.01).count == 90


def test_rows_must_be_pairs():
    with pytest.raises(InputError, match="3 fakes and 4 reals"):
        discriminative_scores(np.zeros((4, 2)), np.zeros((3, 2)))


def test_without_scikit_learn(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.svm", None)
    with pytest.raises(InputError, match=r"ganinv_jax\[evaluate\]"):
        discriminative_scores(RNG.standard_normal((4, 2)), RNG.standard_normal((4, 2)))
