"""Edits that adapt to the photo around a region: what comes back, what stays, and what is left to edit on."""

import json

import numpy as np
import pytest
from model_folders import SIDE, tiny_model
from PIL import Image

from ganinv_jax.core.errors import InputError
from ganinv_jax.pipelines import Model
from ganinv_jax.pipelines.adapt import edit_adapted, read_region
from ganinv_jax.pipelines.state import load_state

DIRECTION = np.random.default_rng(1).normal(size=5).astype(np.float32)
BOX = (4, 4, 8, 8)


@pytest.fixture(scope="module")
def model():
    return Model(*tiny_model(), "tiny")


@pytest.fixture(scope="module")
def inverted(model):
    """A picture that the generator draws, changed a little, by the encoder's code."""
    photo = np.clip(model.generate([3])[0].astype(int) + 20, 0, 255).astype(np.uint8)
    return model.invert(photo, method="encoder")


@pytest.fixture(scope="module")
def edited(model, inverted):
    return edit_adapted(model, {"cat": inverted}, DIRECTION, [0.0, 1.0], BOX, steps=80, networks=False)


def test_outside_of_the_region_the_photo_comes_back(inverted, edited):
    where, photo = read_region(BOX, SIDE), inverted.state.photos[0].astype(int)
    for entry, image in zip(edited.report["pictures"], edited.images[0], strict=True):
        outside = np.abs(image.astype(int) - photo)[~where].mean()
        np.testing.assert_allclose(entry["outside"], outside, atol=1e-3)
        assert outside < 0.5 * entry["outside_before"]


def test_the_edit_survives_inside(edited):
    plain, moved = edited.report["pictures"]
    assert "edit_kept" not in plain and moved["edit_kept"] > 0.5


def test_states_give_the_edits_again_and_can_be_edited_on(model, edited, tmp_path):
    edited.save(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        *("edit_00_+0", "edit_00_+1", "edit_00_+0.png", "edit_00_+1.png"),
        *("strip.png", "report.json"),
    }
    state = load_state(tmp_path / "edit_00_+1" / "state.npz")
    again = model.edit(state, DIRECTION, [0, 1])[0].astype(int)
    assert np.abs(again[0] - np.asarray(Image.open(tmp_path / "edit_00_+1.png"))).max() <= 1
    unadapted = model.edit(state.ws, DIRECTION, 0)[0]
    assert np.abs(again[0] - unadapted).max() > 5 and np.abs(again[1] - again[0]).max() > 5
    assert json.loads((tmp_path / "report.json").read_text())["adapted"]["steps"] == 80


def test_style_channels_are_kept_too(model, inverted, tmp_path):
    found = edit_adapted(model, {"cat": inverted}, "8.conv1.2", [3.0], BOX, steps=1, networks=False)
    again = model.edit(found.states["edit_00_+3"], DIRECTION, 0)[0].astype(int)
    assert np.abs(again - found.images[0, 0]).max() <= 1
    assert np.abs(again - model.edit(inverted, DIRECTION, 0)[0]).max() > 1


def test_regions(tmp_path):
    where = read_region(BOX, SIDE)
    Image.fromarray(np.kron(where, np.ones((3, 3), bool))).save(tmp_path / "region.png")
    np.testing.assert_array_equal(read_region(tmp_path / "region.png", SIDE), where)
    np.testing.assert_array_equal(read_region(where, SIDE), where)
    for wrong, message in (
        ((4, 4, 20, 8), "must lie within the model's 16 x 16 pixels"),
        ((4, 4, 8), "a box"),
        (np.ones((SIDE, SIDE), bool), "leave some of it known"),
    ):
        with pytest.raises(InputError, match=message):
            read_region(wrong, SIDE)


def test_what_cannot_be_adapted(model, inverted):
    with pytest.raises(InputError, match="Only inversions of photos can be adapted, but codes is none"):
        edit_adapted(model, {"codes": inverted.ws}, DIRECTION, [1.0], BOX)
    with pytest.raises(InputError, match="strengths must all differ"):
        edit_adapted(model, {"cat": inverted}, DIRECTION, [1.0, 1.0], BOX)


def test_a_stop_keeps_what_is_found(model, inverted):
    found = edit_adapted(
        model, {"cat": inverted}, DIRECTION, [0.0, 1.0], BOX, steps=80, networks=False, watch=lambda progress: True
    )
    assert found.report["stopped"] and found.images.shape[:2] == (1, 2) and len(found.states) == 2
    assert found.report["pictures"][1]["outside"] < found.report["pictures"][1]["outside_before"]
