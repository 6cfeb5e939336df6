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
    columns, plots = score(networks, tmp_path, classes=range(1000), reference=reference, report=done.append)
    assert done == [4, 10, 16]
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
    columns, _ = score(networks, tmp_path, classes=[int(guesses[1])])
    assert columns["real"][f"recognized_{FORMULA}"] == np.mean(guesses == guesses[1])
    again, _ = score(networks, tmp_path)
    assert f"recognized_{FORMULA}" not in again["real"]


def test_ranges_make_no_difference(networks, tmp_path, monkeypatch):
    whole, _ = score(networks, tmp_path / "a")
    monkeypatch.setattr(generation, "AT_A_TIME", 3)
    parts, _ = score(networks, tmp_path / "b")
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
