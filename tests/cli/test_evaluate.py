"""`ganinv evaluate`: what it writes, and one sentence for what is wrong."""

import json

import numpy as np
import pytest
from PIL import Image

from ganinv_jax.cli import evaluate
from ganinv_jax.models.features import load_features


@pytest.fixture(autouse=True)
def quick_networks(monkeypatch):
    monkeypatch.setattr(evaluate, "_networks", lambda: [load_features("efficientnet_lite0")])


@pytest.fixture
def pictures(tmp_path):
    (tmp_path / "pictures").mkdir()
    for i in range(3):
        pixels = np.random.default_rng(i).integers(0, 256, (20, 24, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "pictures" / f"{i}.png")
    return tmp_path / "pictures"


def test_generation(works, folder, pictures, tmp_path):
    out = tmp_path / "out"
    told = works("evaluate", "generation", "--data", pictures, "--classes", "0-999", "--model", folder, "--out", out)
    report = json.loads((out / "report.json").read_text())
    assert report["num"] == report["fakes"]["count"] == 3 and report["reals"]["recognized_efficientnet_lite0"] == 1
    assert "fakes.pairwise_distance_efficientnet_lite0" in told and (out / "sheet.png").is_file()


@pytest.mark.slow
def test_inpainting(works, folder, pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(evaluate, "UNSEEN_SEEDS", range(100, 103))
    out = tmp_path / "out"
    options = ["--num", 2, "--samples", 2, "--holes", "center"]
    works("evaluate", "inpainting", "--data", pictures, *options, "--model", folder, "--out", out)
    report = json.loads((out / "report.json").read_text())
    assert {"psnr_known", "psnr_known_without_skip", "std_hole"} <= report["photos"].keys()
    assert len(report["each"]) == 2 and report["generated"]["count"] == 3
    assert report["samples"] == 2 and report["holes"] == "center"
    assert Image.open(out / "sheet.png").width > 4 * 16


def test_bad_input(fails, folder, pictures, tmp_path):
    start = ["evaluate", "inpainting", "--model", folder, "--out", tmp_path / "out", "--data"]
    assert "holds 3 pictures, but 4 are needed" in fails(*start, pictures, "--num", 4)
    assert "--holes must be one of" in fails(*start, pictures, "--holes", "round")
    assert "no pictures at" in fails(*start, tmp_path / "elsewhere")
    assert not (tmp_path / "out").exists()
