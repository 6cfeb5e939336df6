"""Photos in, codes and files out."""

import json

import numpy as np
import pytest
from model_folders import SIDE, tiny_model
from PIL import Image

from ganinv_jax.core.errors import InputError
from ganinv_jax.inversion import engine
from ganinv_jax.pipelines import Model
from ganinv_jax.pipelines.inverted import InvertedState


@pytest.fixture(scope="module")
def model():
    return Model(*tiny_model(False), name="plain")


@pytest.fixture(scope="module")
def photos():
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (24, 40, 3), np.uint8), rng.integers(0, 256, (SIDE, SIDE, 3), np.uint8)]


@pytest.fixture(scope="module")
def made(model, photos):
    return model.invert(photos, method="csgm", steps=24, seed=3)


def test_what_comes_back(made):
    assert made.images.shape == (2, SIDE, SIDE, 3) and made.images.dtype == np.uint8
    assert made.ws.shape == (2, 6, 5) and made.variables["z"].shape == (2, 6)
    assert {name: values.shape for name, values in made.losses.items()} == {
        name: (24, 2) for name in ("squares", "prior", "total")
    }
    np.testing.assert_allclose(made.losses["total"], made.losses["squares"] + made.losses["prior"], rtol=1e-5)
    assert made.seconds > 0 and made.report["steps"] == 24 and not made.report["stopped"]


def test_figures_are_those_of_the_pictures(made):
    for entry, image, photo in zip(made.report["pictures"], made.images, made.state.photos, strict=True):
        mse = np.mean((image.astype(float) - photo) ** 2)
        np.testing.assert_allclose(entry["psnr"], 10 * np.log10(255**2 / mse), atol=1e-3)


def test_the_codes_draw_the_pictures(model, made):
    drawn = np.asarray(model.synthesize(made.ws)) * 127.5 + 128
    assert np.abs(np.clip(drawn, 0, 255) - made.images).max() <= 1.01


def test_saved_and_loaded(tmp_path, made):
    made.save(tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {"photo00", "photo01", "grid.png", "report.json"}
    for index, folder in enumerate(("photo00", "photo01")):
        names = {file.name for file in (tmp_path / folder).iterdir()}
        assert names == {"reconstruction.png", "state.npz", "losses.csv", "losses.png"}
        np.testing.assert_array_equal(
            np.asarray(Image.open(tmp_path / folder / "reconstruction.png")), made.images[index]
        )
        state = InvertedState.load(tmp_path / folder)
        np.testing.assert_array_equal(state.ws[0], made.ws[index])
        np.testing.assert_array_equal(state.variables["z"][0], made.variables["z"][index])
        np.testing.assert_allclose(state.losses["total"][:, 0], made.losses["total"][:, index], rtol=1e-6)
        assert (state.method, state.seed, state.digest) == ("csgm", 3, made.state.digest)
    (tmp_path / "photo00" / "state.npz").write_bytes(b"torn")
    with pytest.raises(InputError, match="must be a whole state.npz"):
        InvertedState.load(tmp_path / "photo00")


def test_nested_variables_come_back(tmp_path, model, photos):
    state = model.invert(photos[0], method="csgm", steps=1).state
    noise = {"b4": {"conv1": np.arange(16.0).reshape(1, 4, 4)}}
    state.variables["noise"] = noise
    state.save(tmp_path)
    np.testing.assert_array_equal(InvertedState.load(tmp_path).variables["noise"]["b4"]["conv1"], noise["b4"]["conv1"])


@pytest.mark.slow
def test_every_task(model, photos):
    for task in ("inpainting", "colorization", "super-resolution", "denoising", "random-projection"):
        found = model.invert(photos, method="csgm", task=task, steps=2)
        assert found.grid().shape[1] > (2 if task == "random-projection" else 3) * SIDE
    hole = np.zeros((24, 40), bool)
    hole[:, 20:] = True
    found = model.invert(photos[0], method="csgm", task="inpainting", steps=2, hole=hole)
    assert {"psnr", "psnr_known", "psnr_hole"} <= set(found.report["pictures"][0])
    assert np.all(found.state.seen[0, :, SIDE // 2 :] == 128)


def test_a_hole_from_a_file_may_have_the_models_size(tmp_path, model, photos):
    hole = np.zeros((SIDE, SIDE), np.uint8)
    hole[:4] = 255
    Image.fromarray(hole).save(tmp_path / "hole.png")
    found = model.invert(photos[0], method="csgm", task="inpainting", steps=1, hole=tmp_path / "hole.png")
    assert np.all(found.state.seen[0, :4] == 128) and np.any(found.state.seen[0, 4] != 128)


def test_photos_of_one_name_have_folders_of_their_own(tmp_path, model, photos, monkeypatch):
    monkeypatch.setattr("ganinv_jax.pipelines.invert.default_batch", lambda resolution: 2)  # as below
    paths = [tmp_path / folder / name for folder, name in (("a", "cat_1.png"), ("b", "cat.png"), ("c", "cat.png"))]
    for path in paths:
        path.parent.mkdir()
        Image.fromarray(photos[1]).save(path)
    found = model.invert(paths, method="csgm", steps=1)
    assert [entry["name"] for entry in found.report["pictures"]] == ["cat_1", "cat", "cat_2"]


def test_stopped_between_batches(tmp_path, model, photos, monkeypatch):
    monkeypatch.setattr("ganinv_jax.pipelines.invert.default_batch", lambda resolution: 2)  # one photo, begun twice

    def watch(progress: engine.Progress) -> bool:
        return progress.done >= 50

    found = model.invert([photos[1]] * 3, method="csgm", steps=40, watch=watch)
    assert found.report["stopped"] and len(found.images) == 2
    assert found.losses["total"].shape == (40, 2) and np.isnan(found.losses["total"][20:, 1]).all()
    assert found.report["pictures"][1]["loss"] == found.losses["total"][:20, 1].min()
    found.save(tmp_path)
    assert (tmp_path / "report.json").exists()


def test_a_video_of_the_way(tmp_path, model, photos):
    found = model.invert(photos, method="csgm", steps=30, video=True)
    assert found.frames.shape == (2, 31, SIDE, SIDE, 3)
    np.testing.assert_array_equal(found.frames[:, -1], found.images)
    found.save(tmp_path)
    with Image.open(tmp_path / "photo01" / "video.gif") as video:
        assert video.size == (2 * SIDE + 2, SIDE) and 20 < video.n_frames <= 31
        video.seek(video.n_frames - 1)
        last = np.asarray(video.convert("RGB")).astype(int)
    assert np.abs(last[:, :SIDE] - found.state.photos[1]).mean() < 15  # of 256 colours
    assert np.abs(last[:, SIDE + 2 :] - found.images[1]).mean() < 15  # of 256 colours
    model.invert(photos, method="csgm", steps=1).save(tmp_path)
    assert not (tmp_path / "photo01" / "video.gif").exists()


def test_frames_fit_into_memory(model, photos, monkeypatch):
    monkeypatch.setattr("ganinv_jax.pipelines.invert.FILM_BYTES", 2 * 5 * SIDE * SIDE * 3)
    found = model.invert(photos, method="csgm", steps=30, video=True)
    assert found.frames.shape[1] <= 5


def test_a_diverged_inversion_keeps_what_was_before(tmp_path, model, photos):
    found = model.invert(photos, method="lipton", steps=40, rate=1e37, clipping="none")
    found.save(tmp_path)
    told = json.loads((tmp_path / "report.json").read_text())
    for index, entry in enumerate(told["pictures"]):
        total = found.losses["total"][:, index]
        assert entry["diverged"] == np.flatnonzero(~np.isfinite(total))[0]
        assert entry["loss"] == np.min(total[np.isfinite(total)])
    assert np.isfinite(found.ws).all()
    InvertedState.load(tmp_path / "photo00")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "csmg"}, "did you mean 'csgm'"),
        ({"task": "inpaint"}, "did you mean 'inpainting'"),
        ({"restart": 3}, "did you mean 'restarts'"),
        ({"factor": 2}, "no option 'factor'"),
        ({"seed": -1}, "seed must lie"),
        ({"restarts": 1.5}, "restarts must be of type int, but got 1.5"),
        ({"prior": "big"}, "prior must be of type float, but got 'big'"),
        ({"task": "denoising", "noise_std": "x"}, "noise_std must be of type float"),
        ({"method": "projector", "space": []}, r"space must be one of 'w', 'w\+', but got \[\]"),
        ({"method": "projector", "look": 3}, "look must be"),
        ({"steps": 0}, "steps must be at least 1"),
        ({"class_idx": 1}, "no classes"),
        (
            {"method": "projector", "task": "random-projection"},
            "projector cannot do random-projection, since its distance",
        ),
        ({"method": "encoder", "video": True}, "encoder takes no steps that a video could show"),
        ({"method": "encoder"}, "plain cannot inpaint or encode yet"),
    ],
)
def test_bad_requests(model, photos, options, message):
    with pytest.raises(InputError, match=message):
        model.invert(photos, **{"method": "csgm", **options})


def test_no_photos(model):
    with pytest.raises(InputError, match="At least one photo"):
        model.invert([], method="csgm")
