"""The protocols on a tiny model, against the same figures computed picture by picture with NumPy."""

import jax
import numpy as np
import pytest
from model_folders import SIDE, tiny_model
from skimage.metrics import peak_signal_noise_ratio

from ganinv_jax.core.images import to_float, to_uint8
from ganinv_jax.core.rng import seed_z
from ganinv_jax.data.holes import hole_batch
from ganinv_jax.evaluation.generation import evaluate_generation
from ganinv_jax.evaluation.inpainting import evaluate_listening, evaluate_photos
from ganinv_jax.losses.perceptual import PerceptualDistance
from ganinv_jax.metrics.pictures import pairwise_distances
from ganinv_jax.models.features import load_features
from ganinv_jax.pipelines.model import Model

RNG = np.random.default_rng(0)
PHOTOS = RNG.integers(0, 256, (3, SIDE, SIDE, 3), np.uint8)


@pytest.fixture(scope="module")
def model():
    return Model(*tiny_model(), "tiny")


@pytest.fixture(scope="module")
def distance():
    return PerceptualDistance(stages=("stride4",), size=32)


def _completed(model, photo, hole, ws, skip=True):
    inpainter, variables = model.inpainter
    known = 1 - hole
    return inpainter.complete(variables, to_float(photo)[None] * known, known, ws[None], skip)


def test_photos(model, distance):
    photos = [(f"{i}.png", photo) for i, photo in enumerate(PHOTOS)]
    done = []
    found = evaluate_photos(*model.inpainter, photos, "center", 2, [distance], done.append)
    assert done == [1, 2, 3] and [entry["name"] for entry in found.each] == ["0.png", "1.png", "2.png"]
    ws, hole = model.map(seed_z(range(2), model.config.z_dim)), hole_batch("center", 0, [1], SIDE)
    missing = hole[0, ..., 0] > 0
    pictures = to_uint8(np.asarray(_completed(model, PHOTOS[1], hole, ws).images[0]))
    plain = to_uint8(np.asarray(_completed(model, PHOTOS[1], hole, ws, skip=False).images[0]))
    entry = found.each[1]
    for name, images in (("psnr_known", pictures), ("psnr_known_without_skip", plain)):
        values = [peak_signal_noise_ratio(PHOTOS[1][~missing], image[~missing], data_range=255) for image in images]
        np.testing.assert_allclose(entry[name], np.mean(values), atol=0.02)
    for where, mask in (("hole", missing), ("known", ~missing)):
        apart = pairwise_distances(distance, to_float(pictures), mask[..., None])[0, 1]
        np.testing.assert_allclose(entry[f"diversity_{where}_efficientnet_lite0"], apart, rtol=0.01)
        spread = np.abs(pictures[0].astype(float) - pictures[1])[mask].mean() / 2  # the deviation of two values
        np.testing.assert_allclose(entry[f"std_{where}"], spread, rtol=0.01)
    for name, mean in found.means.items():
        np.testing.assert_allclose(mean, np.mean([entry[name] for entry in found.each]), atol=1e-4)
    np.testing.assert_array_equal(found.rows[1][0], PHOTOS[1])
    assert found.rows[1].shape == (4, SIDE, SIDE, 3) and np.all(found.rows[1][1][missing] == 127)


def test_listening(model):
    """Of three seeds: the true code first, then the next seed's."""
    found = evaluate_listening(*model.inpainter, [5, 8, 13], "center")
    ws, errors, gates = model.map(seed_z([5, 8, 13], model.config.z_dim)), [], []
    for i in range(3):
        hole = hole_batch("center", 0, [i], SIDE)
        image = np.asarray(model.synthesize(ws[i : i + 1]))
        inpainter, variables = model.inpainter
        pair = np.stack([ws[i], ws[(i + 1) % 3]])[None]
        done = inpainter.complete(variables, image * (1 - hole), 1 - hole, pair)
        errors.append([((x - image[0]) ** 2)[hole[0, ..., 0] > 0].mean() for x in np.asarray(done.images[0])])
        gates.append(np.asarray(done.gate[0]).mean(axis=(1, 2)))
    for name, values in (("hole_mse", errors), ("gate", gates)):
        mean = np.mean(values, axis=0)
        np.testing.assert_allclose([found[f"{name}_true"], found[f"{name}_other"]], mean, rtol=0.01)
    assert found["count"] == 3


def test_generation():
    network = load_features("efficientnet_lite0")
    reals = RNG.integers(0, 256, (4, 32, 32, 3), np.uint8)
    fakes = np.repeat(reals[:1], 4, axis=0)
    figures = evaluate_generation(fakes, reals, [network], range(1000))
    assert figures["fakes"]["count"] == 4 and figures["reals"]["recognized_efficientnet_lite0"] == 1.0
    between = figures["between"]
    assert between["fd_efficientnet_lite0"] > 0 and 0 <= between["recall_efficientnet_lite0"] < 1
    same, apart = (figures[kind]["pairwise_distance_efficientnet_lite0"] for kind in ("fakes", "reals"))
    assert same < 1e-3 < apart
    assert "recognized_efficientnet_lite0" not in evaluate_generation(fakes, reals, [network])["fakes"]
    assert jax.tree.all(jax.tree.map(np.isfinite, figures))
