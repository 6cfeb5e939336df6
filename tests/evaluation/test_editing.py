"""Edits with effects that are known."""

import numpy as np
import pytest
from small_features import FORMULA, formula_networks

from ganinv_jax.evaluation.editing import lightness, plots_of, score_edits, told
from ganinv_jax.evaluation.pieces import Pieces
from ganinv_jax.evaluation.results import Case

RNG = np.random.default_rng(0)
PHOTOS = RNG.integers(60, 180, (3, 32, 32, 3), np.uint8)
HOLE = np.zeros((32, 32), bool)
HOLE[8:24, 8:24] = True


@pytest.fixture(scope="module")
def networks():
    return formula_networks()


def score(networks, folder, hole=HOLE):
    def edit(case):
        lighter = case.photo + np.uint8(10)
        patched = np.where(HOLE[..., None], 255 - case.photo, case.photo)
        return case.photo, {("light", 1.0): lighter, ("light", 0.0): case.photo, ("patch", -2.0): patched}

    cases = [Case(f"{i}", photo, hole) for i, photo in enumerate(PHOTOS)]
    return score_edits(cases.__getitem__, 3, edit, {"lightness": lightness}, networks, Pieces(folder, {}))


def test_figures(networks, tmp_path):
    columns, each = score(networks, tmp_path)
    light, same, patch = columns["light +1"], columns["light +0"], columns["patch -2"]
    assert light["attribute_lightness"] == pytest.approx(10)
    assert light["change_hole"] == light["change_known"] == pytest.approx(10)
    assert light["kept_known"] == pytest.approx(20 * np.log10(255 / 10))
    assert same["attribute_lightness"] == 0 and same["kept_known"] == 100
    assert same[f"identity_{FORMULA}"] == pytest.approx(1) and patch[f"identity_{FORMULA}"] < 0.999
    assert patch["change_known"] == 0 and patch["kept_known"] == 100 and patch["change_hole"] > 20
    assert each[2]["name"] == "2" and each[2]["light +1"]["change_known"] == 10


def test_without_a_hole(networks, tmp_path):
    columns, _ = score(networks, tmp_path, hole=np.zeros_like(HOLE))
    assert "change_hole" not in columns["light +1"] and columns["light +1"]["change_known"] == pytest.approx(10)


def test_plots(networks, tmp_path):
    columns, _ = score(networks, tmp_path)
    plots = plots_of(columns, [("light", 1.0), ("light", 0.0), ("patch", -2.0)])
    strengths, values = plots["attribute_lightness"].series["light"]
    assert strengths == [0.0, 1.0] and values == pytest.approx([0, 10])
    assert told(("light", 0.5)) == "light +0.5"
