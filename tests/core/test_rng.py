"""Seeds and keys."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganinv_jax.core.errors import InputError
from ganinv_jax.core.rng import fold_keys, is_key, seed_z


def test_seed_z_is_what_nvidia_draws():
    # numpy.random.RandomState(0).randn(1, 4), the start of every StyleGAN2 picture of seed 0; NumPy froze this stream.
    np.testing.assert_allclose(seed_z([0], 4), [[1.76405235, 0.40015721, 0.97873798, 2.2408932]], rtol=1e-7)


def test_seed_z_row_depends_on_its_seed_alone():
    together = seed_z([7, 0, 2**32 - 1], 512)
    assert together.shape == (3, 512) and together.dtype == np.float32
    for row, seed in zip(together, [7, 0, 2**32 - 1], strict=True):
        np.testing.assert_array_equal(row, np.random.RandomState(seed).randn(1, 512)[0].astype(np.float32))


def test_seed_z_takes_any_iterable_of_any_length():
    np.testing.assert_array_equal(seed_z(range(2), 8), seed_z(np.arange(2), 8))
    assert seed_z([], 8).shape == (0, 8)


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_seed_z_says_what_a_seed_must_be(seed):
    with pytest.raises(InputError, match=f"got {seed}"):
        seed_z([0, seed], 8)


@pytest.mark.parametrize("make", [jax.random.key, jax.random.PRNGKey])
def test_fold_keys_equals_folding_one_by_one(make):
    indices = jnp.array([5, 0, 123456])
    keys = fold_keys(make(3), indices)
    draws = jax.vmap(jax.random.normal)(keys)
    expected = [jax.random.normal(jax.random.fold_in(make(3), int(i))) for i in indices]
    np.testing.assert_array_equal(draws, jnp.stack(expected))
    assert len(np.unique(draws)) == 3


def test_keys_and_their_shapes_are_told_from_numbers():
    assert is_key(jax.random.key(0)) and is_key(jax.eval_shape(lambda: jax.random.split(jax.random.key(0))))
    assert not any(map(is_key, (jax.random.PRNGKey(0), np.ones(2), 3, "key")))
