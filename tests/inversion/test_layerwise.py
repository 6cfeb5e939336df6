"""Residuals and factors inside of the generator: what changes nothing, what is optimised, what sets methods apart."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from model_folders import tiny_generator, tiny_model

from ganinv_jax.core.errors import InputError
from ganinv_jax.inversion import METHODS
from ganinv_jax.inversion.drawing import draw, factors_of
from ganinv_jax.inversion.networks import Frozen, Networks
from ganinv_jax.inversion.schedule import Adam, Constant, Look, Milestones
from ganinv_jax.models.layerwise import FactorNetworks
from ganinv_jax.models.layerwise.factors import CHANNELS
from ganinv_jax.pipelines import Model

NEAR = Look(stages=("stride4",))  # a few layers of the network, so that little has to be compiled


@pytest.fixture(scope="module")
def model():
    return Model(*tiny_model(False), "plain")


@pytest.fixture(scope="module")
def photo():
    ramp = np.linspace(40, 215, 16)
    return np.stack([np.tile(ramp, (16, 1)), np.tile(ramp[:, None], (1, 16)), np.full((16, 16), 90)], -1).astype(
        np.uint8
    )


@pytest.fixture(scope="module")
def ws(model):
    return model.map(np.random.default_rng(0).normal(size=(1, 6)))[0]


def _drawn(model, ws, **changes):
    network = model.network("generator")
    networks = Networks(network.module)
    return np.asarray(jax.jit(draw, static_argnums=0)(networks, Frozen(network.variables), {"ws": ws, **changes})[0])


def test_official_numbers():
    """optimize_residuals.py of davidbau/ganseeing, and the adaptation's steps and penalty."""
    (stage,) = METHODS["layerwise"]().stages
    rates = [float(stage.optimiser.rate(jnp.float32(step) / 3000)) for step in (0, 799, 800, 1199, 1200, 1799, 1800)]
    np.testing.assert_allclose(rates, [0.01, 0.01, 0.005, 0.005, 0.0025, 0.0025, 0.00125])
    assert isinstance(stage.optimiser.rate, Milestones) and stage.active == ("residuals",)
    (stage,) = METHODS["photo-manipulation"]().stages
    assert stage.active == ("factor_networks",) and stage.optimiser == Adam(Constant(0.01))


@pytest.mark.parametrize("name", ["residuals", "factors"])
def test_zeros_change_nothing(model, ws, name):
    zeros = {"b4": np.zeros((4, 4, 8), np.float32), "b16": np.zeros((16, 16, 6), np.float32)}
    np.testing.assert_allclose(_drawn(model, ws, **{name: zeros}), model.synthesize(ws[None]), atol=1e-5)


def test_residuals_are_in_units_of_what_they_are_added_to_and_factors_multiply(model, ws):
    """As the synthesis network draws them, injected by hand."""
    network, rng = model.network("generator"), np.random.default_rng(1)
    residual, factors = rng.normal(size=(8, 8, 8)).astype(np.float32), rng.normal(size=(8, 8, 8)).astype(np.float32)

    def change(x):
        return (x + residual * jnp.sqrt(jnp.mean(x**2))) * (1 + factors)

    wanted = network.module.apply(network.variables, ws[None], inject={(8, "conv1"): change}, method="synthesize")
    found = _drawn(model, ws, residuals={"b8": residual}, factors={"b8": factors})
    np.testing.assert_allclose(found, wanted, atol=1e-5)


class TestLayerwise:
    @pytest.fixture(scope="class")
    def found(self, model, photo):
        return model.invert(photo, method="layerwise", start="mean", steps=60, look=NEAR)

    def test_residuals_lower_the_error_of_their_start(self, model, found):
        np.testing.assert_allclose(found.ws[0], found.ws[:, 0].repeat(6, axis=0), atol=1e-6)
        for name in ("l1", "perceptual"):
            assert found.losses[name][-1, 0] < 0.9 * found.losses[name][0, 0]
        assert found.losses["residuals"][0, 0] == 0
        assert {name: x.shape[1:] for name, x in found.variables["residuals"].items()} == {
            "b4": (4, 4, 8),
            "b8": (8, 8, 8),
        }

    def test_the_first_error_is_that_of_the_code(self, model, photo, found):
        start = np.asarray(model.synthesize(found.ws))[0]
        error = np.abs(start - (photo / 127.5 - 1)).mean()
        np.testing.assert_allclose(found.losses["l1"][0, 0], error, rtol=1e-3)

    def test_the_penalty_holds_residuals_small(self, model, photo, found):
        free = model.invert(photo, method="layerwise", start="mean", steps=60, look=NEAR, penalty=0.0)
        assert "residuals" not in free.losses
        assert _squares(free.variables["residuals"]) > 1.02 * _squares(found.variables["residuals"])

    def test_the_last_block_with_a_residual(self, model, photo):
        one = model.invert(photo, method="layerwise", start="mean", steps=1, look=NEAR, layer=4)
        assert set(one.variables["residuals"]) == {"b4"}
        with pytest.raises(InputError, match="layer must be one of"):
            model.invert(photo, method="layerwise", start="mean", steps=1, look=NEAR, layer=16)


class TestPhotoManipulation:
    @pytest.fixture(scope="class")
    def found(self, model, photo):
        return model.invert(photo, method="photo-manipulation", start="mean", steps=60)

    def test_late_layers_adapt_to_the_photo_and_early_ones_stay(self, found):
        assert found.losses["l1"][-1, 0] < 0.7 * found.losses["l1"][0, 0]
        assert {name for name in found.variables["factor_networks"] if name[:7] == "factors"} == {
            "factors8",
            "factors16",
        }
        assert found.losses["factors"][0, 0] == 0

    def test_the_first_picture_is_the_codes_own(self, model, photo, found):
        error = np.abs(np.asarray(model.synthesize(found.ws))[0] - (photo / 127.5 - 1)).mean()
        np.testing.assert_allclose(found.losses["l1"][0, 0], error, rtol=1e-3)

    def test_factors_apart_are_variables_and_the_penalty_holds_them_small(self, model, photo):
        held, free = (
            model.invert(photo, method="photo-manipulation", start="mean", steps=60, networks=False, penalty=penalty)
            for penalty in (0.1, 0.0)
        )
        assert {name: x.shape[1:] for name, x in held.variables["factors"].items()} == {
            "b8": (8, 8, 8),
            "b16": (16, 16, 6),
        }
        assert held.losses["l1"][-1, 0] < held.losses["l1"][0, 0] and "factors" not in free.losses
        assert _squares(free.variables["factors"]) > 1.02 * _squares(held.variables["factors"])

    def test_the_penalty_is_the_mean_square_of_what_the_networks_make(self, model, found):
        made = factors_of(model.config, jax.tree.map(lambda x: x[0], found.variables))
        assert set(made) == {"b8", "b16"}
        squares = sum(float(np.mean(np.square(x))) for x in made.values())
        np.testing.assert_allclose(found.losses["factors"][-1, 0], 0.1 * squares, rtol=0.3)  # a step before

    def test_only_what_is_seen_is_asked_for(self, model, photo):
        """What the photo shows in the hole changes no bit, and what it shows outside does."""
        hole = np.zeros((16, 16), bool)
        hole[4:12, 4:12] = True
        options = {"method": "photo-manipulation", "start": "mean", "task": "inpainting", "hole": hole, "steps": 5}
        inside, outside = photo.copy(), photo.copy()
        inside[hole], outside[~hole] = 255 - photo[hole], 255 - photo[~hole]
        first, same, other = (model.invert(one, **options).images for one in (photo, inside, outside))
        np.testing.assert_array_equal(first, same)
        assert np.abs(first.astype(int) - other).max() > 0

    @pytest.mark.parametrize("exact", [16, 5])
    def test_blocks_that_there_are(self, model, photo, exact):
        with pytest.raises(InputError, match=r"exact must be one of \(0, 4, 8\)"):
            model.invert(photo, method="photo-manipulation", start="mean", steps=1, exact=exact)


@pytest.mark.parametrize("name", ["layerwise", "photo-manipulation"])
def test_bad_starts(name):
    with pytest.raises(InputError, match="start must be one of layers, encoder, mean"):
        METHODS[name](start="end")


def _squares(tree) -> float:
    return sum(float(np.mean(np.square(x))) for x in jax.tree.leaves(tree))


def test_factors_and_networks_of_factors_act_together():
    """An inversion with factors of one kind may be adapted by the other."""
    config, random = tiny_generator(resolution=8, synthesis={"channels": [6, 6]}), np.random.default_rng(0)
    noise = random.normal(size=(8, 8, CHANNELS)).astype(np.float32)
    shapes = jax.eval_shape(FactorNetworks(((8, 6),)).init, jax.random.key(0), noise[None])["params"]
    params = jax.tree.map(lambda x: random.normal(scale=0.1, size=x.shape).astype(np.float32), shapes)
    given = {"factors": {"b4": np.ones((4, 4, 6)), "b8": random.normal(size=(8, 8, 6))}}
    networks = {"factor_networks": params, "factor_noise": noise}
    alone, both = factors_of(config, networks), factors_of(config, given | networks)
    assert np.ptp(alone["b8"]) > 0.01 and both.keys() == {"b4", "b8"}
    np.testing.assert_array_equal(both["b4"], 1)
    np.testing.assert_allclose(1 + both["b8"], (1 + given["factors"]["b8"]) * (1 + alone["b8"]), rtol=1e-5, atol=1e-6)
