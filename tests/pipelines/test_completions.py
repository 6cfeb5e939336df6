"""Completions against the networks themselves, their figures, and what is left of them on disk."""

import dataclasses
import json

import jax
import numpy as np
import pytest
from model_folders import SIDE, tiny_model
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio

from ganinv_jax.core.errors import InputError
from ganinv_jax.core.images import fit_hole, fit_square, to_float
from ganinv_jax.losses.perceptual import PerceptualDistance
from ganinv_jax.metrics.pictures import pairwise_distances
from ganinv_jax.pipelines import Model
from ganinv_jax.pipelines import inpaint as pipeline
from ganinv_jax.pipelines.state import State

QUICK: dict = {"compiler_options": {"xla_backend_optimization_level": 0}}
DISTANCE = PerceptualDistance(stages=("stride4",), size=32)


@pytest.fixture(autouse=True)
def quick_figures(monkeypatch):
    """Look through the first layers only; `test_pictures` is about the network itself."""
    monkeypatch.setattr(pipeline, "reporting_distance", lambda: DISTANCE)


@pytest.fixture
def hole():
    """Of the photo's size, 24x40; it lies inside of the centred square but for its right end."""
    hole = np.zeros((24, 40), bool)
    hole[6:18, 20:36] = True
    return hole


@pytest.fixture(scope="module")
def made(model):
    """One result, and the photo and the hole that it comes from."""
    photo = np.random.default_rng(0).integers(0, 256, (24, 40, 3), np.uint8)
    hole = np.zeros((24, 40), bool)
    hole[6:18, 20:36] = True
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "reporting_distance", lambda: DISTANCE)
        return model.inpaint(photo, hole, samples=3, seed=7), photo, hole


def test_completions_are_those_of_the_networks(model, made):
    result, photo, hole = made
    square, missing = fit_square(photo, SIDE), fit_hole(hole, SIDE)
    known = 1 - missing[None, ..., None].astype(np.float32)
    modules, variables = model.inpainter
    z = np.concatenate([np.random.RandomState(7 + j).randn(1, 6) for j in range(3)]).astype(np.float32)
    ws_rand = model.map(z)
    complete = jax.jit(modules.complete, **QUICK)
    done = complete(variables, to_float(square)[None] * known, known, ws_rand[None])
    np.testing.assert_allclose(result.ws, done.ws[0], rtol=1e-4, atol=1e-4)
    wanted = np.clip(np.asarray(done.images[0], np.float64) * 127.5 + 128, 0, 255)
    assert np.abs(wanted - result.images).max() <= 1.01
    assert result.images.dtype == np.uint8 and result.images.shape == (3, SIDE, SIDE, 3)
    assert np.abs(np.diff(result.images.astype(int), axis=0)).max() > 20
    np.testing.assert_array_equal(result.photo, square)


def test_a_completion_depends_on_its_own_seed_alone(model, made):
    result, photo, hole = made
    alone = model.inpaint(photo, hole, samples=1, seed=8)
    assert np.abs(alone.images[0].astype(int) - result.images[1]).max() <= 1


def test_what_lies_in_the_hole_is_never_looked_at(model, made):
    """At the model's square, since a resize mixes a little of the hole into its neighbours."""
    square, missing = made[0].photo, made[0].state.hole
    for value in (0, 255):
        other = np.where(missing[..., None], np.uint8(value), square)
        again = model.inpaint(other, missing, samples=3, seed=7)
        np.testing.assert_array_equal(again.images, made[0].images)


def test_compositing_keeps_the_known_pixels_and_the_figures(model, made):
    result, photo, hole = made
    pasted = model.inpaint(photo, hole, samples=3, seed=7, composite=True)
    missing = result.state.hole
    np.testing.assert_array_equal(pasted.images[:, missing], result.images[:, missing])
    assert np.all(pasted.images[:, ~missing] == result.photo[~missing])
    for ours, plain in zip(pasted.report["pictures"], result.report["pictures"], strict=True):
        assert ours == plain | {"composited": True}


def test_figures(made):
    result, _, _ = made
    known, entries = ~result.state.hole, result.report["pictures"]
    for entry, image in zip(entries, result.images, strict=True):
        wanted = peak_signal_noise_ratio(result.photo[known], image[known])
        assert entry["psnr_known"] == pytest.approx(wanted, abs=1e-3)
    for key, mask in (("diversity_hole", ~known), ("diversity_known", known)):
        pairs = pairwise_distances(DISTANCE, to_float(result.images), mask[..., None])
        assert np.mean([entry[key] for entry in entries]) == pytest.approx(
            pairs[np.triu_indices(3, 1)].mean(), rel=1e-3
        )
    assert {entry["feature_network"] for entry in entries} == {"efficientnet_lite0"}


def test_one_completion_has_no_diversity(model, made):
    _, photo, hole = made
    entry = model.inpaint(photo, hole, samples=1).report["pictures"][0]
    assert entry.keys() == {"name", "seed", "psnr_known", "composited"}


def test_what_is_written(tmp_path, made):
    result, _, _ = made
    result.save(tmp_path / "out")
    written = sorted(path.name for path in (tmp_path / "out").iterdir())
    names = [f"completion_{j:02d}.png" for j in range(3)]
    assert written == sorted([*names, "grid.png", "report.json", "state.npz"])
    for name, image in zip(names, result.images, strict=True):
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "out" / name)), image)
    sheet = np.asarray(Image.open(tmp_path / "out" / "grid.png"))
    step, missing = SIDE + 2, result.state.hole
    assert sheet.shape == (SIDE, 5 * step - 2, 3)
    cells = [sheet[:, i * step : i * step + SIDE] for i in range(5)]
    np.testing.assert_array_equal(cells[0], result.photo)
    assert np.all(cells[1][missing] == 127) and np.all(cells[1][~missing] == result.photo[~missing])
    np.testing.assert_array_equal(cells[2:], result.images)
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report == result.report
    assert report.keys() == {"version", "command", "model", "seconds", "pictures"}
    assert [entry["name"] for entry in report["pictures"]] == names
    assert [entry["seed"] for entry in report["pictures"]] == [7, 8, 9]


def test_a_state_gives_its_pictures_back_bit_for_bit(tmp_path, model, made):
    result, _, _ = made
    result.state.save(tmp_path / "state.npz")
    state = State.load(tmp_path / "state.npz")
    for field in dataclasses.fields(State):
        before, after = getattr(result.state, field.name), getattr(state, field.name)
        assert type(before) is type(after)
        np.testing.assert_array_equal(before, after)
    before = pipeline.render(model, result.state)
    np.testing.assert_array_equal(pipeline.render(model, state), before)
    np.testing.assert_array_equal(pipeline.as_pictures(before), result.images)
    assert np.abs(pipeline.render(model, state, skip=False) - before).max() > 0.05
    assert np.abs(pipeline.render(model, state, ws=state.ws_rand) - before).max() > 0.05


def test_an_edit_is_drawn_with_the_features_of_the_codes_before_it(made, monkeypatch):
    """A skip encoder that saw the edited picture would take the edit back where pixels are known."""
    _, photo, hole = made
    model = Model(*tiny_model(sees_render=True), "seeing")
    monkeypatch.setattr(pipeline, "default_batch", lambda resolution: 2)  # the last batch is filled up
    state = model.inpaint(photo, hole, samples=3, seed=7).state
    modules, variables = model.inpainter
    known = 1 - state.hole[None, ..., None].astype(np.float32)
    shown = to_float(state.erased)[None] * known, known
    features, other = (
        jax.jit(modules.skip_features, **QUICK)(variables, *shown, ws[None]) for ws in (state.ws, state.ws_rand)
    )
    render = jax.jit(modules.render, **QUICK)
    edited = pipeline.render(model, state, ws=state.ws_rand)
    np.testing.assert_allclose(edited, render(variables, state.ws_rand, features), atol=1e-3)
    assert np.abs(edited - render(variables, state.ws_rand, other)).max() > 0.05
    with pytest.raises(InputError, match="must be 3 codes, as in the state, but there are 2"):
        pipeline.render(model, state, ws=state.ws[:2])


def test_a_state_belongs_to_its_model(made):
    config, arrays = tiny_model()
    arrays["skip"]["params"]["trunk"] = jax.tree.map(lambda x: x + 1, arrays["skip"]["params"]["trunk"])
    with pytest.raises(InputError, match="made by tiny, whose weights are not those of other"):
        pipeline.render(Model(config, arrays, "other"), made[0].state)


@pytest.mark.parametrize("damage", [lambda data: data[: len(data) // 2], lambda data: b"no archive", lambda data: b""])
def test_a_damaged_state_is_refused(tmp_path, made, damage):
    path = tmp_path / "state.npz"
    made[0].state.save(path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(InputError, match="must be a whole state.npz"):
        State.load(path)


def test_stage_1_models_complete_without_skips(made):
    _, photo, hole = made
    config, arrays = tiny_model()
    del config["skip"], arrays["skip"]
    model = Model(config, arrays, "stage1")
    result = model.inpaint(photo, hole, samples=3, seed=7)
    np.testing.assert_allclose(result.ws, made[0].ws, rtol=1e-4, atol=1e-4)
    assert np.abs(result.images.astype(int) - made[0].images).max() > 5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda hole: hole & False, "The hole is empty"),
        (lambda hole: hole | True, "The hole covers the whole photo"),
        (lambda hole: hole[:-1], "must have its photo's size, but the photo is 40x24 and the hole is 40x23"),
        (lambda hole: np.arange(40) < np.full((24, 1), 4), "must reach into the model's view, but it is empty"),
        (lambda hole: np.arange(40) >= np.full((24, 1), 4), "must leave something known, but it covers everything"),
    ],
)
def test_holes_that_cannot_be_filled(model, photo, hole, change, message):
    with pytest.raises(InputError, match=message):
        model.inpaint(photo, change(hole))


@pytest.mark.parametrize(
    ("options", "message"), [({"samples": 0}, "samples must lie"), ({"seed": -1}, "A seed must lie")]
)
def test_wrong_options(model, photo, hole, options, message):
    with pytest.raises(InputError, match=message):
        model.inpaint(photo, hole, **options)


def test_models_that_cannot_inpaint(photo, hole):
    with pytest.raises(InputError, match="plain cannot inpaint or encode yet, as it has no encoder and no mixer"):
        Model(*tiny_model(inpainter=False), "plain").inpaint(photo, hole)
    with pytest.raises(InputError, match="gray pictures"):
        Model(*tiny_model(inpainter=False, img_channels=1), "gray").inpaint(photo, hole)
