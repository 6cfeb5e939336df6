"""Adversarial losses against closed forms, and the regularisers against differentiating a gradient."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganinv_jax.losses.adversarial import (
    discriminator_logistic,
    generator_logistic,
    path_length_penalty,
    r1_penalty,
)


@pytest.fixture
def double():
    with jax.enable_x64(True):
        yield


def _score(params, x):
    """A small smooth discriminator."""
    hidden = jnp.tanh(x.reshape(x.shape[0], -1) @ params["a"])
    return jnp.sin(hidden @ params["b"])


def _synthesize(params, ws):
    return jnp.tanh(jnp.einsum("bld,ldhwc->bhwc", jnp.sin(ws), params["a"]) + params["b"])


def test_logistic_losses_are_cross_entropies():
    real, fake = jnp.array([-2.0, 0.5]), jnp.array([1.5, -0.3])
    sigmoid = lambda x: 1 / (1 + np.exp(-np.asarray(x)))  # noqa: E731
    np.testing.assert_allclose(generator_logistic(fake), -np.log(sigmoid(fake)), rtol=1e-6)
    expected = -np.log(sigmoid(real)) - np.log(1 - sigmoid(fake))
    np.testing.assert_allclose(discriminator_logistic(real, fake), expected, rtol=1e-6)


def test_r1_of_a_linear_score_is_its_squared_norm():
    weights = np.random.RandomState(0).randn(4, 4, 3).astype(np.float32)
    penalty = r1_penalty(lambda x: jnp.sum(x * weights, axis=(1, 2, 3)), jnp.zeros((5, 4, 4, 3)))
    np.testing.assert_allclose(penalty, np.sum(weights**2), rtol=1e-5)


def test_r1_and_its_gradient_equal_reverse_over_reverse(double):
    rng = np.random.RandomState(1)
    params = {"a": jnp.array(rng.randn(48, 7)), "b": jnp.array(rng.randn(7))}
    images = jnp.array(rng.randn(3, 4, 4, 3))

    def textbook(params):
        slopes = jax.grad(lambda x: jnp.sum(_score(params, x)))(images)
        return jnp.mean(jnp.sum(slopes**2, axis=(1, 2, 3)))

    fast = jax.value_and_grad(lambda p: r1_penalty(lambda x: _score(p, x), images))(params)
    chex.assert_trees_all_close(fast, jax.value_and_grad(textbook)(params), rtol=1e-12)


def test_path_length_and_its_gradient_equal_reverse_over_reverse(double):
    rng = np.random.RandomState(2)
    params = {"a": jnp.array(rng.randn(3, 5, 4, 4, 2)), "b": jnp.array(rng.randn(4, 4, 2))}
    ws, key, mean, decay = jnp.array(rng.randn(4, 3, 5)), jax.random.key(0), jnp.float64(0.7), 0.01

    def textbook(params):
        noise = jax.random.normal(key, (4, 4, 4, 2)) / jnp.sqrt(16)
        slopes = jax.grad(lambda ws: jnp.sum(_synthesize(params, ws) * noise))(ws)
        lengths = jnp.sqrt(jnp.mean(jnp.sum(slopes**2, axis=2), axis=1))
        moved = mean + decay * (jnp.mean(lengths) - mean)
        return jnp.mean((lengths - moved) ** 2), (moved, jnp.mean(lengths))

    def fast(params):
        penalty, *rest = path_length_penalty(lambda ws: _synthesize(params, ws), ws, key, mean, decay)
        return penalty, tuple(rest)

    chex.assert_trees_all_close(
        jax.value_and_grad(fast, has_aux=True)(params), jax.value_and_grad(textbook, has_aux=True)(params), rtol=1e-9
    )
