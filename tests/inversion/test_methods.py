"""Every method: the official numbers, and that what sets it apart matters."""

import jax.numpy as jnp
import numpy as np
import pytest
from model_folders import tiny_model

from ganinv_jax.core.errors import InputError
from ganinv_jax.inversion import METHODS
from ganinv_jax.inversion.lbfgs import LBFGS
from ganinv_jax.inversion.methods.mganprior import Composition
from ganinv_jax.inversion.networks import Frozen, Networks
from ganinv_jax.inversion.schedule import (
    Adam,
    Clip,
    Constant,
    GradientDescent,
    Look,
    Milestones,
    Perturbation,
    Ramps,
)
from ganinv_jax.pipelines import Model

NEAR = Look(stages=("stride4",))  # a few layers of the network, so that little has to be compiled


@pytest.fixture(scope="module")
def small():
    """A generator of 8 pixels, without encoder."""
    return Model(*tiny_model(False, resolution=8, synthesis={"channels": [6, 6]}), "small")


@pytest.fixture(scope="module")
def whole():
    """A generator of 16 pixels with an encoder."""
    return Model(*tiny_model(), "whole")


@pytest.fixture(scope="module")
def photo():
    """Nothing that a generator of random weights draws: a smooth gradient."""
    ramp = np.linspace(40, 215, 16)
    return np.stack([np.tile(ramp, (16, 1)), np.tile(ramp[:, None], (1, 16)), np.full((16, 16), 90)], -1).astype(
        np.uint8
    )


# name: (optimiser, steps, weights) of each stage. Sources: the methods' docstrings.
OFFICIAL = {
    "encoder": [],
    "projector": [(Adam(Ramps(0.1, 0.05, 0.25)), 1000, {"perceptual": 1, "noise": 1e5})],
    "image2stylegan": [(Adam(Constant(0.01)), 5000, {"mse": 1, "perceptual": 1})],
    "image2stylegan++": [
        (Adam(Constant(0.01)), 5000, {"mse": 1, "perceptual": 1}),
        (Adam(Constant(0.1)), 3000, {"mse": 1}),
    ],
    "mganprior": [(Adam(Constant(0.05)), 3000, {"mse": 1, "perceptual": 1})],
    "idinvert": [(Adam(Constant(0.01)), 100, {"mse": 1, "perceptual": 0.1, "domain": 2})],
    "pti": [
        (Adam(Ramps(0.01, 0.05, 0.25)), 450, {"perceptual": 1, "noise": 1e5}),
        (Adam(Constant(3e-4)), 350, {"mse": 1, "perceptual": 1}),
    ],
    "csgm": [(Adam(Constant(0.1)), 500, {"squares": 1, "prior": 0.001})],
    "partial": [(Adam(Constant(0.01)), 1000, {"squares": 1})],
    "lipton": [(GradientDescent(Constant(0.001)), 5000, {"squares": 1})],
    "igan": [(LBFGS(1e-6, 10), 200, {"mse": 1, "perceptual": 0.1})],
    "creswell": [(Adam(Constant(0.01)), 5000, {"bce": 1, "prior": 0.005})],
    "layerwise": [
        (
            Adam(Milestones(0.01, 0.5, (800 / 3000, 1200 / 3000, 1800 / 3000))),
            3000,
            {"l1": 1, "perceptual": 1, "residuals": 1},
        )
    ],
    "photo-manipulation": [(Adam(Constant(0.01)), 1000, {"l1": 1, "factors": 0.1})],
}


@pytest.mark.parametrize("name", METHODS)
def test_official_numbers(name):
    method = METHODS[name]()
    found = [(s.optimiser, s.steps, {t.name: t.weight for t in s.terms}) for s in method.stages]
    assert found == OFFICIAL[name]


@pytest.mark.parametrize(
    ("task", "steps", "weights"),
    [
        ("inpainting", (200, 1000), ({"mse": 1, "perceptual": 1}, {"kept": 1, "held": 1})),
        ("scribble", (200, 1000), ({"mse": 1, "perceptual": 1}, {"kept": 1, "held": 1})),
        ("crossover", (5000, 1000), ({"mse": 1, "perceptual": 1, "style": 20}, {"mse": 1})),
        ("colorization", (5000, 3000), ({"mse": 1, "perceptual": 1}, {"mse": 1})),
    ],
)
def test_official_numbers_of_image2stylegan_plus_by_task(task, steps, weights):
    stages = METHODS["image2stylegan++"](task=task).stages
    assert tuple(stage.steps for stage in stages) == steps
    assert tuple({term.name: term.weight for term in stage.terms} for stage in stages) == weights
    assert [stage.active for stage in stages] == [("ws",), ("noise",)]


def test_more_official_numbers():
    assert METHODS["mganprior"](optimiser="sgd").stages[0].optimiser == GradientDescent(Constant(1.0))
    assert METHODS["projector"]().stages[0].perturbation == Perturbation("w", 0.05, 0.75)
    assert METHODS["csgm"]().restarts == 2
    assert METHODS["lipton"]().stages[0].after == (Clip(3.0, "normal"),)
    assert METHODS["pti"](locality=0.1).stages[1].terms[-1].reach == 30


def test_encoder_reads_once(whole, photo):
    found = whole.invert(photo, method="encoder")
    np.testing.assert_allclose(found.ws, whole.encode(np.float32(photo[None] / 127.5 - 1)), rtol=1e-4, atol=1e-4)
    assert found.losses["total"].shape == (0, 1)


def test_projector_has_one_w_and_normal_noise(small, photo):
    found = small.invert(photo, method="projector", steps=20, look=NEAR)
    np.testing.assert_array_equal(found.ws, np.repeat(found.variables["w"][:, None], 4, axis=1))
    maps = [np.asarray(block[name]["noise_const"]) for block in found.variables["noise"].values() for name in block]
    assert len(maps) == 3
    for noise in maps:
        assert abs(noise.mean()) < 1e-5
        np.testing.assert_allclose(np.mean(noise**2), 1, rtol=1e-4)
    assert found.losses["noise"][-1, 0] < 0.5 * found.losses["noise"][0, 0]
    rows = small.invert(photo, method="projector", steps=20, look=NEAR, space="w+").ws[0]
    assert np.abs(rows - rows[0]).max() > 1e-3


def test_image2stylegan_takes_rows_apart_and_looks(small, photo):
    """A code a row, and of the two terms each falls."""
    found = small.invert(photo, method="image2stylegan", steps=20, look=NEAR)
    assert np.abs(found.ws[0] - found.ws[0, 0]).max() > 0.05
    for name in ("mse", "perceptual"):
        assert found.losses[name][-1, 0] < found.losses[name][0, 0]


def test_image2stylegan_plus_finds_noise_for_the_code_that_is_found(small, photo):
    both = small.invert(photo, method="image2stylegan++", steps=32, look=NEAR)
    first = small.invert(photo, method="image2stylegan", steps=20, look=NEAR)
    np.testing.assert_allclose(both.ws, first.ws, atol=1e-5)
    assert np.isnan(both.losses["perceptual"][20:]).all()
    assert both.losses["mse"][-1, 0] < both.losses["mse"][20, 0] < both.losses["mse"][0, 0]


class TestMganprior:
    def compose(self, model, z, channels):
        network = model.network("generator")
        variables = {"z_codes": jnp.asarray(z), "channels": jnp.asarray(channels)}
        drawn = Composition(4)(Networks(network.module), Frozen(network.variables), variables)
        return np.asarray(drawn.images[0]), np.asarray(drawn.ws)

    def test_one_code_is_the_plain_picture(self, small):
        z = np.random.default_rng(0).normal(size=(1, 6)).astype(np.float32)
        ws = small.map(z)
        images, found = self.compose(small, z, np.ones((1, 6), np.float32))
        np.testing.assert_allclose(images, small.synthesize(ws)[0], atol=1e-5)
        np.testing.assert_allclose(found, ws[0], atol=1e-6)

    def test_the_average_of_equal_codes_is_their_picture(self, small):
        """A second division by N would leave a third of the features."""
        z = np.random.default_rng(0).normal(size=(1, 6)).astype(np.float32)
        images, _ = self.compose(small, np.repeat(z, 3, axis=0), np.full((3, 6), 1 / 3, np.float32))
        np.testing.assert_allclose(images, small.synthesize(small.map(z))[0], atol=1e-5)

    def test_codes_and_channels_matter(self, small, photo):
        def error(**options):
            found = small.invert(photo, method="mganprior", steps=40, layer=4, perceptual=0.0, **options)
            return found.losses["mse"][-1, 0], found.variables["channels"]

        (full, channels), (plain, fixed), (one, _) = error(codes=8), error(codes=8, importance=False), error(codes=1)
        assert full < plain and full < one
        np.testing.assert_allclose(fixed, 1 / 8)
        assert np.abs(channels - 1 / 8).max() > 0.1

    @pytest.mark.parametrize(
        ("task", "codes", "layer", "perceptual", "steps"),
        [
            ("inversion", 20, 16, 1.0, 3000),
            ("inpainting", 20, 8, 0.1, 3000),
            ("colorization", 20, 16, 1.0, 1500),
            ("super-resolution", 20, 16, 1.0, 2000),
            ("denoising", 10, 16, 1.0, 3000),
        ],
    )
    def test_official_numbers_of_tasks(self, task, codes, layer, perceptual, steps):
        method = METHODS["mganprior"](task=task)
        assert (method.draw.usual, dict(method.start)["z_codes"].count) == (layer, codes)
        assert (method.stages[0].terms[1].weight, method.stages[0].steps) == (perceptual, steps)
        given = METHODS["mganprior"](task=task, codes=3, perceptual=0.5, layer=4)
        assert (given.draw.layer, dict(given.start)["z_codes"].count, given.stages[0].terms[1].weight) == (4, 3, 0.5)

    def test_a_task_is_told_by_name_and_its_layer_fits_the_generator(self, small, photo):
        """A generator of 8 pixels composes at 4, whatever the task."""
        found = small.invert(photo, method="mganprior", task="denoising", steps=2, look=NEAR)
        assert found.state.composed == 4 and found.variables["z_codes"].shape == (1, 10, 6)
        wide = tiny_model(False, resolution=32, synthesis={"channels": [4, 4, 4, 4]})
        assert Composition(None, 8).composed(Model(*wide, "wide").config) == 8

    def test_layers_that_there_are(self, small, photo):
        with pytest.raises(InputError, match="layer must be one of"):
            small.invert(photo, method="mganprior", steps=1, layer=16)


@pytest.mark.slow
def test_idinvert_keeps_the_code_where_the_encoder_reads_it(whole, photo):
    def gap(ws):
        return np.mean((ws - whole.encode(whole.synthesize(ws))) ** 2)

    free, held = (
        whole.invert(photo, method="idinvert", steps=20, domain=domain, look=NEAR).ws for domain in (0.0, 2.0)
    )
    assert gap(held) < 0.9 * gap(free)


class TestPti:
    @pytest.fixture(scope="class")
    def tuned(self, small, photo):
        return small.invert(photo, method="pti", steps=40, look=NEAR)

    def test_weights_come_after_the_pivot(self, small, tuned):
        steps = np.flatnonzero(~np.isnan(tuned.losses["mse"][:, 0]))
        assert steps[0] == 22 and len(steps) == 18
        assert set(tuned.variables) == {"w", "weights"}
        assert tuned.losses["mse"][-1, 0] < tuned.losses["mse"][22, 0]

    def test_the_picture_is_the_tuned_generators(self, small, tuned):
        config, arrays = tiny_model(False, resolution=8, synthesis={"channels": [6, 6]})
        weights = {name: value for name, value in tuned.variables["weights"].items()}
        arrays["generator"]["params"]["synthesis"] = _row(weights)
        drawn = Model(config, arrays, "tuned").synthesize(tuned.ws)
        np.testing.assert_array_equal(np.uint8(np.clip(np.asarray(drawn) * 127.5 + 128, 0, 255)), tuned.images)

    def test_locality_keeps_other_pictures(self, small, photo, tuned):
        local = small.invert(photo, method="pti", steps=40, look=NEAR, locality=10.0)
        before = small.network("generator").variables["params"]["synthesis"]

        def moved(found):
            pairs = zip(_leaves(_row(found.variables["weights"])), _leaves(before), strict=True)
            return sum(float(np.sum((np.asarray(a) - np.asarray(b)) ** 2)) for a, b in pairs)

        assert "locality" in local.losses and moved(local) < moved(tuned)


def test_csgms_prior_draws_z_to_zero(small, photo):
    free, drawn = (
        np.linalg.norm(small.invert(photo, method="csgm", steps=30, prior=p).variables["z"]) for p in (0.0, 30.0)
    )
    assert drawn < 0.5 * free


def test_creswells_prior_draws_z_to_zero(small, photo):
    free, drawn = (
        np.linalg.norm(small.invert(photo, method="creswell", steps=60, beta=b).variables["z"]) for b in (0.0, 30.0)
    )
    assert drawn < 0.8 * free


class TestIgan:
    def test_it_stays_within_bounds(self, small, photo):
        found = small.invert(photo, method="igan", steps=20, bound=0.5, perceptual=0.0)
        z = 0.5 * np.tanh(found.variables["u"] / 0.5)
        assert 0.45 < np.abs(z).max() <= 0.5
        np.testing.assert_allclose(found.ws, small.map(z), atol=1e-4)

    @pytest.mark.slow
    def test_the_features_matter(self, small, photo):
        seen = small.invert(photo, method="igan", steps=10, look=NEAR, perceptual=1.0)
        blind = small.invert(photo, method="igan", steps=10, perceptual=0.0)
        assert np.abs(seen.ws - blind.ws).max() > 0.01
        assert {"mse", "perceptual"} <= seen.losses.keys() and "perceptual" not in blind.losses

    @pytest.mark.slow
    def test_the_encoder_is_the_start_where_there_is_one(self, whole, photo):
        """Its mean row, unless that lies beyond the bound."""
        found = whole.invert(photo, method="igan", steps=1, perceptual=0.0, bound=100.0)
        read = whole.encode(np.float32(photo[None] / 127.5 - 1)).mean(axis=1, keepdims=True)
        start = np.asarray(whole.synthesize(np.repeat(read, 6, axis=1)))
        mse = np.mean((start - np.float32(photo / 127.5 - 1)) ** 2)
        np.testing.assert_allclose(found.losses["mse"][0, 0], mse, rtol=1e-3)
        other = whole.invert(photo, method="igan", steps=1, perceptual=0.0, start="random")
        assert abs(other.losses["mse"][0, 0] - mse) > 1e-3

    def test_a_model_without_encoder(self, small, photo):
        auto, random = (
            small.invert(photo, method="igan", steps=1, perceptual=0.0, start=s) for s in ("auto", "random")
        )
        np.testing.assert_array_equal(auto.ws, random.ws)
        with pytest.raises(InputError, match="small cannot inpaint or encode yet"):
            small.invert(photo, method="igan", steps=1, start="encoder")


@pytest.mark.parametrize(("clipping", "inside"), [("stochastic", True), ("hard", True), ("none", False)])
def test_liptons_clipping(small, photo, clipping, inside):
    z = np.abs(small.invert(photo, method="lipton", steps=20, clipping=clipping, rate=1.0).variables["z"])
    assert (z.max() <= 3) == inside
    assert (z == 3).any() == (clipping == "hard")


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("projector", {"space": "z"}, "space must be w or"),
        ("projector", {"start": "end"}, "start must be one of mean, best, encoder, given in w"),
        ("image2stylegan", {"start": "end"}, "start must be one of"),
        ("idinvert", {"start": "end"}, "start must be encoder, mean or given"),
        ("pti", {"start": "end"}, "start must be one of"),
        ("igan", {"start": "end"}, "start must be one of auto, encoder"),
        ("igan", {"bound": 0.0}, "bound must be positive"),
        ("image2stylegan", {"space": "s"}, "space must be w., w or z"),
        ("image2stylegan", {"space": "z", "start": "encoder"}, "start must be one of mean in z"),
        ("mganprior", {"codes": 0}, "codes must be at least 1"),
        ("mganprior", {"optimiser": "lbfgs"}, "optimiser must be adam or sgd"),
        ("lipton", {"clipping": "soft"}, "clipping must be stochastic"),
        ("csgm", {"restarts": 0}, "restarts must be at least 1"),
    ],
)
def test_bad_options(name, options, message):
    with pytest.raises(InputError, match=message):
        METHODS[name](**options)


def _row(tree):
    return {name: _row(x) if isinstance(x, dict) else np.asarray(x)[0] for name, x in tree.items()}


def _leaves(tree):
    return [leaf for _, x in sorted(tree.items()) for leaf in (_leaves(x) if isinstance(x, dict) else [x])]
