"""Energy in the GAN task: which pictures are compared, and through what."""

import jax
import numpy as np
import pytest
from PIL import Image

from ganinv_jax.core.configs import from_dict
from ganinv_jax.core.errors import InputError
from ganinv_jax.core.images import to_float
from ganinv_jax.losses.energy import energy_distance
from ganinv_jax.models.features import load_features
from ganinv_jax.training.tasks.gan import GanConfig, GanTask
from ganinv_jax.training.tasks.gan.energy import Energy, EnergyConfig

RNG = np.random.default_rng(0)
ENERGY = {"stages": ["stride4", "stride8"], "size": 32, "weight": 3.0}
ANCHORS = {"components": 3, "code_size": 4, "pixels_size": 4, "perceptual_size": 32, "stage": "stride4"}
TINY = {
    "batch_size": 8,
    "generator": {"resolution": 8, "z_dim": 6, "w_dim": 6, "synthesis": {"channels": [8, 6]}},
    "stylegan2": {"network": {"resolution": 8, "channels": [8, 6]}, "r1_gamma": 0.0, "augment": None},
    "energy": ENERGY,
}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for i in range(8):
        Image.fromarray(RNG.integers(0, 256, (8, 8, 3), np.uint8)).save(folder / f"{i}.png")
    return str(folder)


def _config(pictures, **changes) -> GanConfig:
    return from_dict(GanConfig, TINY | {"data": {"source": pictures}} | changes)


def test_the_loss_is_the_mean_of_the_stages():
    energy = Energy(EnergyConfig(stages=("stride8", "head"), size=32, weight=3.0))
    reals, fakes = RNG.uniform(-1, 1, (2, 4, 32, 32, 3)).astype(np.float32)
    loss, terms = energy.terms(fakes, energy.look(reals, energy.frozen), energy.frozen)
    features = load_features()
    x, y = (features.extract(features.variables, images, None, ("stride8", "head")) for images in (reals, fakes))
    expected = np.mean([energy_distance(x[stage], y[stage]) for stage in x])
    np.testing.assert_allclose(terms["energy"], expected, rtol=1e-4)
    np.testing.assert_allclose(loss, 3 * terms["energy"], rtol=1e-6)


def test_pictures_are_compared_at_the_side_that_the_network_knows():
    energy = Energy(EnergyConfig())
    seen = jax.eval_shape(lambda x: energy.look(x, energy.frozen), jax.ShapeDtypeStruct((2, 64, 64, 3), "float32"))
    assert seen["stride4"].shape[1:3] == (224 // 4, 224 // 4)


@pytest.mark.parametrize("anchors", [None, ANCHORS])
def test_fakes_of_anchors_are_left_out(pictures, anchors):
    """All real pictures against those fakes that come of random codes."""
    task = GanTask(_config(pictures, anchors=anchors))
    state, batch, key = task.init(jax.random.key(0)), next(task.batches(0)), jax.random.key(1)
    _, metrics = jax.jit(lambda s, b, k: task.step(s, b, k, frozen=task.frozen, variant=task.variant(0)))(
        state, batch, key
    )
    random = 4 if anchors else 8
    key = jax.random.split(key, 5)[0]
    fakes, _ = task._fakes(state.params, state.buffers, 8, None, key)  # The last ones are the same with any anchors.
    seen = task.energy.look(to_float(batch["image"]), task.frozen)
    _, expected = task.energy.terms(fakes[-random:], seen, task.frozen)
    np.testing.assert_allclose(metrics["energy"], expected["energy"], rtol=1e-3)


def test_its_gradient_is_what_it_adds_to_the_generators(pictures):
    """From one start, batch and key; Adam's first step at a rate and an eps of 1 is -g / (|g| + 1)."""
    grads, key = [], jax.random.key(1)
    for energy in (ENERGY, None):
        task = GanTask(_config(pictures, energy=energy, optimizer={"eps": 1.0, "learning_rate": 1.0, "b1": 0.0}))
        state, reals = task.init(jax.random.key(0)), to_float(next(task.batches(0))["image"])
        step = jax.jit(lambda s, x, k, task=task: task._step_generator(s, x, None, k, k, task.frozen)[0].params)
        moved = _weight(state.params) - _weight(step(state, reals, key))
        grads.append(moved / (1 - np.abs(moved)))

    task = GanTask(_config(pictures))

    def loss(params):
        fakes, _ = task._fakes(params, state.buffers, 8, None, key)
        return task.energy.terms(fakes, task.energy.look(reals, task.frozen), task.frozen)[0]

    expected = _weight(jax.jit(jax.grad(loss))(state.params))
    np.testing.assert_allclose(grads[0] - grads[1], expected, atol=0.02 * np.abs(expected).max())


def _weight(params):
    return np.asarray(params["synthesis"]["b8"]["conv0"]["weight"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"energy": ENERGY | {"weight": 0.0}}, "energy.weight must be positive"),
        ({"energy": ENERGY | {"stages": []}}, "energy.stages must name a stage"),
        ({"energy": ENERGY | {"stages": ["head", "head"]}}, "energy.stages must name each stage once"),
        ({"batch_size": 1}, "two at least, but of a batch 1 are"),
        ({"batch_size": 2, "anchors": ANCHORS}, "two at least, but of a batch 1 are"),
    ],
)
def test_options_out_of_range_are_refused(pictures, changes, message):
    with pytest.raises(InputError, match=message):
        _config(pictures, **changes)


def test_a_stage_that_the_network_lacks_is_refused(pictures):
    with pytest.raises(InputError, match="energy.stages must be among stride4, .* but one is 'relu1'"):
        GanTask(_config(pictures, energy={"stages": ["relu1"]}))
