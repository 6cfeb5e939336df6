"""The task of the layer encoders on a tiny generator: that it learns, and what its losses are."""

import functools
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from ganinv_jax.core import folders
from ganinv_jax.core.configs import from_dict
from ganinv_jax.core.errors import InputError
from ganinv_jax.pipelines import load
from ganinv_jax.training.tasks import layers
from ganinv_jax.training.tasks.layers import LayersConfig, LayersTask

sys.path.insert(0, str(Path(__file__).parents[1]))
from model_folders import SIDE, save_tiny_model

jit = functools.partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})  # compiling is what costs here


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_tiny_model(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="module")
def task(folder):
    options = {"hidden": 8, "picture_max": 8}
    rates = {"apart": {"learning_rate": 3e-3, "b1": 0.9}, "together": {"learning_rate": 1e-3, "b1": 0.9}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layers, "MEASURED", 32)
        given = {"init_from": str(folder), "batch_size": 8, "middle": 8, "options": options, "apart_kimg": 0.4, **rates}
        yield LayersTask(from_dict(LayersConfig, given))


@pytest.fixture(scope="module")
def start(task):
    return task.init(jax.random.key(0))


@pytest.fixture(scope="module")
def trained(task, start):
    """The states after each phase, and the metrics of its first and its last step."""
    found, state = {}, start
    for phase, steps in (("apart", 50), ("together", 25)):
        step = jit(lambda s, b, phase=phase: task.step(s, b, jax.random.key(0), frozen=task.frozen, variant=phase))
        batch, metrics = next(task.batches(0)), []
        for _ in range(steps):
            state, now = step(state, batch)
            metrics.append(jax.device_get(now))
        found[phase] = state, metrics[0], metrics[-1]
    return found


def test_official_numbers():
    """train_onelayer_inv.py and train_hybrid_inv.py of davidbau/ganseeing."""
    config = LayersConfig("cat64", 32)
    assert (config.apart.learning_rate, config.together.learning_rate) == (1e-4, 1e-5)
    assert config.apart_kimg * 1000 == 32 * 100 * 100
    assert layers.FEATURES_AGAIN == 0.01


def test_the_phases_follow_each_other(task):
    assert [task.variant(step) for step in (0, 49, 50, 999)] == ["apart", "apart", "together", "together"]


@pytest.mark.parametrize("phase", ["apart", "together"])
@pytest.mark.slow
def test_the_loss_falls(trained, phase):
    _, first, last = trained[phase]
    assert last[f"loss_{phase}"] < 0.9 * first[f"loss_{phase}"]
    if phase == "apart":  # all encoders learn
        for name in ("picture", "features4", "w8", "w4", "w_late"):
            assert last[name] < first[name], name


@pytest.mark.slow
def test_as_initialised_nothing_is_explained(trained):
    """Means are predicted, so that the errors are the variance, up to the few pictures that it was measured on."""
    first = trained["apart"][1]
    for name in ("picture", "features4", "w4", "w8", "w_late"):
        assert 0.5 < first[name] < 2, name


@pytest.mark.slow
def test_the_losses_of_the_chain_are_those_of_its_pictures(task, trained):
    state = trained["apart"][0]
    metrics = trained["together"][1]
    generator, frozen = task._generator, task.frozen["generator"]
    variables = {"params": state.params, "buffers": state.buffers}
    w = generator.apply(frozen, next(task.batches(0))["z"], method="map")
    pictures = generator.apply(frozen, w, method="synthesize")
    ws = task.encoders.apply(variables, pictures)
    again = generator.apply(frozen, ws, method="synthesize")
    assert metrics["pixels"] == pytest.approx(float(np.mean((again - pictures) ** 2)), rel=1e-3)
    unit = float(state.buffers["deviation_w"]) ** 2
    assert metrics["code"] == pytest.approx(float(np.mean((ws - w) ** 2)) / unit, rel=1e-3)
    middles = [generator.apply(frozen, x, 8, method="features")[0] for x in (w, ws)]
    read, _ = task.encoders.apply(variables, pictures, method="read")
    unit = float(state.buffers["deviation8"]) ** 2
    for name, found in (("picture", read), ("again", middles[1])):
        assert metrics[name] == pytest.approx(float(np.mean((found - middles[0]) ** 2)) / unit, rel=1e-3), name


def test_latents_are_a_function_of_seed_and_step(task):
    batches = task.batches(0)
    first, second = next(batches)["z"], next(batches)["z"]
    np.testing.assert_array_equal(second, next(task.batches(1))["z"])
    assert first.shape == (8, 6) and not np.array_equal(first, second)


@pytest.mark.slow
def test_the_folder_keeps_its_parts_and_inverts_by_the_encoders(task, trained, folder, tmp_path):
    folders.save(tmp_path / "model", *task.export(trained["together"][0]))
    model, before = load(tmp_path / "model"), load(folder)
    assert set(model.parts) == {*before.parts, "layers"}
    photo = before.generate([5])[0]
    ws = model.network("layers").module.apply(model.network("layers").variables, photo[None] / 127.5 - 1)
    started = model.invert(photo, method="photo-manipulation", steps=1)
    np.testing.assert_allclose(started.ws, ws, atol=1e-3)
    other = before.invert(photo, method="photo-manipulation", steps=1)
    np.testing.assert_allclose(other.ws, before.encode(np.float32(photo[None] / 127.5 - 1)), atol=1e-3)
    assert np.abs(started.ws - other.ws).max() > 0.01


def test_the_samples_show_pictures_above_those_of_their_codes(task, start):
    assert task.snapshot(start)["generated"].shape == (2 * SIDE + 2, 8 * SIDE + 14, 3)


def test_generators_that_do_not_fit(tmp_path):
    save_tiny_model(tmp_path / "model", inpainter=False, c_dim=3)
    with pytest.raises(InputError, match="without labels"):
        LayersTask(LayersConfig(str(tmp_path / "model"), 4))
    with pytest.raises(InputError, match="batch_size must be positive"):
        LayersConfig("cat64", 0)
