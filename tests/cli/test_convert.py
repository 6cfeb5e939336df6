"""`ganinv convert` and `ganinv info`: official files in, and what is in them."""

import pickle

import numpy as np
import pytest
from model_folders import save_tiny_model
from PIL import Image

from ganinv_jax.core import folders
from ganinv_jax.core.images import to_uint8
from ganinv_jax.core.torchfile import read


@pytest.mark.shared
def test_convert_then_generate_gives_the_official_picture(works, fails, shared, tmp_path):
    source = shared / "fixtures" / "nv" / "ada_resnet_cond_32.pkl"
    model, out = tmp_path / "model", tmp_path / "out"
    told = works("convert", source, model)
    assert "generator, discriminator of a NVIDIA PyTorch pickle" in told and "Left out G: " in told
    assert {path.name for path in model.iterdir()} == {
        "config.json",
        "MODEL_CARD.md",
        "generator.safetensors",
        "discriminator.safetensors",
    }
    reference = np.load(source.with_suffix(".npz"))
    seed, class_idx = _seed(reference["z"][:1]), int(reference["c"][0].argmax())
    works("generate", "--seeds", seed, "--class-idx", class_idx, "--model", model, "--out", out)
    picture = np.asarray(Image.open(out / f"seed{seed:04d}.png")).astype(int)
    assert np.abs(picture - to_uint8(reference["img"][0].transpose(1, 2, 0))).max() <= 1
    assert "needs a class from 0 to 4" in fails("generate", "--seeds", "0", "--model", model, "--out", out)


@pytest.mark.shared
def test_info_of_an_official_file(works, shared):
    told = works("info", shared / "fixtures" / "nv" / "ada_skip_uncond_32.pkl")
    assert "nvidia-torch" in told and "resolution: 32" in told and "left out: G (" in told


@pytest.mark.shared
def test_storage(works, shared, tmp_path):
    source = shared / "fixtures" / "nv" / "ada_skip_uncond_32.pkl"
    works("convert", source, tmp_path / "full")
    works("convert", source, tmp_path / "half", "--dtype", "fp16")
    full, half = ((tmp_path / name / "generator.safetensors").stat().st_size for name in ("full", "half"))
    assert half < 0.7 * full
    _, arrays = folders.load(tmp_path / "half")
    assert arrays["generator"]["params"]["synthesis"]["b4"]["const"].dtype == np.float32


def test_info_of_a_model(works, tmp_path):
    folder = save_tiny_model(tmp_path / "model", discriminator=True)
    told = works("info", folder)
    _, arrays = folders.load(folder)
    count = sum(leaf.size for leaf in _leaves(arrays["mixer"]["params"]))
    assert f"mixer: {count:,} parameters" in told
    for text in (
        "generator:",
        "discriminator:",
        "encoder:",
        "skip:",
        "  z_dim: 6",
        "  mapping:\n",
        "    num_layers: 2",
    ):
        assert text in told


def test_there_and_back(works, fails, tmp_path):
    folder, out = save_tiny_model(tmp_path / "model", discriminator=True), tmp_path / "model.pt"
    assert "G_ema, D." in works("convert", folder, out, "--to", "nvidia")
    assert read(out)["G_ema"]["synthesis.b16.conv0.noise_const"].shape == (16, 16)
    assert "is a model already; to write it as an official file, add --to nvidia" in fails("convert", folder, out)
    assert "leave them out" in fails("convert", folder, out, "--to", "nvidia", "--dtype", "fp16")
    assert "is a model already" in fails("convert", "cat64", out)


def test_nothing_is_kept_raw_where_there_is_nothing(fails, tmp_path):
    np.save(tmp_path / "age.npy", np.ones(8, np.float32))
    told = fails("convert", tmp_path / "age.npy", tmp_path / "age", "--raw")
    assert "holds no generator as trained" in told and not (tmp_path / "age").exists()


def test_wrong_files(fails, tmp_path):
    unknown = tmp_path / "steps.pkl"
    unknown.write_bytes(pickle.dumps({"step": 3}))
    (tmp_path / "empty.pkl").write_bytes(b"")
    out = tmp_path / "out"
    assert "must be of a known family" in fails("convert", unknown, out)
    assert "must be of a known family" in fails("info", unknown)
    assert "cannot be read" in fails("convert", tmp_path / "none.pkl", out)
    assert "empty" in fails("convert", tmp_path / "empty.pkl", out)
    assert "did you mean 'nvidia-torch'" in fails("convert", unknown, out, "--family", "nvidia-tork")
    assert "There is no model" in fails("info", tmp_path / "none")
    assert not out.exists()


@pytest.mark.shared
def test_a_folder_that_is_no_model_is_left_alone(fails, shared, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    told = fails("convert", shared / "fixtures" / "nv" / "ada_skip_uncond_32.pkl", tmp_path)
    assert "already holds something" in told
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def _seed(z):
    return next(i for i in range(200) if np.allclose(np.random.RandomState(i).randn(*z.shape), z, atol=1e-6))


def _leaves(tree):
    return [leaf for value in tree.values() for leaf in (_leaves(value) if isinstance(value, dict) else [value])]
