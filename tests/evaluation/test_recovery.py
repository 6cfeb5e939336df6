"""Curves of recovery by solvers whose success is known beforehand."""

import numpy as np
import pytest

from ganinv_jax.core.errors import InputError
from ganinv_jax.evaluation.pieces import Pieces
from ganinv_jax.evaluation.recovery import CURVES, Curve, Problem, curves_of, draw, plot, score_curve, summary


def twice_off(trial):
    """A relative error of 1 in every latent of an even seed, of 0 in others."""
    return trial.z * (2 if trial.seed % 2 == 0 else 1)


SOLVERS = {"right": lambda trial: trial.z, "half": twice_off}
CURVE = Curve("k", {k: Problem((k, 9, 20)) for k in (2, 4, 6)}, ("half", "right"))


def test_successes_and_errors(tmp_path):
    pieces, told = Pieces(tmp_path, {}), []
    scores = score_curve(CURVE, SOLVERS, 4, pieces, told.append)
    figures = summary("dimension", CURVE, scores)
    assert [figures["half"][f"dimension {k}"] for k in (2, 4, 6)] == [0.5] * 3
    assert figures["right"]["dimension 2"] == 1 and figures["right"]["dimension seconds"] >= 0
    assert told[-1] == 12 and told == sorted(told)
    # Without biases twice the latent gives twice the outputs.
    np.testing.assert_allclose(scores["half"]["output error"], [[1, 0, 1, 0]] * 3, atol=1e-12)
    again = score_curve(CURVE, {}, 4, pieces)  # read, not computed
    np.testing.assert_array_equal(again["half"]["latent error"], scores["half"]["latent error"])
    assert plot(CURVE, scores).series["half"] == ([2, 4, 6], [0.5, 0.5, 0.5])


def test_trials_are_those_of_their_seed():
    problem = Problem((3, 10, 50), noise=0.1, share=0.3, measurements=7)
    a, b, other = draw(problem, 1), draw(problem, 1), draw(problem, 2)
    np.testing.assert_array_equal(a.outputs, b.outputs)
    assert not np.allclose(a.z, other.z) and not np.allclose(
        a.generator.layers[0].weight, other.generator.layers[0].weight
    )
    assert a.known.sum() == 15 and a.matrix is not None and a.matrix.shape == (7, 50)
    deviation = np.abs(a.outputs - a.generator(a.z))
    assert 0.05 < deviation.max() <= a.bound == 0.1


def test_fewer_points():
    assert list(CURVES["dimension"].thinned(3).points) == [10, 130, 250]
    assert CURVE.thinned(None) is CURVE and CURVE.thinned(3) is CURVE
    assert list(curves_of("all")) == list(CURVES) and list(curves_of(" noise", 2)["noise"].points) == [1e-6, 0.1]
    with pytest.raises(InputError, match="it has 'bend'"):
        curves_of("noise,bend")
