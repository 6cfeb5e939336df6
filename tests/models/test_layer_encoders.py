"""Layer encoders and factor networks: shapes, what they give as initialised, and what fits a generator."""

import jax
import numpy as np
import pytest
from model_folders import SIDE, tiny_generator

from ganinv_jax.core.errors import InputError
from ganinv_jax.models.layerwise import FactorNetworks, LayerEncoders, LayerEncodersConfig, layer_encoders
from ganinv_jax.models.layerwise.encoders import measured

OPTIONS = layer_encoders(tiny_generator(), 8, {"hidden": 4, "picture_max": 4})


@pytest.fixture(scope="module")
def variables():
    """As initialised, with means and deviations of random features."""
    rng = np.random.default_rng(0)
    found = LayerEncoders(OPTIONS).init(jax.random.key(0), np.zeros((1, SIDE, SIDE, 3)))
    features = {4: rng.normal(2, 3, (50, 4, 4, 8)), 8: rng.normal(1, 2, (50, 8, 8, 8))}
    return {"params": found["params"], "buffers": measured(found["buffers"], features, rng.normal(size=(50, 5)))}


def test_the_rows_of_a_block_are_those_of_its_convolutions():
    assert OPTIONS.blocks == (4, 8) and OPTIONS.rows == (1, 2, 3)
    assert LayerEncodersConfig(64, 5, (4, 4, 4)).rows == (1, 2, 2, 5)


def test_as_initialised_everything_is_at_its_mean(variables):
    encoders, pictures = LayerEncoders(OPTIONS), np.random.default_rng(1).normal(size=(2, SIDE, SIDE, 3))
    buffers = variables["buffers"]
    x, late = encoders.apply(variables, pictures, method="read")
    before, w = encoders.apply(variables, 8, x, method="invert")
    nothing, _ = encoders.apply(variables, 4, before, method="invert")
    for found, mean in ((x, "mean8"), (before, "mean4"), (late, "mean_w"), (w, "mean_w")):
        np.testing.assert_array_equal(found, np.broadcast_to(buffers[mean], found.shape))
    assert nothing is None and encoders.apply(variables, pictures).shape == (2, 6, 5)


def test_deviations_are_over_pictures(variables):
    np.testing.assert_allclose(variables["buffers"]["deviation4"], 3, rtol=0.05)
    np.testing.assert_allclose(variables["buffers"]["mean8"], 1, atol=1.5)


def test_factors_are_nothing_as_initialised_and_wherever_they_are_asked_for():
    networks, noise = FactorNetworks(((4, 3), (16, 2))), np.random.default_rng(0).normal(size=(1, 16, 16, 32))
    found = networks.apply(networks.init(jax.random.key(0), noise), noise)
    assert {resolution: x.shape for resolution, x in found.items()} == {16: (1, 16, 16, 2), 4: (1, 4, 4, 3)}
    assert not any(np.any(x) for x in found.values())


@pytest.mark.parametrize("middle", [2, SIDE, 12])
def test_middles_that_there_are_not(middle):
    with pytest.raises(InputError, match=r"middle must be one of \(4, 8\)"):
        layer_encoders(tiny_generator(), middle)


def test_bad_options():
    with pytest.raises(InputError, match="channels must name blocks from 4 up to 8 at most"):
        LayerEncodersConfig(SIDE, 5, (8, 8, 6))
    with pytest.raises(InputError, match="hidden must be positive"):
        LayerEncodersConfig(SIDE, 5, (8,), hidden=0)
