"""Sets of pictures against each other, and what does not depend on how the work was split."""

import dataclasses

import numpy as np
import pytest
from small_features import FORMULA, formula, formula_networks

from ganinv_jax.evaluation import generation, sets
from ganinv_jax.evaluation.generation import score_generation
from ganinv_jax.evaluation.pieces import Pieces
from ganinv_jax.evaluation.sets import distance_name, open_networks
from ganinv_jax.metrics.extraction import extract
from ganinv_jax.metrics.networks import Extractor

RNG = np.random.default_rng(0)
REALS = RNG.integers(0, 256, (6, 32, 32, 3), np.uint8)
FAKES = np.repeat(REALS[:1], 4, axis=0)


@pytest.fixture(scope="module")
def networks():
    return formula_networks()


def taken(pictures):
    return lambda rows: pictures[rows.start : rows.stop]


def score(networks, folder, **options):
    return score_generation(taken(FAKES), 4, taken(REALS), 6, networks, Pieces(folder, {}), **options)


def test_figures(networks, tmp_path):
    done = []
    reference = taken(REALS), 6
    columns, plots, nearest = score(networks, tmp_path, classes=range(1000), reference=reference, report=done.append)
    assert done == [4, 10, 16] and not nearest
    generated, real, other = columns["generated"], columns["real"], columns["other real"]
    assert (generated["count"], real["count"]) == (4, 6)
    assert generated[f"pairwise_distance_{FORMULA}"] < 1e-3 < real[f"pairwise_distance_{FORMULA}"]
    assert real[f"recognized_{FORMULA}"] == 1.0
    assert other[f"fd_{FORMULA}"] < 1e-3 < generated[f"fd_{FORMULA}"]
    assert generated[f"recall_{FORMULA}"] < 1 == other[f"recall_{FORMULA}"]
    assert f"pids_{FORMULA}_pca64" not in generated and f"uids_{FORMULA}_pca64" in generated
    (plot,) = plots.values()
    assert [len(x) for x, _ in plot.series.values()] == [6, 4]


def test_classes(networks, tmp_path):
    guesses = extract(REALS, networks.extractors, ("logits",))[FORMULA]["logits"].argmax(axis=1)
    columns = score(networks, tmp_path, classes=[int(guesses[1])]).columns
    assert columns["real"][f"recognized_{FORMULA}"] == np.mean(guesses == guesses[1])
    again = score(networks, tmp_path).columns
    assert f"recognized_{FORMULA}" not in again["real"]


def test_what_was_learned_by_heart_lies_near_what_was_trained_on(networks, tmp_path):
    """The generated ones are a picture of training; of the real ones one is."""
    known = np.concatenate([RNG.integers(0, 256, (3, 32, 32, 3), np.uint8), REALS[:1]])
    columns, _, nearest = score(networks, tmp_path, trained_on=(taken(known), 4))
    generated, real = (columns[name][f"nearest_{FORMULA}"] for name in ("generated", "real"))
    assert nearest[FORMULA].tolist() == [3] * 4 and columns["trained on"]["count"] == 4
    features = [extract(pictures, networks.extractors)[FORMULA] for pictures in (REALS, known)]
    features = [next(iter(found.values())) for found in features]
    distances = np.linalg.norm(features[0][:, None] - features[1], axis=-1).min(axis=1)
    assert real == pytest.approx(distances.mean(), rel=1e-3) and generated < 1e-2 * real


def test_ranges_make_no_difference(networks, tmp_path, monkeypatch):
    whole = score(networks, tmp_path / "a").columns
    monkeypatch.setattr(generation, "AT_A_TIME", 3)
    parts = score(networks, tmp_path / "b").columns
    for column, figures in whole.items():
        for name, value in figures.items():
            np.testing.assert_allclose(parts[column][name], value, rtol=1e-3, atol=1e-5, err_msg=name)


def test_networks_of_distances():
    (distance,) = open_networks(["efficientnet_lite0"]).distances
    assert (distance.features.name, distance.size) == ("efficientnet_lite0", 224)


def test_lpips_sees_pictures_as_large_as_they_are(monkeypatch):
    lpips, plain = (
        Extractor(dataclasses.replace(formula("vgg16"), lpips=True), "head"),
        Extractor(formula("vgg16"), "head"),
    )
    monkeypatch.setattr(sets, "open_extractors", lambda sources: (lpips, plain))
    (distance,) = open_networks([]).distances
    assert (distance_name(distance), distance.size) == ("lpips_vgg16", None)
