"""The perceptual distance against its formula in numpy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganinv_jax.losses.perceptual import PerceptualDistance
from ganinv_jax.models.features import load_features


@pytest.fixture(scope="module")
def distance():
    return PerceptualDistance(stages=("stride4", "stride8"))


@pytest.fixture(scope="module")
def pictures():
    return [jax.random.uniform(key, (3, 32, 32, 3), minval=-1) for key in jax.random.split(jax.random.key(0))]


def test_it_is_the_squared_distance_of_unit_features(distance, pictures):
    features = load_features()
    a, b = (features.extract(features.variables, images, stages=distance.stages) for images in pictures)
    expected = np.zeros(3)
    for stage in distance.stages:
        x, y = (np.asarray(f[stage], np.float64) for f in (a, b))
        x, y = (f / np.sqrt((f**2).sum(axis=-1, keepdims=True)) for f in (x, y))
        expected += ((x - y) ** 2).sum(axis=-1).mean(axis=(1, 2)) / 2
    np.testing.assert_allclose(distance(distance.variables, *pictures), expected, rtol=1e-4)


def test_equal_pictures_have_distance_zero_and_order_does_not_matter(distance, pictures):
    a, b = pictures
    np.testing.assert_array_equal(distance(distance.variables, a, a), 0)
    np.testing.assert_allclose(distance(distance.variables, a, b), distance(distance.variables, b, a), rtol=1e-6)


def test_the_mask_multiplies_both_pictures(distance, pictures):
    a, b = pictures
    mask = jnp.ones((3, 32, 32, 1)).at[:, :, 16:].set(0)
    found = distance(distance.variables, a, b, mask)
    np.testing.assert_allclose(found, distance(distance.variables, a * mask, b * mask), rtol=1e-6)
    elsewhere = a + 0.5 * (1 - mask)
    np.testing.assert_array_equal(distance(distance.variables, elsewhere, b, mask), found)
    assert not np.allclose(found, distance(distance.variables, a, b), rtol=1e-3)


def test_pictures_are_resized(pictures):
    a, b = pictures
    larger = PerceptualDistance(stages=("stride4",), size=64)
    native = PerceptualDistance(stages=("stride4",))
    a2, b2 = (jax.image.resize(x, (3, 64, 64, 3), "linear") for x in (a, b))
    np.testing.assert_allclose(larger(larger.variables, a, b), native(native.variables, a2, b2), rtol=1e-4)


def test_a_target_embedded_once_gives_the_same(distance, pictures):
    a, b = pictures
    targets = distance.embed(distance.variables, b)
    np.testing.assert_allclose(
        distance.to(distance.variables, a, targets), distance(distance.variables, a, b), rtol=1e-6
    )


def test_descending_it_brings_pictures_together(distance, pictures):
    a, b = pictures
    value_and_grad = jax.jit(jax.value_and_grad(lambda x: distance(distance.variables, x, b).sum()))
    before, slope = value_and_grad(a)
    after, _ = value_and_grad(a - 0.05 * slope / jnp.abs(slope).max())
    assert after < before


def test_small_pictures_are_compared_at_the_maps_that_they_have():
    a, b = np.random.RandomState(0).uniform(-1, 1, (2, 1, 16, 16, 3)).astype(np.float32)
    every, three = PerceptualDistance(), PerceptualDistance(stages=("stride4", "stride8", "stride16"))
    found = every(every.variables, a, b)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, three(three.variables, a, b), rtol=1e-6)


def test_features_that_vanish_leave_the_gradient_finite():
    class Silent:
        def apply(self, variables, images, stages):
            return {stage: jax.nn.relu(images - 10) for stage in stages}

    import dataclasses

    features = dataclasses.replace(load_features(), net=Silent())
    distance = PerceptualDistance(features, stages=("stride4",))
    slope = jax.grad(lambda x: distance(None, x, x + 1).sum())(jnp.zeros((1, 8, 8, 3)))
    assert np.isfinite(slope).all()
