"""`ganinv edit` and `ganinv directions`: from what was inpainted to strips, and one sentence for what is wrong."""

import json

import numpy as np
import pytest
from model_folders import SIDE, save_tiny_model
from PIL import Image

from ganinv_jax.cli import directions as verb
from ganinv_jax.losses.perceptual import PerceptualDistance
from ganinv_jax.pipelines import directions as finding
from ganinv_jax.pipelines import inpaint as pipeline
from ganinv_jax.pipelines import load, searches
from ganinv_jax.pipelines.state import State


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    distance = PerceptualDistance(stages=("stride4",), size=32)
    monkeypatch.setattr(pipeline, "reporting_distance", lambda: distance)
    monkeypatch.setattr(finding, "CODES", 250)
    monkeypatch.setattr(searches, "AT_A_TIME", 250)


@pytest.fixture
def completed(works, folder, tmp_path):
    """Two completions by the command."""
    works("inpaint", "--hole-preset", "half-left", "--samples", "2", "--model", folder, "--out", tmp_path / "done")
    return tmp_path / "done"


@pytest.fixture
def direction(tmp_path):
    np.save(tmp_path / "age.npy", np.random.default_rng(1).normal(size=5).astype(np.float32))
    return tmp_path / "age.npy"


def _read(path):
    return np.asarray(Image.open(path))


def test_an_inversion_of_many_codes(works, folder, direction, tmp_path):
    """As it was inverted at strength 0, and moved either way at others."""
    photo = Image.fromarray(np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8))
    photo.save(tmp_path / "photo.png")
    options = [part for option in ("codes=3", "layer=8", "perceptual=0.0") for part in ("--option", option)]
    given = ("--method", "mganprior", "--steps", 2, *options, "--model", folder)
    works("invert", tmp_path / "photo.png", *given, "--out", tmp_path / "found")
    found, out = tmp_path / "found" / "photo", tmp_path / "out"
    works("edit", found, "--direction", direction, "--strength", "-1,0,1", "--model", folder, "--out", out)
    down, plain, up = (_read(out / f"edit_00_{strength}.png").astype(int) for strength in ("-1", "+0", "+1"))
    assert np.abs(plain - _read(found / "reconstruction.png")).max() <= 1
    assert min(np.abs(a - b).max() for a, b in ((down, plain), (plain, up), (down, up))) > 5
    assert _read(out / "strip.png").shape == (SIDE, 3 * SIDE + 4, 3)


def test_completions(works, completed, direction, tmp_path):
    out = tmp_path / "out"
    told = works("edit", completed, "--direction", direction, "--strength", "-1.5,0,2", "--gif", "--out", out)
    assert told.startswith("Wrote 6 edits along age to")
    names = {f"edit_{row:02d}_{strength}.png" for row in range(2) for strength in ("-1.5", "+0", "+2")}
    assert {path.name for path in out.iterdir()} == {*names, "strip.png", "walk.gif", "report.json"}
    for row in range(2):
        np.testing.assert_array_equal(
            _read(out / f"edit_{row:02d}_+0.png"), _read(completed / f"completion_0{row}.png")
        )
        assert (
            np.abs(_read(out / f"edit_{row:02d}_+2.png").astype(int) - _read(out / f"edit_{row:02d}_+0.png")).max() > 5
        )
    assert _read(out / "strip.png").shape == (2 * SIDE + 2, 3 * SIDE + 4, 3)
    report = json.loads((out / "report.json").read_text())
    assert report["command"] == "edit" and report["direction"] == "age" and len(report["pictures"]) == 6


def test_rows_skips_and_the_default_strengths(works, completed, direction, folder, tmp_path):
    options = ("--layers", "0-1,4", "--no-skip", "--out", tmp_path / "out")
    works("edit", completed, "--direction", direction, *options)
    model, state = load(folder), State.load(completed / "state.npz")
    wanted = model.edit(state, direction, [-2, -1, 0, 1, 2], [0, 1, 4], skip=False)
    np.testing.assert_array_equal(_read(tmp_path / "out" / "edit_01_-2.png"), wanted[1, 0])
    assert len(list((tmp_path / "out").glob("edit_*.png"))) == 10


def test_states_below_the_folder_are_edited_together(works, completed, direction, folder, tmp_path):
    """As an inversion leaves them, a folder a photo."""
    state = State.load(completed / "state.npz")
    for name in ("one", "two"):
        (tmp_path / "inverted" / name).mkdir(parents=True)
        codes = {"ws": state.ws[:1], "model": state.model, "digest": state.digest, "losses": [1.0]}
        np.savez(tmp_path / "inverted" / name / "state.npz", format=1, **codes)
    out = tmp_path / "out"
    works("edit", tmp_path / "inverted", "--direction", direction, "--strength", "1", "--out", out)
    report = json.loads((out / "report.json").read_text())
    assert [entry["source"] for entry in report["pictures"]] == ["one#0", "two#0"]
    np.testing.assert_array_equal(_read(out / "edit_01_+1.png"), load(folder).edit(state.ws[:1], direction, 1)[0])


def test_toward_another_picture(works, completed, folder, tmp_path):
    """Interpolation ends at the other's code; in some rows it is style mixing."""
    model, out = load(folder), tmp_path / "out"
    works("edit", "--seeds", "0-1", "--toward", "5", "--model", folder, "--out", out)
    seeds = model.generate([0, 1, 5])
    np.testing.assert_array_equal(_read(out / "edit_01_+0.png"), seeds[1])
    np.testing.assert_array_equal(_read(out / "edit_01_+1.png"), seeds[2])
    halfway = model.edit((model.codes([1]) + model.codes([5])) / 2, np.ones(5), 0)
    assert np.abs(_read(out / "edit_01_+0.5.png").astype(int) - halfway[0]).max() <= 1
    options = ("--strength", "1", "--layers", "2-5", "--model", folder, "--out", out)
    works("edit", "--seeds", "0", "--toward", "5", *options)
    mixed = np.concatenate([model.codes([0])[:, :2], model.codes([5])[:, 2:]], axis=1)
    np.testing.assert_array_equal(_read(out / "edit_00_+1.png"), model.edit(mixed, np.ones(5), 0)[0])
    told = works("edit", completed, "--toward", completed, "--strength", "1", "--out", out)
    assert told.startswith(f"Wrote 2 edits toward {completed} to")
    np.testing.assert_array_equal(_read(out / "edit_01_+1.png"), _read(completed / "completion_01.png"))


def test_on_the_great_circle(works, folder, tmp_path):
    model, out = load(folder), tmp_path / "out"
    works("edit", "--seeds", "0", "--toward", "5", "--slerp", "--strength", "0.5,1", "--model", folder, "--out", out)
    z, other = (np.random.RandomState(seed).randn(1, 6) for seed in (0, 5))
    # Both have the same angle to what lies halfway, and its length lies between theirs.
    a, b = z / np.linalg.norm(z), other / np.linalg.norm(other)
    middle = (z + other) / np.linalg.norm(a + b)
    halfway = model.edit(model.map(middle), np.ones(5), 0)
    assert np.abs(_read(out / "edit_00_+0.5.png").astype(int) - halfway[0]).max() <= 1
    np.testing.assert_array_equal(_read(out / "edit_00_+1.png"), model.generate([5])[0])


def test_seeds_along_what_was_found(works, folder, tmp_path):
    found = tmp_path / "found"
    told = works("directions", "--method", "ganspace", "--count", "2", "--model", folder, "--out", found)
    assert "ganspace-1" in told and "variance_share" in told
    assert {path.name for path in found.iterdir()} == {
        *("ganspace-0.npz", "ganspace-1.npz"),
        *("sheet.png", "report.json"),
    }
    out = tmp_path / "out"
    options = ("--direction", found / "ganspace-1.npz", "--strength=-1,0", "--model", folder, "--out", out)
    works("edit", "--seeds", "0-2", *options)
    works("generate", "--seeds", "0-2", "--model", folder, "--out", tmp_path / "seeds")
    np.testing.assert_array_equal(_read(out / "edit_02_+0.png"), _read(tmp_path / "seeds" / "seed0002.png"))
    assert json.loads((out / "report.json").read_text())["direction"] == "ganspace-1"


@pytest.mark.parametrize("name", ["scores.npy", "scores.csv", "scores.txt"])
def test_scores_from_a_file(works, folder, tmp_path, name):
    pytest.importorskip("sklearn")
    light = load(folder).generate(range(200)).mean(axis=(1, 2, 3))
    if name.endswith(".npy"):
        np.save(tmp_path / name, light)
    else:
        np.savetxt(
            tmp_path / name, np.stack([range(200), light], 1), delimiter="," if "csv" in name else " ", header="s"
        )
    options = ("--scores", tmp_path / name, "--share", "0.3", "--model", folder, "--out", tmp_path / "out")
    told = works("directions", "--method", "interfacegan", *options)
    assert float(told.split("accuracy ")[1].split()[0]) > 0.85
    assert (tmp_path / "out" / "interfacegan.npz").is_file()


def test_every_method_has_its_name_at_the_door():
    assert tuple(searches.METHODS) == verb.METHODS


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["done", "--direction", "agge"], "has no directions, and there is no file 'agge'"),
        (["done", "--direction", "age.npy", "--layers", "4-6"], "layers must lie between 0 and 5 for this model"),
        (["done", "--direction", "age.npy", "--strength", "1,x"], "must be a finite number, but got 'x'"),
        (["done", "--direction", "age.npy", "--strength", "1,1"], "strengths must all differ"),
        (["done", "--direction", "8.conv1.99"], "has channels 0 to 7, but 99 is asked for"),
        (["done", "--direction", "age.npy", "--seeds", "1"], "either as DIR or as --seeds"),
        (["--direction", "age.npy"], "either as DIR or as --seeds"),
        (["--seeds", "1", "--direction", "age.npy", "--adapt", "4,4,8,8"], "--adapt goes with DIR"),
        (["done", "--direction", "age.npy", "--adapt", "4,4,8,8", "--gif"], "and not with --gif"),
        (["--seeds", "1", "--direction", "age.npy", "--adapt", ""], "--adapt goes with DIR"),
        (["done", "--direction", "age.npy", "--adapt", "4,4,8,8", "--no-skip"], "not with --gif or --no-skip"),
        (["done", "--direction", "age.npy", "--adapt-steps", "5"], "--adapt-steps goes with --adapt"),
        (
            ["done", "--direction", "age.npy", "--adapt", "4,4,8,8"],
            "Only inversions of photos can be adapted, but done",
        ),
        (["nowhere", "--direction", "age.npy"], "nowhere must hold state.npz"),
        (["done", "--direction", "age.npy", "--model", "other"], "whose weights are not those of other"),
        (["done"], "one of the arguments --direction --toward is required"),
        (["done", "--toward", "nowhere"], "nowhere must hold state.npz"),
        (["done", "--toward", "5", "--slerp"], "--slerp goes from --seeds --toward a seed"),
        (["--seeds", "1", "--direction", "age.npy", "--slerp"], "--slerp goes from --seeds --toward a seed"),
        (["done", "--direction", "8.conv1.3", "--layers", "4"], "layers must name a row that '8.conv1.3' acts at"),
    ],
)
def test_wrong_input(fails, completed, direction, folder, tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    if "other" in options:
        save_tiny_model(tmp_path / "other", z_dim=7)
    assert message in fails("edit", *options, "--out", "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--method", "interfacegan"], "needs the scores of pictures"),
        (["--method", "interfacegan", "--scores", "none.csv"], "none.csv must hold a number for each seed"),
        (["--method", "interfacegan", "--classes", "1000"], "ImageNet's classes are numbers from 0 to 999"),
        (["--layers", "9"], "layers must lie between 0 and 5"),
        (["--method", "pca"], "invalid choice"),
        (["--method", "sefa", "--classes", "281"], "for 'interfacegan' and not for 'sefa'"),
        (["--class-idx", "1"], "This model has no classes"),
    ],
)
def test_wrong_searches(fails, folder, tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    assert message in fails("directions", *options, "--model", folder, "--out", "out")
    assert not (tmp_path / "out").exists()
