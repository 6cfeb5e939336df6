"""Anchors: their codes against a decomposition by hand, and what each kind of step trains."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from skimage.transform import downscale_local_mean

from ganinv_jax.core.configs import from_dict
from ganinv_jax.core.errors import InputError
from ganinv_jax.losses.perceptual import PerceptualDistance
from ganinv_jax.training.tasks.gan import GanConfig, GanTask
from ganinv_jax.training.tasks.gan.anchors import Anchors, AnchorsConfig, whitening
from ganinv_jax.training.tasks.gan.task import COARSE

RNG = np.random.default_rng(0)
GENERATOR = {
    "resolution": 16,
    "z_dim": 6,
    "w_dim": 6,
    "mapping": {"num_layers": 2},
    "synthesis": {"channels": [8, 6, 4]},
}
ANCHORS = {"components": 3, "code_size": 4, "pixels_size": 4, "perceptual_size": 32, "stage": "stride4"}
TINY = {
    "batch_size": 4,
    "generator": GENERATOR,
    "stylegan2": {"network": {"resolution": 16, "channels": [8, 6, 4]}, "r1_gamma": 0.0, "augment": None},
    "anchors": ANCHORS,
}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for i in range(8):
        Image.fromarray(RNG.integers(0, 256, (16, 16, 3), np.uint8)).save(folder / f"{i}.png")
    return str(folder)


def _config(pictures, **changes) -> GanConfig:
    return from_dict(GanConfig, TINY | {"data": {"source": pictures}} | changes)


def _step(task, state, number):
    step = jax.jit(lambda s, b, k: task.step(s, b, k, frozen=task.frozen, variant=task.variant(number)))
    return step(state, next(task.batches(number)), jax.random.key(number))


def _moved(before, after) -> bool:
    return any(jax.tree.leaves(jax.tree.map(lambda a, b: bool(np.any(np.asarray(a) != b)), before, after)))


def test_whitened_rows_are_the_singular_vectors_of_evenly_scaled_parts():
    rows = RNG.standard_normal((50, 7)) @ RNG.standard_normal((7, 7)) + 3
    found = whitening(rows, 4, parts=(5,))
    codes = (rows - found["mean"]) @ found["directions"]
    rest = rows - rows.mean(axis=0)
    for part in (slice(0, 5), slice(5, 7)):
        rest[:, part] /= np.linalg.norm(rest[:, part])
    expected = np.linalg.svd(rest, full_matrices=False)[0][:, :4] * np.sqrt(50)
    np.testing.assert_allclose(np.abs(np.sum(codes * expected, axis=0)) / 50, 1, rtol=1e-4)
    np.testing.assert_allclose(codes.T @ codes / 50, np.eye(4), atol=1e-4)
    largest = np.abs(found["directions"]).argmax(axis=0)
    assert (found["directions"][largest, range(4)] > 0).all()


def test_more_components_than_pictures_differ_in_are_refused():
    with pytest.raises(InputError, match=r"of 4 only 3 are there"):
        whitening(RNG.standard_normal((4, 7)), 4)


def test_codes_of_the_data_and_its_mirror_images_are_as_random_ones(pictures):
    task = GanTask(_config(pictures, anchors=ANCHORS | {"noise": 0.0}))
    images = np.concatenate([next(task.batches(step))["image"] for step in range(2)])
    both = jnp.asarray(np.concatenate([images, images[:, :, ::-1]]) / np.float32(127.5) - 1)
    state: Any = task.init(jax.random.key(0))
    codes = task.anchors.codes(both, task.anchors.look(both, task.frozen), state.codes, jax.random.key(0))
    np.testing.assert_allclose(np.mean(codes, axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(codes.T @ codes / len(both), np.eye(3), atol=1e-3)


def test_shapes_are_told_without_the_data():
    task = GanTask(_config("nowhere"))
    with pytest.raises(InputError, match="nowhere"):
        task.init(jax.random.key(0))
    shapes: Any = jax.eval_shape(task.init, jax.random.key(0))
    assert {name: x.shape for name, x in shapes.codes.items()} == {"mean": (1584,), "directions": (1584, 3)}


def test_a_state_without_anchors_is_as_it_was_before_there_were_any(pictures):
    """Orbax reads no checkpoint that lacks a field."""
    plain = jax.eval_shape(GanTask(_config(pictures, anchors=None)).init, jax.random.key(0))
    fields = ["params", "buffers", "ema", "opt", "adversary", "images", "pl_mean"]
    assert [field.name for field in dataclasses.fields(plain)] == fields


def test_noise_keeps_unit_variance():
    anchors = Anchors(AnchorsConfig(**ANCHORS, noise=0.6))
    images, key = jnp.zeros((4096, 4, 4, 3)), jax.random.key(0)
    seen = {"stride4": jnp.asarray(RNG.standard_normal((4096, 1, 1, 3)))}
    projection = {"mean": jnp.zeros(51), "directions": jnp.eye(51)[:, -3:]}
    codes = np.asarray(anchors.codes(images, seen, projection, key))
    np.testing.assert_allclose(codes.std(axis=0), 1, atol=0.05)
    found = np.mean(codes * seen["stride4"][:, 0, 0], axis=0)
    np.testing.assert_allclose(found, 0.8, atol=0.05)


def test_terms_are_those_of_pixels_and_of_features():
    anchors = Anchors(AnchorsConfig(**ANCHORS, pixels=3.0, perceptual=2.0))
    drawn, images = RNG.uniform(-1, 1, (2, 2, 16, 16, 3)).astype(np.float32)
    loss, terms = anchors.terms(drawn, images, anchors.look(images, anchors.frozen), anchors.frozen)
    distance = PerceptualDistance(size=32)
    np.testing.assert_allclose(
        terms["anchor_perceptual"], np.mean(distance(distance.variables, drawn, images)), rtol=1e-5
    )
    few = downscale_local_mean(drawn - images, (1, 4, 4, 1))
    np.testing.assert_allclose(anchors.pixel_error(images, images, 4), 0)
    assert 0.3 < terms["anchor_pixels"] / np.mean(few**2) < 3  # The antialiasing filter is a triangle, not a box.
    np.testing.assert_allclose(loss, 3 * terms["anchor_pixels"] + 2 * terms["anchor_perceptual"], rtol=1e-6)


@pytest.fixture(scope="module")
def coarse(pictures):
    """A task whose steps 1 and 2 are coarse, its start, and what steps 0 to 2 make of it."""
    task = GanTask(_config(pictures, anchors=ANCHORS | {"coarse_kimg": 0.012, "coarse_resolution": 8}))
    states = [task.init(jax.random.key(0))]
    for number in range(3):
        states.append(_step(task, states[-1], number)[0])
    return task, states


def test_coarse_steps_train_the_first_blocks_alone(coarse):
    task, (start, first, second, third) = coarse
    assert [task.variant(step) == COARSE for step in range(5)] == [False, True, True, False, False]
    assert _moved(start.adversary.params, first.adversary.params)
    assert not _moved(first.adversary, third.adversary)
    for name in ("mapping", "synthesis"):
        assert _moved(first.params[name], second.params[name])
    assert _moved(first.params["synthesis"]["b8"], second.params["synthesis"]["b8"])
    assert not _moved(first.params["synthesis"]["b16"], third.params["synthesis"]["b16"])
    assert [int(state.images) for state in (start, first, second, third)] == [0, 4, 8, 12]
    assert not _moved(start.codes, third.codes)


def test_the_optimiser_begins_anew_after_coarse_steps(coarse):
    task, (start, _, second, third) = coarse
    assert _moved(start.opt, second.opt) and not _moved(start.opt, third.opt)


def test_the_first_fakes_are_those_of_the_codes(pictures):
    """A generator's picture of latents that begin with the codes, and go on as without them."""
    task = GanTask(_config(pictures))
    state, key = task.init(jax.random.key(0)), jax.random.key(5)
    codes = jnp.asarray(RNG.standard_normal((2, 3)), jnp.float32)
    plain, _ = task._fakes(state.params, state.buffers, 4, None, key)
    fakes, _ = task._fakes(state.params, state.buffers, 4, None, key, codes)
    np.testing.assert_array_equal(fakes[2:], plain[2:])
    z_key, _, noise_key = jax.random.split(key, 3)
    z = np.array(jax.random.normal(z_key, (2, 4, 6))[0])
    z[:2, :3] = codes
    variables = {"params": state.params, "buffers": state.buffers}
    expected = task.generator.apply(variables, z, noise_mode="random", noise_key=noise_key)
    np.testing.assert_allclose(fakes, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"anchors": ANCHORS | {"share": 0.0}}, "anchors.share must lie above 0"),
        ({"anchors": ANCHORS | {"noise": 1.0}}, "anchors.noise must be from 0 up and below 1"),
        ({"anchors": ANCHORS | {"pixels": -1.0}}, "anchors.pixels must be at least 0"),
        ({"anchors": ANCHORS | {"components": 7}}, "anchors.components must be at most z_dim, 6"),
        ({"anchors": ANCHORS | {"code_size": 32}}, "anchors.code_size must be at most 16"),
        ({"anchors": ANCHORS | {"pixels_size": 32}}, "anchors.pixels_size must be at most 16"),
        ({"anchors": ANCHORS | {"coarse_kimg": 1.0, "coarse_resolution": 6}}, "coarse_resolution must be one of 4, 8"),
        ({"style_mixing": 0.5}, "style_mixing 0"),
    ],
)
def test_options_out_of_range_are_refused(pictures, changes, message):
    with pytest.raises(InputError, match=message):
        _config(pictures, **changes)


def test_a_stage_that_the_network_lacks_is_refused(pictures):
    with pytest.raises(InputError, match="anchors.stage must be one of stride4"):
        GanTask(_config(pictures, anchors=ANCHORS | {"stage": "head"}))
