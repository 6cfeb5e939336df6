"""`ganinv inpaint`: the example, the ways to give a hole, and one sentence for what is wrong."""

import json

import numpy as np
import pytest
from model_folders import SIDE, save_tiny_model
from PIL import Image
from skimage import data

from ganinv_jax.core.images import fit_hole, fit_square, resize_photo
from ganinv_jax.losses.perceptual import PerceptualDistance
from ganinv_jax.pipelines import inpaint as pipeline
from ganinv_jax.pipelines.state import State

FILES = {"completion_00.png", "completion_01.png", "grid.png", "report.json", "state.npz"}


@pytest.fixture(autouse=True)
def quick_figures(monkeypatch):
    distance = PerceptualDistance(stages=("stride4",), size=32)
    monkeypatch.setattr(pipeline, "reporting_distance", lambda: distance)


@pytest.fixture
def photo(tmp_path):
    """Gray with transparency, wider than high."""
    pixels = np.random.default_rng(0).integers(0, 256, (24, 40, 2), np.uint8)
    Image.fromarray(pixels, "LA").save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


@pytest.fixture
def hole(tmp_path):
    pixels = np.zeros((24, 40), np.uint8)
    pixels[6:18, 14:24] = 255
    Image.fromarray(pixels).save(tmp_path / "hole.png")
    return tmp_path / "hole.png"


def _names(folder):
    return {path.name for path in folder.iterdir() if path.is_file()}


def _read(path):
    return np.asarray(Image.open(path))


def test_the_example_is_chelsea_on_a_larger_canvas(works, folder, tmp_path):
    told = works("inpaint", "--samples", "2", "--model", folder, "--out", tmp_path)
    assert len(told.splitlines()) == 2 and "known pixels" in told and "feature distance" in told
    assert _names(tmp_path) == FILES == _names(tmp_path / "patch")
    plain, patch = (State.load(path / "state.npz") for path in (tmp_path, tmp_path / "patch"))
    # The photo fills 51 % of its canvas; the rest is missing, and pixels that are partly so.
    assert 0.49 <= plain.hole.mean() <= 0.62
    assert plain.hole[:4].all() and plain.hole[-3:].all() and not plain.hole[6:12, 2:13].any()
    assert np.all(patch.hole[plain.hole]) and 4 <= (patch.hole & ~plain.hole).sum() <= 30
    canvas = _read(tmp_path / "grid.png")[:, :SIDE]
    inside = resize_photo(data.chelsea(), (round(300 * SIDE / 517), round(451 * SIDE / 517)))
    assert np.abs(canvas[6:12, 3:12].mean() - inside[2:8, 3:12].mean()) < 10
    assert np.all(canvas[:4] == 255)


def test_a_photo_and_its_hole(works, folder, tmp_path, photo, hole):
    out = tmp_path / "out"
    works("inpaint", photo, "--hole", hole, "--samples", "2", "--seed", "5", "--model", folder, "--out", out)
    assert _names(out) == FILES
    state = State.load(out / "state.npz")
    np.testing.assert_array_equal(state.hole, fit_hole(_read(hole) > 127, SIDE))
    np.testing.assert_array_equal(state.seeds, [5, 6])
    report = json.loads((out / "report.json").read_text())
    assert report["command"] == "inpaint" and report["model"] == str(folder) and report["seconds"] > 0
    assert {"name", "psnr_known", "diversity_hole", "diversity_known", "composited", "feature_network"} < report[
        "pictures"
    ][0].keys()


def test_a_box_is_in_pixels_of_the_photo(works, folder, tmp_path, photo):
    works("inpaint", photo, "--hole-box", "14,6,99,12", "--samples", "2", "--model", folder, "--out", tmp_path / "out")
    wanted = np.zeros((24, 40), bool)
    wanted[6:18, 14:] = True
    np.testing.assert_array_equal(State.load(tmp_path / "out" / "state.npz").hole, fit_hole(wanted, SIDE))


def test_a_preset_composited(works, folder, tmp_path, photo):
    out = tmp_path / "out"
    options = ("--hole-preset", "half-left", "--composite", "--samples", "2")
    works("inpaint", photo, *options, "--model", folder, "--out", out)
    half = SIDE // 2
    assert State.load(out / "state.npz").hole[:, :half].all() and State.load(out / "state.npz").composite
    gray, alpha = (np.asarray(Image.open(photo))[..., i].astype(float) for i in range(2))
    over_white = np.repeat(np.rint(255 + (gray - 255) * alpha / 255).astype(np.uint8)[..., None], 3, axis=2)
    known = _read(out / "completion_01.png")[:, half:].astype(int)
    assert np.abs(known - fit_square(over_white, SIDE)[:, half:]).max() <= 1


def test_the_hole_of_a_preset_follows_its_own_seed(works, folder, tmp_path):
    def hole(*options):
        works("inpaint", "--hole-preset", "large", "--samples", "2", *options, "--model", folder, "--out", tmp_path)
        return State.load(tmp_path / "state.npz").hole

    first = hole()
    np.testing.assert_array_equal(hole("--seed", "9"), first)
    assert np.any(hole("--hole-seed", "1") != first)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["photo.png"], "A photo needs a hole; give --hole, --hole-box or --hole-preset."),
        (["none.png", "--hole", "hole.png"], "There is no photo at none.png"),
        (["photo.png", "--hole", "none.png"], "There is no hole at none.png"),
        (["cut.png", "--hole", "hole.png"], "cut.png must be a whole picture file"),
        (["huge.png", "--hole", "hole.png"], "huge.png has more than the 128 megapixels"),
        (["photo.png", "--hole", "small.png"], "must have its photo's size, but the photo is 40x24"),
        (["photo.png", "--hole", "black.png"], "The hole is empty"),
        (["photo.png", "--hole", "white.png"], "The hole covers the whole photo"),
        (["photo.png", "--hole-box", "40,0,5,5"], "box must overlap the photo of 40x24"),
        (["photo.png", "--hole-box", "0,0,40,24"], "The hole covers the whole photo"),
        (["photo.png", "--hole-box", "0,0,5"], "must be left,top,width,height"),
        (["photo.png", "--hole-box", "0,0,5,-5"], "must be left,top,width,height"),
        (["photo.png", "--hole-preset", "lrage"], "There is no hole preset 'lrage'; choose large"),
        (["photo.png", "--hole", "hole.png", "--hole-box", "1,1,2,2"], "not allowed with argument"),
        (["photo.png", "--hole", "hole.png", "--samples", "0"], "must be a whole number from 1 to 1000"),
        (["photo.png", "--hole", "hole.png", "--seed", "-1"], "must be a whole number from 0 to 4294967295"),
        (["photo.png", "--hole", "hole.png", "--out", "hole.png"], "--out must name a folder"),
        (["photo.png", "--hole", "hole.png", "--model", "plain"], "plain cannot inpaint or encode yet"),
    ],
)
def test_wrong_input(fails, folder, tmp_path, photo, hole, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cut.png").write_bytes(photo.read_bytes()[:-40])
    for name, size, value in [("small.png", (40, 23), 255), ("black.png", (40, 24), 0), ("white.png", (40, 24), 255)]:
        Image.new("L", size, value).save(name)
    if "huge.png" in options:
        Image.new("1", (13000, 10000)).save("huge.png")
    if "plain" in options:
        save_tiny_model(tmp_path / "plain", inpainter=False)
    before = sorted(tmp_path.rglob("*"))
    assert message in fails("inpaint", "--model", folder, "--out", "out", *options)
    assert sorted(tmp_path.rglob("*")) == before
