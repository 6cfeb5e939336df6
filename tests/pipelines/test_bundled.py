"""The models that the package brings along: whole, small, described, and able to do the main job."""

import numpy as np
import pytest
from skimage import data

from ganinv_jax.core import folders
from ganinv_jax.core.rng import seed_z
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
    """One deviation of W each; on average over some cats."""
    ws = np.asarray(model.map(seed_z(range(8), 256), truncation_psi=0.7))
    assert set(model.directions) == {"background-light", "coat-darkness", "contrast", "white-markings"}
    light = {name: model.edit(ws, name, [-1.5, 1.5]).mean(axis=-1) for name in model.directions}
    w = sample_w(model, 4096)
    for name, direction in model.directions.items():
        unit = direction.vector / np.linalg.norm(direction.vector)
        assert np.linalg.norm(direction.vector) == pytest.approx((w @ unit).std(), rel=0.05), name
    change = {name: pictures[:, 1].mean(axis=0) - pictures[:, 0].mean(axis=0) for name, pictures in light.items()}
    corners, coat, chest = np.s_[:12, [0, 1, 2, 3, -4, -3, -2, -1]], np.s_[16:36, 20:44], np.s_[52:, 20:44]
    assert change["background-light"][corners].mean() > 30 > 0 > change["background-light"][coat].mean()
    assert change["coat-darkness"][coat].mean() < -20 and (
        abs(change["coat-darkness"][corners].mean()) < 0.5 * abs(change["coat-darkness"][coat].mean())
    )
    assert change["white-markings"][chest].mean() > 60
    contrast = light["contrast"].std(axis=(2, 3)).mean(axis=0)
    assert contrast[1] > 1.2 * contrast[0]


@pytest.mark.slow
def test_the_steepest_direction_of_sefa_changes_pictures_most(model):
    """Per unit step, more than three times as much as the median direction."""
    network = model.network("generator")
    maps, rows = affine_maps(network.config, network.variables), style_rows(network.config)
    vectors, _ = sefa([maps[layer]["weight"] for layer in rows if layer[1] != "torgb"])
    ws = np.asarray(model.map(seed_z(range(4), 256), truncation_psi=0.7))
    before = np.asarray(model.synthesize(ws))

    def energy(vector):
        return float(np.mean((np.asarray(model.synthesize(ws + np.float32(0.5) * vector)) - before) ** 2))

    others = [energy(vectors[i].astype(np.float32)) for i in range(16, 256, 16)]
    assert energy(vectors[0].astype(np.float32)) > 3 * np.median(others)


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
    assert min(entry["psnr_known"] for entry in result.report["pictures"]) > 14
    assert spread[missing].mean() > 1 and spread[missing].mean() > spread[~missing].mean()
