"""Hyperplanes between scored codes: known attributes are found again, and kept apart."""

import sys

import numpy as np
import pytest

from ganinv_jax.core.errors import InputError
from ganinv_jax.editing import conditioned, separate

RNG = np.random.default_rng(0)
SMILE, AGE = RNG.normal(size=(2, 16))
AGE += 0.8 * SMILE  # the two go together
CODES = RNG.normal(size=(3000, 16))


def unit(vector):
    return vector / np.linalg.norm(vector)


@pytest.fixture(scope="module")
def found():
    pytest.importorskip("sklearn")
    return separate(CODES, np.tanh(CODES @ SMILE) + 0.1 * RNG.normal(size=3000), share=0.1)


def test_an_attribute_is_found_again(found):
    assert found.accuracy > 0.9 and found.accuracy_all > 0.8
    assert found.normal @ unit(SMILE) > 0.9
    assert np.linalg.norm(found.normal) == pytest.approx(1)
    # The plane lies in the middle, and edits along its normal raise the score.
    assert abs(found.offset) < 0.3
    scores = [np.tanh((CODES + d * found.normal) @ SMILE).mean() for d in (-3, -1, 0, 1, 3)]
    assert np.all(np.diff(scores) > 0)


def test_noise_is_not_taken_for_an_attribute():
    pytest.importorskip("sklearn")
    assert separate(CODES, RNG.normal(size=3000), share=0.1).accuracy < 0.7


def test_accuracy_is_that_of_codes_that_were_not_fitted():
    """With more numbers a code than codes, any labels can be fitted, but none foretold."""
    pytest.importorskip("sklearn")
    codes = RNG.normal(size=(100, 400))
    assert separate(codes, RNG.normal(size=100), share=0.5).accuracy < 0.8


def test_conditioning_keeps_the_other_attribute(found):
    age = separate(CODES, CODES @ AGE, share=0.1).normal
    kept = conditioned(found.normal, [age])
    assert abs(kept @ AGE) < 0.5 * abs(found.normal @ AGE)
    assert kept @ unit(SMILE) > 0.5 and np.linalg.norm(kept) == pytest.approx(1)


def test_conditioning_on_several_that_are_not_orthogonal():
    others = [RNG.normal(size=16) for _ in range(3)]
    kept = conditioned(SMILE, others)
    np.testing.assert_allclose([kept @ other for other in others], 0, atol=1e-9)
    # Gram-Schmidt by hand.
    basis = []
    for other in others:
        basis.append(unit(other - sum((other @ e) * e for e in basis)))
    np.testing.assert_allclose(kept, unit(SMILE - sum((SMILE @ e) * e for e in basis)), atol=1e-9)
    np.testing.assert_allclose(conditioned(SMILE, []), unit(SMILE))
    with pytest.raises(InputError, match="must not lie in the span"):
        conditioned(others[0] + others[1], others)


@pytest.mark.parametrize(
    ("codes", "scores", "options", "message"),
    [
        (CODES, CODES[:-1, 0], {}, r"Codes \[n, w\] need scores \[n\]"),
        (CODES, np.full(3000, np.nan), {}, "Scores must be finite"),
        (CODES, np.zeros(3000), {}, "must differ between their two ends"),
        (CODES[:100], CODES[:100, 0], {}, "must have 4 codes, but 0.02 of 100 is 2"),
        (CODES, CODES[:, 0], {"share": 0.6}, "share must lie in"),
        (CODES, CODES[:, 0], {"training": 1.0}, "training must lie in"),
    ],
)
def test_scores_that_say_nothing(codes, scores, options, message):
    with pytest.raises(InputError, match=message):
        separate(codes, scores, **options)


def test_without_scikit_learn(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.svm", None)
    with pytest.raises(InputError, match=r"needs scikit-learn, .* pip install 'ganinv_jax\[evaluate\]'"):
        separate(CODES, CODES[:, 0])
