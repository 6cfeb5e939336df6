"""The models that the package brings along: whole, small, described, and able to do the main job."""

import numpy as np
import pytest
from skimage import data

from ganinv_jax.core import folders
from ganinv_jax.editing import sefa
from ganinv_jax.losses.perceptual import PerceptualDistance
from ganinv_jax.models.stylegan2 import affine_maps, style_rows
from ganinv_jax.pipelines import inpaint as pipeline
from ganinv_jax.pipelines import load
from ganinv_jax.pipelines.searches import sample_w

PARTS = {"generator", "discriminator", "encoder", "mixer", "skip"}


@pytest.fixture(scope="module")
def model():
    return load()


@pytest.mark.parametrize("name", folders.bundled())
def test_they_are_described_and_small(name):
    folder = folders.BUNDLED / name
    card = (folder / folders.CARD).read_text(encoding="utf-8")
    assert all(word in card for word in ("Licence", "Data", "Figures", "ganinv train"))
    assert sum(file.stat().st_size for file in folder.iterdir()) <= 20 * 2**20


def test_every_part_fits_its_config(model):
    assert set(model.parts) == {*PARTS, "direction"}
    for part in PARTS:
        assert model.network(part).variables


@pytest.mark.slow
def test_directions_do_what_their_names_say(model):
    """One deviation of W each; on average over some cats, each changes its own and leaves the others' alone."""
    ws = model.codes(range(8), truncation_psi=0.7)
    w = sample_w(model, 4096)
    corners, coat, chest = np.s_[:12, [0, 1, 2, 3, -4, -3, -2, -1]], np.s_[16:36, 20:44], np.s_[52:, 20:44]
    names = ["background-light", "coat-darkness", "ginger", "white-markings"]
    assert sorted(model.directions) == names
    for own, (name, least) in enumerate(zip(names, (100, 80, 50, 100), strict=True)):
        vector = model.directions[name].vector
        assert np.linalg.norm(vector) == pytest.approx((w @ vector).std() / np.linalg.norm(vector), rel=0.05), name
        down, up = model.edit(ws, name, [-1.5, 1.5]).astype(float).mean(axis=0)
        red, _, blue = np.moveaxis(up - down, -1, 0)
        light = (up - down).mean(axis=-1)
        change = np.array([light[corners].mean(), -light[coat].mean(), (red - blue)[coat].mean(), light[chest].mean()])
        assert change[own] > least and np.abs(np.delete(change, own)).max() < 0.5 * change[own], (name, change)


@pytest.mark.slow
def test_the_steepest_directions_of_sefa_change_pictures_most(model):
    """Per unit step, the first eight on average more than ten times as much as the median direction."""
    network = model.network("generator")
    maps, rows = affine_maps(network.config, network.variables), style_rows(network.config)
    vectors, _ = sefa([maps[layer]["weight"] for layer in rows if layer[1] != "torgb"])
    ws = model.codes(range(4), truncation_psi=0.7)
    before = np.asarray(model.synthesize(ws))

    def energy(vector):
        return float(np.mean((np.asarray(model.synthesize(ws + np.float32(0.5) * vector)) - before) ** 2))

    first, others = ([energy(vectors[i].astype(np.float32)) for i in of] for of in (range(8), range(16, 256, 16)))
    assert np.mean(first) > 10 * np.median(others)


@pytest.mark.slow
def test_the_default_model_fills_a_hole_in_several_ways(model, monkeypatch):
    """Cheaper figures than a report's, of a photo that training has not seen."""
    monkeypatch.setattr(pipeline, "reporting_distance", lambda: PerceptualDistance(stages=("stride4",), size=64))
    photo = data.chelsea()[:, 75:375]
    hole = np.zeros(photo.shape[:2], bool)
    hole[100:220, 150:] = True
    result = model.inpaint(photo, hole, samples=3)
    missing = result.state.hole
    spread = result.images.astype(float).std(axis=0).mean(axis=-1)
    assert min(entry["psnr_known"] for entry in result.report["pictures"]) > 27
    assert spread[missing].mean() > 8 and spread[missing].mean() > 2 * spread[~missing].mean()
