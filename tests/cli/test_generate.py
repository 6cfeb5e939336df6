"""`ganinv generate`: files, options, and one sentence for what is wrong."""

import errno
import shutil

import numpy as np
import pytest
from model_folders import SIDE
from PIL import Image

from ganinv_jax.cli import common, generate
from ganinv_jax.core.images import to_uint8
from ganinv_jax.pipelines import load


def _read(path):
    return np.asarray(Image.open(path))


def test_pictures_and_grid(works, folder, tmp_path):
    out = tmp_path / "new" / "out"
    told = works("generate", "--seeds", "0-2,12345,7", "--model", folder, "--out", out)
    assert f"Wrote 5 pictures and grid.png to {out}." in told
    names = [f"seed{seed}.png" for seed in ("0000", "0001", "0002", "12345", "0007")]
    assert {path.name for path in out.iterdir()} == {*names, "grid.png"}
    pictures = load(folder).generate([0, 1, 2, 12345, 7])
    sheet, step = _read(out / "grid.png"), SIDE + 2
    assert sheet.shape == (2 * step - 2, 3 * step - 2, 3)
    for i, (name, picture) in enumerate(zip(names, pictures, strict=True)):
        np.testing.assert_array_equal(_read(out / name), picture)
        top, left = i // 3 * step, i % 3 * step
        np.testing.assert_array_equal(sheet[top : top + SIDE, left : left + SIDE], picture)


def test_options_reach_the_model(works, folder, tmp_path):
    options = ("--truncation-psi", "0.4", "--truncation-cutoff", "3", "--noise-mode", "random")
    works("generate", "--seeds", "5", "--model", folder, "--out", tmp_path, *options)
    wanted = load(folder).generate([5], 0.4, 3, "random")[0]
    np.testing.assert_array_equal(_read(tmp_path / "seed0005.png"), wanted)


def test_the_grid_is_bounded(works, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(generate, "IN_GRID", 4)
    works("generate", "--seeds", "0-8", "--model", folder, "--out", tmp_path)
    assert len(list(tmp_path.glob("seed*.png"))) == 9
    assert _read(tmp_path / "grid.png").shape == (2 * SIDE + 2, 2 * SIDE + 2, 3)


def test_files_of_the_same_name_are_replaced_and_others_stay(works, folder, tmp_path):
    (tmp_path / "seed0000.png").write_text("old")
    (tmp_path / "notes.txt").write_text("mine")
    works("generate", "--seeds", "0", "--model", folder, "--out", tmp_path)
    assert _read(tmp_path / "seed0000.png").shape == (SIDE, SIDE, 3)
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("7", [7]), ("0-3,7", [0, 1, 2, 3, 7]), ("3,1-2", [3, 1, 2]), ("4294967295", [2**32 - 1])],
)
def test_lists_of_seeds(text, wanted):
    assert common.seeds(text) == wanted


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--seeds", "a"], "seeds must be whole numbers and ranges such as 0-3,7, but got 'a'"),
        (["--seeds", "0-"], "seeds must be whole numbers"),
        (["--seeds=-1"], "seeds must be whole numbers"),
        (["--seeds", "3-1"], "a range of seeds must rise"),
        (["--seeds", "4294967296"], "stay below 4294967296"),
        (["--seeds", "0-4294967295"], "at most 100000 seeds"),
        (["--seeds", "0", "--truncation-psi", "nan"], "must be a finite number, but got 'nan'"),
        (["--seeds", "0", "--truncation-cutoff", "-1"], "must be a whole number from 0"),
        (["--seeds", "0", "--noise-mode", "konst"], "invalid choice: 'konst'"),
        (["--seeds", "0", "--class-idx", "1"], "This model has no classes"),
        (["--seeds", "0", "--model", "no/such/folder"], "There is no model 'no/such/folder'"),
        ([], "the following arguments are required: --seeds"),
    ],
)
def test_wrong_options(fails, folder, tmp_path, options, message):
    assert message in fails("generate", "--model", folder, "--out", tmp_path / "out", *options)
    assert not (tmp_path / "out").exists()


def test_a_file_where_the_folder_should_be(fails, folder, tmp_path):
    (tmp_path / "out").write_text("mine")
    for place in ("out", "out/deeper"):
        told = fails("generate", "--seeds", "0", "--model", folder, "--out", tmp_path / place)
        assert f"--out must name a folder, but {tmp_path / 'out'} is a file" in told
    assert (tmp_path / "out").read_text() == "mine"


def test_a_full_disk(fails, folder, tmp_path, monkeypatch):
    def save(self, path, **options):
        path.write_bytes(b"half a pict")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", save)
    told = fails("generate", "--seeds", "0", "--model", folder, "--out", tmp_path)
    assert "No space left on device" in told and "free some space" in told
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_model(fails, folder, tmp_path):
    shutil.copytree(folder, tmp_path / "model")
    weights = tmp_path / "model" / "generator.safetensors"
    weights.write_bytes(weights.read_bytes()[:-8])
    told = fails("generate", "--seeds", "0", "--model", tmp_path / "model", "--out", tmp_path / "out")
    assert "must be whole, but is damaged" in told and not (tmp_path / "out").exists()


@pytest.mark.shared
def test_an_official_seed_gives_the_official_picture(works, shared, tmp_path):
    """The reference's first z is that of seed 111."""
    files = shared / "fixtures" / "nv"
    reference = np.load(files / "ada_skip_uncond_32.npz")
    np.testing.assert_allclose(reference["z"][:1], np.random.RandomState(111).randn(1, 20), rtol=1e-6)
    works("generate", "--seeds", "111", "--model", files / "ada_skip_uncond_32.pkl", "--out", tmp_path)
    wanted = to_uint8(reference["img"][0].transpose(1, 2, 0))
    assert np.abs(_read(tmp_path / "seed0111.png").astype(int) - wanted).max() <= 1
