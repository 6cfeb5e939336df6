"""The energy distance against SciPy's distances of pairs, and what it is there for."""

import jax
import numpy as np
from scipy.spatial.distance import cdist, pdist

from ganinv_jax.losses.energy import energy_distance

RNG = np.random.default_rng(0)


def test_it_is_that_of_all_pairs():
    reals, fakes = RNG.standard_normal((6, 2, 3)).astype(np.float32), RNG.standard_normal((4, 2, 3)).astype(np.float32)
    x, y = reals.reshape(6, -1), fakes.reshape(4, -1)
    expected = (2 * cdist(x, y).mean() - pdist(x).mean() - pdist(y).mean()) / pdist(x).mean()
    np.testing.assert_allclose(energy_distance(reals, fakes), expected, rtol=1e-5)


def test_sets_of_one_distribution_have_none_on_average_whatever_their_size():
    samples = RNG.standard_normal((4000, 5, 3)).astype(np.float32)
    shares = jax.vmap(lambda x: energy_distance(x[:3], x[3:]))(samples)
    found = shares * np.array([pdist(x[:3]).mean() for x in samples])
    assert abs(found.mean()) < 3 * found.std() / np.sqrt(len(found))


def test_fakes_that_differ_too_little_are_driven_apart_and_those_elsewhere_over():
    reals = RNG.standard_normal((256, 4)).astype(np.float32)
    grad = jax.jit(jax.grad(energy_distance, argnums=1))
    narrow = 0.5 * RNG.standard_normal((256, 4)).astype(np.float32)
    assert np.sum(grad(reals, narrow) * narrow) < 0 < np.sum(grad(reals, 6 * narrow) * narrow)
    assert (np.sum(grad(reals, narrow + 2), axis=0) > 0).all()


def test_equal_rows_have_finite_gradients_and_reals_none():
    rows = np.ones((3, 4), np.float32)
    reals = RNG.standard_normal((3, 4)).astype(np.float32)
    assert np.isfinite(jax.grad(energy_distance, argnums=1)(reals, rows)).all()
    assert not np.any(jax.grad(energy_distance)(reals, 2 * reals))


def test_equal_reals_count_as_a_thousandth_of_their_norm_apart():
    fakes = 1 + 1e-3 * RNG.standard_normal((3, 4)).astype(np.float32)
    one = np.ones((3, 4), np.float32)
    expected = (2 * cdist(one, fakes).mean() - pdist(fakes).mean()) / 2e-3
    np.testing.assert_allclose(energy_distance(one, fakes), expected, rtol=0.2)
