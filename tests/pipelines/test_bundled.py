"""The models that the package brings along: whole, small, described, and able to do the main job."""

import numpy as np
import pytest
from skimage import data

from ganinv_jax.core import folders
from ganinv_jax.losses.perceptual import PerceptualDistance
from ganinv_jax.pipelines import inpaint as pipeline
from ganinv_jax.pipelines import load

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
    assert set(model.parts) == PARTS
    for part in PARTS:
        assert model.network(part).variables


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
