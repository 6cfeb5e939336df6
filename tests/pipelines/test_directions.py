"""Directions found in a tiny model: by their definitions, their length, and what is left of them on disk."""

import json

import jax
import numpy as np
import pytest

from conversion.directions import read_direction
from ganinv_jax.core.errors import InputError
from ganinv_jax.models.directions import Direction
from ganinv_jax.pipelines import directions as pipeline
from ganinv_jax.pipelines import searches
from ganinv_jax.pipelines.directions import find_directions
from ganinv_jax.pipelines.searches import Search, class_score, sample_w

QUICK: dict = {"compiler_options": {"xla_backend_optimization_level": 0}}
LIGHT = np.linspace(0, 1, 32)
UNEVEN = Direction(np.arange(30, dtype=np.float32).reshape(6, 5), "uneven")


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(pipeline, "CODES", 500)
    for name, value in {"AT_A_TIME": 250, "FEATURE_SAMPLES": 64, "SCORED": 256}.items():
        monkeypatch.setattr(searches, name, value)


def unit(vector):
    return vector / np.linalg.norm(vector)


def test_samples(model):
    w = sample_w(model, 300, seed=3)
    assert w.shape == (300, 5)
    np.testing.assert_array_equal(sample_w(model, 270, seed=3), w[:270])
    assert np.abs(sample_w(model, 300, seed=4) - w).min() > 0


def test_sefa_reads_the_affine_maps_of_its_layers(model):
    parameters = model.network("generator").variables["params"]["synthesis"]
    taken = (("b8", "conv1"), ("b16", "torgb"))
    stacked = np.concatenate([parameters[block][layer]["affine"]["weight"] for block, layer in taken], axis=1)
    left = np.linalg.svd(stacked / np.linalg.norm(stacked, axis=0))[0].T
    found = find_directions(model, Search("sefa", count=3, layers=[2, 5]), pictures=[0])
    w = sample_w(model, 500)
    for direction, wanted in zip(found.directions, left, strict=False):
        assert np.abs(unit(direction.vector[2]) @ wanted) == pytest.approx(1, abs=1e-4)
        np.testing.assert_array_equal(direction.vector[[0, 1, 3, 4]], 0)
        np.testing.assert_array_equal(direction.vector[2], direction.vector[5])
        assert np.linalg.norm(direction.vector[2]) == pytest.approx((w @ wanted).std(), rel=1e-3)


def test_ganspace(model):
    w = sample_w(model, 500)
    values, vectors = np.linalg.eigh(np.cov(w.T.astype(np.float64)))
    found = find_directions(model, Search("ganspace", count=2), pictures=[0])
    for k, direction in enumerate(found.directions, 1):
        assert np.abs(unit(direction.vector) @ vectors[:, -k]) == pytest.approx(1, abs=1e-4)
        assert np.linalg.norm(direction.vector) == pytest.approx(np.sqrt(values[-k]), rel=0.01)
        share = found.report["directions"][k - 1]["variance_share"]
        assert share == pytest.approx(values[-k] / values.sum(), abs=1e-3)


def test_ganspace_of_features(model):
    decomposition = pytest.importorskip("sklearn.decomposition")
    network, w = model.network("generator"), sample_w(model, 64)
    features = jax.jit(lambda v, ws: network.module.apply(v, ws, 8, method="features")[0], **QUICK)
    maps = np.asarray(features(network.variables, np.repeat(w[:, None], 6, axis=1))).reshape(64, -1)
    coordinates = decomposition.PCA(3, svd_solver="full").fit_transform(maps)
    found = find_directions(model, Search("ganspace-features", count=3, resolution=8), pictures=[0])
    for direction, wanted in zip(found.directions, np.linalg.pinv(coordinates) @ (w - w.mean(axis=0)), strict=True):
        assert np.abs(unit(direction.vector) @ unit(wanted)) == pytest.approx(1, abs=1e-3)
    with pytest.raises(InputError, match=r"resolution must be one of \[4, 8, 16\] for this model, but is 32"):
        find_directions(model, Search("ganspace-features", resolution=32))


@pytest.mark.parametrize("by_function", [True, False])
def test_interfacegan_finds_what_is_scored(model, by_function):
    pytest.importorskip("sklearn")

    def luminance(pictures):
        return pictures.mean(axis=(1, 2, 3))

    scores = luminance if by_function else luminance(model.generate(range(256)))
    found = find_directions(model, Search("interfacegan", scores=scores, share=0.25), pictures=[0])
    (direction,), (figures,) = found.directions, found.report["directions"]
    assert figures["accuracy"] > 0.85 and figures["scored"] == 256
    ws = model.map(np.random.default_rng(5).normal(size=(16, 6)))
    light = model.edit(ws, direction, [-1, 0, 1]).mean(axis=(0, 2, 3, 4))
    assert np.all(np.diff(light) > 1)
    other = Direction(np.eye(5, dtype=np.float32)[0], "first")
    kept = find_directions(model, Search("interfacegan", scores=scores, share=0.25, against=[other]), [0])
    assert abs(unit(kept.directions[0].vector)[0]) < 1e-6 < abs(unit(direction.vector)[0])


def test_scores_by_imagenet_classes():
    pictures = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), np.uint8)
    all_of_them = class_score(range(1000))(pictures)
    np.testing.assert_allclose(all_of_them, 0, atol=1e-4)
    some, others = class_score(range(10))(pictures), class_score(range(10, 1000))(pictures)
    np.testing.assert_allclose(np.exp(some) + np.exp(others), 1, atol=1e-4)
    with pytest.raises(InputError, match="from 0 to 999"):
        class_score([1000])


def test_what_is_written(model, tmp_path):
    found = find_directions(model, Search("sefa", count=2), pictures=[0, 3])
    found.save(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"sefa-0.npz", "sefa-1.npz", "sheet.png", "report.json"}
    np.testing.assert_array_equal(read_direction(tmp_path / "sefa-1.npz").vector, found.directions[1].vector)
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["method"] == "sefa" and [d["name"] for d in report["directions"]] == ["sefa-0", "sefa-1"]
    # Two rows of twice seven pictures, names beside and strengths above.
    assert found.sheet.shape[0] > 2 * 16 and found.sheet.shape[1] > 14 * 16 + 13 * 2
    middle = found.sheet[-16:, -4 * 18 + 2 : -3 * 18]
    np.testing.assert_array_equal(middle, _generated(model, 3))


def _generated(model, seed):
    return model.generate([seed, 0], truncation_psi=0.7)[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "seffa"}, "did you mean 'sefa'"),
        ({"method": "sefa", "count": 0}, "At least one direction"),
        ({"method": "sefa", "layers": [6]}, "layers must lie between 0 and 5"),
        ({"method": "ganspace", "layers": [6]}, "layers must lie between 0 and 5"),
        ({"method": "interfacegan", "scores": LIGHT, "share": 0.5, "against": [UNEVEN]}, "move all rows of W. alike"),
        ({"method": "interfacegan"}, "needs the scores of pictures"),
    ],
)
def test_wrong_options(model, options, message):
    with pytest.raises(InputError, match=message):
        find_directions(model, Search(**options))
