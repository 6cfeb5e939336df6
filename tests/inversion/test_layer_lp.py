"""One layer at a time: what the paper claims, and what of a solution can be checked without solving."""

import numpy as np
import pytest

from ganinv_jax.core.errors import InputError
from ganinv_jax.inversion import layer_lp
from ganinv_jax.models.mlp import AffineGenerator, Layer, random_mlp

NORMS = ("linf", "l1", "relaxed")


def case(sizes, seed, slope=0.0):
    generator = random_mlp(sizes, seed, slope)
    z = np.random.RandomState(1000 + seed).randn(sizes[0])
    return generator, z, generator(z)


def error(found, z):
    return np.linalg.norm(found.z - z) / np.linalg.norm(z)


@pytest.mark.parametrize("slope", [0.0, 0.1])
@pytest.mark.parametrize("norm", NORMS)
def test_exact_recovery(norm, slope):
    for sizes in ((5, 25, 80), (5, 25, 50, 120)):
        generator, z, outputs = case(sizes, 0, slope)
        found = layer_lp.invert(generator, outputs, 1e-9, norm=norm)
        # The relaxed program's solution is off by the bound, and each layer makes that more.
        assert error(found, z) < (1e-4 if norm == "relaxed" else 1e-5)
        first = generator.layers[0].weight @ z
        np.testing.assert_allclose(found.inputs[1], np.maximum(slope * first, first), atol=1e-4)
        assert len(found.inputs) == len(found.bounds) == len(sizes) - 1


@pytest.mark.slow
@pytest.mark.parametrize("norm", ("linf", "l1"))
def test_exact_recovery_of_the_papers_network(norm):
    for seed in range(20):
        generator, z, outputs = case((20, 100, 500), seed)
        assert error(layer_lp.invert(generator, outputs, norm=norm), z) < 1e-5


def test_a_relu_needs_twice_as_many_outputs_as_inputs_and_a_leaky_one_does_not():
    for inputs, slope, recovered in ((15, 0.0, True), (35, 0.0, False), (35, 0.1, True)):
        generator, z, outputs = case((inputs, 50, 160), 0, slope)
        assert (error(layer_lp.invert(generator, outputs), z) < 1e-5) == recovered


def test_biases_count():
    random = np.random.default_rng(0)
    layers = tuple(Layer(random.normal(size=(o, i)), random.normal(size=o)) for i, o in ((4, 30), (30, 100)))
    z = random.normal(size=4)
    for slope in (0.0, 0.2):
        generator = AffineGenerator(layers, slope)
        for norm in NORMS:
            assert error(layer_lp.invert(generator, generator(z), 1e-9, norm=norm), z) < 1e-5


@pytest.mark.parametrize("slope", [0.0, 0.1])
def test_what_is_found_explains_what_was_seen(slope):
    """Of one layer: no output deviates by more than the noise did, unless that took it past the ReLU."""
    generator, z, outputs = case((6, 60), 3, slope)
    noise = np.random.default_rng(0).uniform(-0.01, 0.01, 60)
    found = layer_lp.invert(generator, outputs + noise, 0.01)
    assert found.bounds == [0.01]
    positive = outputs > 0.02
    deviation = np.abs(generator(found.z) - outputs - noise)[positive].max()
    assert deviation <= 0.01 + 1e-9 and 0 < error(found, z) < 0.05


def test_the_error_is_as_large_as_the_noise():
    generator, z, outputs = case((6, 30, 100), 0)
    noise = np.random.default_rng(0).uniform(-1, 1, 100)
    for norm in NORMS:
        small, large = (error(layer_lp.invert(generator, outputs + e * noise, e, norm=norm), z) for e in (1e-5, 1e-3))
        assert 30 < large / small < 300


def test_a_bound_that_no_input_meets_grows():
    generator, z, outputs = case((6, 60), 0)
    noisy = outputs + np.random.default_rng(0).uniform(-0.01, 0.01, 60)
    found = layer_lp.invert(generator, noisy, 1e-4)
    growths = np.log(found.bounds[0] / 1e-4) / np.log(1.2)
    assert 1e-4 < found.bounds[0] < 0.012 and abs(growths - round(growths)) < 1e-6
    nothing = np.random.default_rng(1).normal(size=60)
    assert np.isfinite(layer_lp.invert(generator, nothing).z).all()


def test_some_outputs_are_enough():
    generator, z, outputs = case((4, 20, 200), 0)
    known = np.random.default_rng(0).permutation(200) < 80
    assert error(layer_lp.invert(generator, np.where(known, outputs, np.nan), known=known), z) < 1e-5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"norm": "l2"}, "norm must be one of linf, l1, relaxed"),
        ({"noise": 0.0}, "noise must be above 0"),
        ({"outputs": np.ones(3)}, r"Outputs must be \[8\]"),
        ({"known": np.ones(3, bool)}, r"Outputs must be \[8\]"),
        ({"known": np.zeros(8, bool)}, "known must name some"),
    ],
)
def test_bad_input(options, message):
    with pytest.raises(InputError, match=message):
        layer_lp.invert(**{"generator": random_mlp((2, 8), 0), "outputs": np.ones(8), **options})
