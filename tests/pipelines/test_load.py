"""Opening models: folders, bundled names, official files, and what is said of anything else."""

import pickle
import shutil

import numpy as np
import pytest
from model_folders import save_tiny_model, tiny_model
from safetensors.numpy import load_file, save_file

import ganinv_jax
from ganinv_jax.core import folders
from ganinv_jax.core.errors import InputError
from ganinv_jax.pipelines.load import load


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_tiny_model(tmp_path_factory.mktemp("models") / "tiny", inpainter=False)


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """Where bundled models lie; empty."""
    monkeypatch.setattr(folders, "BUNDLED", tmp_path / "bundled")
    return tmp_path / "bundled"


def test_a_folder(folder):
    model = ganinv_jax.load(folder)
    assert model.name == str(folder) and model.parts == ("generator",) and model.compute == "fp32"
    weights = model.network("generator").variables["params"]["mapping"]["fc0"]["weight"]
    np.testing.assert_array_equal(weights, tiny_model()[1]["generator"]["params"]["mapping"]["fc0"]["weight"])
    module = load(str(folder), compute="bf16", implementation="pallas").network("generator").module
    assert (module.compute, module.implementation) == ("bf16", "pallas")


def test_bundled_names(folder, shelf, tmp_path, monkeypatch):
    for name in ("cat64", "dog64"):
        shutil.copytree(folder, shelf / name)
    assert folders.bundled() == ["cat64", "dog64"]
    assert load().name == "cat64" and load("dog64").name == "dog64"
    with pytest.raises(InputError, match="There is no model 'cat46'; did you mean 'cat64'?"):
        load("cat46")
    with pytest.raises(InputError, match="or the name of a bundled one: cat64, dog64."):
        load("horse")
    monkeypatch.chdir(tmp_path)  # a folder of one's own comes first, unless it is no model
    (tmp_path / "dog64").mkdir()
    assert load("dog64").name == "dog64"


def test_nothing_bundled(shelf):
    with pytest.raises(InputError, match="There is no model 'cat64'; give .* since no model is bundled"):
        load()


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda path: (path / "config.json").unlink(), "must hold config.json"),
        (lambda path: (path / "config.json").write_text("{"), "must be JSON"),
        (lambda path: (path / "generator.safetensors").unlink(), "must hold generator.safetensors"),
        (lambda path: _truncate(path / "generator.safetensors"), "must be whole, but is damaged"),
        (lambda path: _poison(path / "generator.safetensors"), "must be finite numbers"),
        (lambda path: _reshape(path / "generator.safetensors"), "weights of generator must fit its config"),
    ],
)
def test_damaged_folders(folder, tmp_path, harm, message):
    path = tmp_path / "harmed"
    shutil.copytree(folder, path)
    harm(path)
    with pytest.raises(InputError, match=message):
        load(path)


def _truncate(path):
    path.write_bytes(path.read_bytes()[:-100])


def _poison(path):
    arrays = load_file(path)
    arrays["params/mapping/fc0/bias"] = arrays["params/mapping/fc0/bias"] * np.nan
    save_file(arrays, path)


def _reshape(path):
    arrays = load_file(path)
    arrays["params/mapping/fc0/bias"] = np.zeros(9, np.float32)
    save_file(arrays, path)


def test_no_official_file(tmp_path):
    path = tmp_path / "network.pkl"
    path.write_bytes(pickle.dumps({"step": 3}))
    with pytest.raises(InputError, match="network.pkl must be of a known family"):
        load(path)


@pytest.mark.shared
@pytest.mark.parametrize("name", ["ada_skip_uncond_32", "ada_resnet_cond_32"])
def test_official_files_give_the_official_pictures(shared, name):
    """Without a model folder in between; the reference holds what NVIDIA's code made of z (and c)."""
    model = load(shared / "fixtures" / "nv" / f"{name}.pkl")
    assert model.name == f"{name}.pkl" and model.parts == ("generator", "discriminator")
    reference = np.load(shared / "fixtures" / "nv" / f"{name}.npz")
    c = reference["c"] if model.config.c_dim else None
    ws = model.map(reference["z"], c, truncation_psi=0.7)
    np.testing.assert_allclose(ws, reference["w_psi07"], atol=1e-4)
    images = np.asarray(model.synthesize(ws)).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(images, reference["img_psi07"], atol=1e-4 * np.abs(reference["img_psi07"]).max())
    shown = reference["d_img_u8"].transpose(0, 2, 3, 1) / np.float32(127.5) - 1
    scores = model.score(shown.astype(np.float32), reference["d_c"] if model.config.c_dim else None)
    np.testing.assert_allclose(scores, reference["d_logits"][:, 0], atol=1e-4)
