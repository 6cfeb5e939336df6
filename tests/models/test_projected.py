"""The projected discriminator: its layers against numpy, its variables' roles, and that it learns."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ganinv_jax.core.errors import InputError
from ganinv_jax.losses.hinge import discriminator_hinge
from ganinv_jax.models.projected import ProjectedConfig, ProjectedDiscriminator, init_variables
from ganinv_jax.models.projected.layers import BatchNorm, SpectralConv, Spread, enlarge, halving_conv

RNG = np.random.default_rng(0)
CONFIG = ProjectedConfig(size=64, stages=("stride4", "stride8"), channels=4, head_channels=(4, 6, 8))
IMAGES = jnp.asarray(RNG.uniform(-1, 1, (4, 32, 32, 3)), jnp.float32)


@pytest.fixture(scope="module")
def discriminator():
    return ProjectedDiscriminator(CONFIG)


@pytest.fixture(scope="module")
def variables(discriminator):
    return init_variables(discriminator, jax.random.key(0))


@pytest.fixture(scope="module")
def features(discriminator, variables):
    return jax.jit(functools.partial(discriminator.apply, method="extract"))(variables, IMAGES)


def without(variables, *collections):
    return {name: part for name, part in variables.items() if name not in collections}


def test_fresh_variables_have_the_shapes_of_init(discriminator, variables):
    shapes = jax.eval_shape(discriminator.init, jax.random.key(0), IMAGES)
    assert jax.tree.structure(shapes) == jax.tree.structure(variables)
    assert all(jax.tree.leaves(jax.tree.map(lambda a, b: a.shape == b.shape, shapes, variables)))
    other = init_variables(discriminator, jax.random.key(1))
    for mine, theirs in zip(*(jax.tree.leaves(v["frozen"]) for v in (variables, other)), strict=True):
        assert not np.array_equal(mine, theirs)


def test_features_lie_at_twice_the_stages_resolution(features):
    assert [x.shape for x in features] == [(4, 32, 32, 4), (4, 16, 16, 4)]


def test_mixing_goes_from_deep_to_shallow_alone(discriminator, variables, features):
    """What the deeper stage gives reaches the shallower one, and not the other way round."""
    extract = jax.jit(functools.partial(discriminator.apply, method="extract"))

    def without_mixing(stage):
        frozen = variables["frozen"]
        return extract({**variables, "frozen": frozen | {stage: jnp.zeros_like(frozen[stage])}}, IMAGES)

    shallow, deep = without_mixing("channels_stride8")
    np.testing.assert_array_equal(deep, 0)
    assert not np.allclose(shallow, features[0]) and np.abs(shallow).max() > 0
    shallow, deep = without_mixing("channels_stride4")
    np.testing.assert_array_equal(deep, features[1])
    assert not np.allclose(shallow, features[0]) and np.abs(shallow).max() > 0


def test_the_mixing_has_pytorchs_default_spread(variables):
    kernel = np.asarray(variables["frozen"]["scales_stride8"])
    bound = 1 / np.sqrt(3 * 3 * 8)
    assert kernel.shape == (3, 3, 8, 4)
    assert np.abs(kernel).max() < bound and np.std(kernel) == pytest.approx(bound / np.sqrt(3), rel=0.1)


def test_score_is_the_mean_over_heads_and_positions(discriminator, variables):
    logits = jax.jit(discriminator.apply)(variables, IMAGES)
    assert [x.shape for x in logits] == [(4, 1, 1), (4, 1, 1)]
    expected = np.mean([np.asarray(x).mean(axis=(1, 2)) for x in logits], axis=0)
    score = jax.jit(functools.partial(discriminator.apply, method="score"))
    np.testing.assert_allclose(score(variables, IMAGES), expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(score(variables, IMAGES[:1]), expected[:1], rtol=1e-4, atol=1e-5)


def test_the_generators_gradient_passes_through_the_features(discriminator, variables):
    """Along the gradient the score rises, as a central difference agrees."""
    score = jax.jit(lambda images: discriminator.apply(variables, images, method="score").sum())
    slope = jax.jit(jax.grad(score))(IMAGES)
    step = 1e-2 * slope / jnp.linalg.norm(slope)
    difference = (score(IMAGES + step) - score(IMAGES - step)) / 2
    np.testing.assert_allclose(jnp.vdot(slope, step), difference, rtol=0.05)


def test_training_moves_the_buffers_and_evaluation_does_not(discriminator, variables, features):
    def buffers(train):
        heads = functools.partial(discriminator.apply, train=train, method="heads", mutable=["buffers"])
        return jax.tree.leaves(jax.jit(heads)(variables, features)[1])

    before = jax.tree.leaves(variables["buffers"])
    for old, same, new in zip(before, buffers(train=False), buffers(train=True), strict=True):
        np.testing.assert_array_equal(old, same)
        assert old.size == 1 or not np.array_equal(old, new)
    frozen = jax.jit(functools.partial(discriminator.apply, train=True, method="heads"))
    assert len(frozen(variables, features)) == 2  # without a mutable collection it runs too


def test_the_heads_learn_to_tell_two_kinds_of_features(discriminator, variables, features):
    fakes = [x + 0.3 * RNG.standard_normal(x.shape).astype(np.float32) for x in features]
    optimizer = optax.adam(2e-3, b1=0)

    def loss(params, buffers):
        heads = functools.partial(discriminator.apply, train=True, method="heads", mutable=["buffers"])
        others = without(variables, "params", "buffers")
        real, moved = heads({"params": params, **others, "buffers": buffers}, features)
        fake, moved = heads({"params": params, **others, **moved}, fakes)
        return discriminator_hinge(real, fake).mean(), moved["buffers"]

    @jax.jit
    def step(state):
        params, buffers, moments = state
        (value, buffers), slope = jax.value_and_grad(loss, has_aux=True)(params, buffers)
        updates, moments = optimizer.update(slope, moments)
        return (optax.apply_updates(params, updates), buffers, moments), value

    state = (variables["params"], variables["buffers"], optimizer.init(variables["params"]))
    losses = []
    for _ in range(60):
        state, value = step(state)
        losses.append(value)
    assert losses[0] > 1 and losses[-1] < 0.5


def test_spectral_conv_divides_by_the_largest_singular_value():
    layer = SpectralConv(5, 4, halve=True)
    x = jnp.asarray(RNG.standard_normal((2, 8, 8, 3)), jnp.float32)
    variables = layer.init(jax.random.key(0), x, train=True)
    for _ in range(100):
        y, moved = layer.apply(variables, x, train=True, mutable=["buffers"])
        variables = variables | moved
    kernel = np.asarray(variables["params"]["kernel"])
    sigma = np.linalg.svd(kernel.reshape(-1, 5), compute_uv=False)[0]
    np.testing.assert_allclose(y, halving_by_sums(x, kernel / sigma), atol=1e-4)
    np.testing.assert_allclose(layer.apply(variables, x, train=False), y, atol=1e-4)


def test_batch_norm_normalises_by_the_batch_and_remembers():
    layer = BatchNorm()
    x = (RNG.standard_normal((3, 4, 5, 2)) * [2, 5] + [1, -3]).astype(np.float32)
    variables = layer.init(jax.random.key(0), x, train=True)
    y, moved = layer.apply(variables, x, train=True, mutable=["buffers"])
    mean, variance = x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2))
    np.testing.assert_allclose(y, (x - mean) / np.sqrt(variance + 1e-5), atol=1e-5)
    np.testing.assert_allclose(moved["buffers"]["mean"], 0.1 * mean, rtol=1e-5)
    np.testing.assert_allclose(moved["buffers"]["variance"], 0.9 + 0.1 * variance * 60 / 59, rtol=1e-5)
    running = layer.apply(variables | moved, x, train=False)
    np.testing.assert_allclose(running, (x - 0.1 * mean) / np.sqrt(0.9 + 0.1 * variance * 60 / 59 + 1e-5), rtol=1e-4)


def halving_by_sums(x, kernel):
    padded = np.pad(np.asarray(x, np.float64), ((0, 0), (1, 1), (1, 1), (0, 0)))
    y = np.zeros((len(x), x.shape[1] // 2, x.shape[2] // 2, kernel.shape[-1]))
    for i, j in np.ndindex(y.shape[1:3]):
        y[:, i, j] = np.einsum("bijc,ijco->bo", padded[:, 2 * i : 2 * i + 4, 2 * j : 2 * j + 4], kernel)
    return y


@pytest.mark.parametrize("implementation", ["conv", "patches"])
@pytest.mark.parametrize("shape", [(4, 6), (7, 5)])
def test_halving_conv_is_the_textbook_sum(shape, implementation):
    x, kernel = RNG.standard_normal((2, *shape, 3)), RNG.standard_normal((4, 4, 3, 5))
    found = halving_conv(jnp.float32(x), jnp.float32(kernel), implementation)
    np.testing.assert_allclose(found, halving_by_sums(x, kernel), atol=1e-4)


@pytest.mark.parametrize("shape", [(6, 32, 32, 2), (4, 7, 5, 3)])
def test_gradients_of_halving_with_patches_are_the_convolutions(shape):
    """In batches large enough to be taken in groups, and at odd sizes; the second derivative too."""
    x, kernel = jnp.float32(RNG.standard_normal(shape)), jnp.float32(RNG.standard_normal((4, 4, shape[-1], 5)))

    def slopes(implementation):
        value = lambda x, kernel: jnp.sum(jnp.sin(halving_conv(x, kernel, implementation)))  # noqa: E731
        first = jax.grad(value, (0, 1))
        second = jax.grad(lambda x, kernel: sum(jnp.sum(jnp.cos(slope)) for slope in first(x, kernel)), (0, 1))
        return jax.jit(lambda x, kernel: (*first(x, kernel), *second(x, kernel)))(x, kernel)

    for found, expected in zip(slopes("patches"), slopes("conv"), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())


def test_spread_scores_how_much_a_group_differs():
    """Against NumPy: log deviations over neighbours, less their running average; 0 outside of training."""
    spread, x = Spread(group=2), RNG.standard_normal((6, 3, 5, 4)).astype(np.float32)
    x[2:4] *= 0.1
    variables = spread.init(jax.random.key(0), x, True)
    variables["buffers"]["mean"] = jnp.asarray([0.3, -0.2, 0.1, 0.0])
    scores, moved = spread.apply(variables, x, True, mutable="buffers")
    deviations = np.log(np.sqrt(x.reshape(3, 2, 3, 5, 4).astype(np.float64).var(axis=1).mean(axis=(1, 2))))
    kernel = np.asarray(variables["params"]["product"]["kernel"])[0, 0]
    expected = (deviations - np.asarray(variables["buffers"]["mean"])) @ (kernel / np.linalg.norm(kernel))
    np.testing.assert_allclose(scores, np.repeat(expected[:, 0], 2), rtol=1e-4)
    average = np.asarray(variables["buffers"]["mean"])
    average = average + 0.1 * (deviations.mean(axis=0) - average)
    np.testing.assert_allclose(moved["buffers"]["mean"], average, rtol=1e-4)
    np.testing.assert_array_equal(spread.apply(variables, x, False), np.zeros(6))
    with pytest.raises(ValueError, match="multiple of spread_group"):
        spread.apply(variables, x[:5], True, mutable="buffers")


def test_heads_with_spread_see_a_batch_of_likes(variables, features):
    """BatchNorm's statistics hide how far pictures of a batch differ; with `spread_group` every head is told."""
    discriminator = ProjectedDiscriminator(dataclasses.replace(CONFIG, spread_group=4))
    fresh = init_variables(discriminator, jax.random.key(0))
    assert {"head_stride4", "head_stride8"} == {name for name, head in fresh["params"].items() if "spread" in head}

    def logits(features):
        return discriminator.apply(fresh, features, train=True, method="heads", mutable="buffers")[0]

    for one, other in zip(logits(features), logits([0.5 * x for x in features]), strict=True):
        assert np.ptp(np.asarray(one - other)) < 1e-2 < np.abs(np.mean(one - other))


def test_enlarge_is_bilinear():
    x = jnp.asarray(RNG.standard_normal((2, 3, 5, 4)), jnp.float32)
    np.testing.assert_allclose(enlarge(x), jax.image.resize(x, (2, 6, 10, 4), "linear"), atol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 100}, "size must be a multiple of 32"),
        ({"mixing_kernel": 2}, "mixing_kernel must be odd"),
        ({"head_channels": (8,)}, "head_channels must have a width"),
        ({"channels": 0}, "channels must be positive"),
        ({"spread_group": 1}, "spread_group must be 0 or at least 2"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        ProjectedConfig(**options)
