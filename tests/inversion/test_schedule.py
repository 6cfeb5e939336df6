"""Schedules, rules and the noise term against their formulas."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganinv_jax.core.errors import InputError
from ganinv_jax.inversion import METHODS
from ganinv_jax.inversion.schedule import Clip, Perturbation, Ramps, normalize_noise
from ganinv_jax.inversion.terms import noise_correlation


def test_the_projectors_ramps():
    """Values of the official schedule, of base rate 0.1, at these shares of the steps."""
    rates = [float(Ramps(0.1)(jnp.float32(t))) for t in (0, 0.025, 0.05, 0.5, 0.875)]
    np.testing.assert_allclose(rates, [0, 0.05, 0.1, 0.1, 0.05], atol=1e-7)


@pytest.mark.parametrize(("progress", "factor"), [(0.0, 1.0), (0.375, 0.25), (0.75, 0.0), (0.9, 0.0)])
def test_the_perturbation_falls_to_nothing(progress, factor):
    noisy = Perturbation("w")({"w": jnp.zeros(20_000)}, 3.0, jnp.float32(progress), jax.random.key(0))["w"]
    np.testing.assert_allclose(np.std(noisy), 0.05 * 3 * factor, rtol=0.03, atol=1e-6)


def test_noise_maps_are_normalised():
    maps = {
        "b8": 3 + 2 * jax.random.normal(jax.random.key(0), (8, 8)),
        "b4": jax.random.normal(jax.random.key(1), (4, 4)),
    }
    for noise in normalize_noise({"noise": maps}, jax.random.key(0))["noise"].values():
        assert abs(float(noise.mean())) < 1e-6
        np.testing.assert_allclose(np.mean(np.square(noise)), 1, rtol=1e-5)


def test_clipping():
    z = jnp.array([0.5, -4.0, 9.0, -2.9] * 500)
    stray = np.abs(z) > 3
    hard = np.asarray(Clip(3.0, "hard")({"z": z}, jax.random.key(0))["z"])
    np.testing.assert_array_equal(hard, np.clip(z, -3, 3))
    for how, deviation in (("uniform", 3 / 3**0.5), ("normal", 0.9866)):
        drawn = np.asarray(Clip(3.0, how)({"z": z}, jax.random.key(0))["z"])
        np.testing.assert_array_equal(drawn[~stray], z[~stray])
        assert np.abs(drawn[stray]).max() < 3
        np.testing.assert_allclose(drawn[stray].std(), deviation, rtol=0.05)


def test_the_noise_term_against_sums_in_numpy():
    noise = np.random.default_rng(0).normal(size=(32, 32)).astype(np.float32)
    expected, level = 0.0, noise.astype(np.float64)
    while True:
        expected += (level * np.roll(level, 1, 0)).mean() ** 2 + (level * np.roll(level, 1, 1)).mean() ** 2
        if len(level) == 8:
            break
        level = sum(level[i::2, j::2] for i in (0, 1) for j in (0, 1)) / 4
    np.testing.assert_allclose(noise_correlation(jnp.asarray(noise)), expected, rtol=1e-4)


def test_steps_are_shared_out_as_the_official_ones_are():
    pti = METHODS["pti"]()
    assert [stage.steps for stage in pti.scaled(80).stages] == [45, 35]
    assert [stage.steps for stage in pti.scaled(2).stages] == [1, 1]
    assert sum(stage.steps for stage in pti.scaled(101).stages) == 101
    with pytest.raises(InputError, match="steps must be at least 2"):
        pti.scaled(1)
