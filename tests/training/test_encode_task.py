"""The encoding task on a tiny generator: its losses against NumPy, what a step moves, and the folder that it writes."""

import functools
import sys
from pathlib import Path
from types import SimpleNamespace

import jax
import numpy as np
import pytest
from PIL import Image

import ganinv_jax as ganinv
from ganinv_jax.core import folders
from ganinv_jax.core.configs import from_dict
from ganinv_jax.core.devices import data_mesh
from ganinv_jax.core.errors import InputError
from ganinv_jax.core.images import resize
from ganinv_jax.inversion.schedule import Look
from ganinv_jax.losses.perceptual import PerceptualDistance
from ganinv_jax.models.encoders import WholeConfig
from ganinv_jax.training import calibration
from ganinv_jax.training.checkpoints import Checkpoints
from ganinv_jax.training.tasks.encode import EncodeConfig, EncodeTask
from ganinv_jax.training.tasks.encode import task as module

sys.path.insert(0, str(Path(__file__).parents[1]))
from model_folders import SIDE, add_psp_encoder, save_tiny_model, tiny_model

ADVERSARY = {
    "network": {"resolution": SIDE, "channels": [8, 8, 6]},
    "r1_gamma": 1.0,
    "augment": None,
    "optimizer": {"learning_rate": 1e-9},
}
"""The tiny model's own discriminator, which hardly moves here."""


@pytest.fixture(scope="module", autouse=True)
def shallow():
    """EfficientNet-Lite0's first stage is quick to compile, and does for these tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PerceptualDistance", functools.partial(PerceptualDistance, stages=("stride4",)))
        patch.setattr(calibration, "CALIBRATION_PAIRS", 4)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A generator, a discriminator, and an inpainter that will make way."""
    return save_tiny_model(tmp_path_factory.mktemp("model") / "gan", discriminator=True)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    path = tmp_path_factory.mktemp("photos")
    for i in range(5):
        picture = np.random.RandomState(i).randint(0, 256, (4, 4, 3), np.uint8)
        Image.fromarray(picture).resize((SIDE, SIDE)).save(path / f"{i}.png")
    return str(path)


@pytest.fixture
def make(folder, photos):
    def task(source=folder, **changes) -> EncodeTask:
        options = {"init_from": str(source), "data": {"source": photos, "mirror": False}, "batch_size": 4}
        options["options"] = {"channel_max": 8, "pyramid": 4, "head_channels": 4}
        options |= {"show": {"count": 2}, "optimizer": {"learning_rate": 3e-3, "b1": 0.9}}
        return EncodeTask(from_dict(EncodeConfig, options | changes))

    return task


jit = functools.partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})  # compiling is what costs here


def _run(task: EncodeTask, state, first: int, last: int, same: bool = False):
    """Steps first to last (with `same`, on the batch and the key of step 0), and the metrics of each."""
    step, metrics = _step(task), []
    for i, batch in zip(range(first, last), task.batches(first), strict=False):
        batch = next(task.batches(0)) if same else batch
        state, now = step(state, batch, jax.random.key(0 if same else i), task.frozen)
        metrics.append(jax.device_get(now))
    return state, metrics


@functools.cache
def _step(task: EncodeTask):
    return jit(lambda s, b, k, f: task.step(s, b, k, frozen=f, variant=task.variant(1)))


def _same(one, other) -> bool:
    return jax.tree.all(jax.tree.map(lambda a, b: np.array_equal(np.asarray(a), np.asarray(b)), one, other))


def _away(task: EncodeTask):
    """A state whose encoder is away from where it starts."""
    rng = np.random.default_rng(5)
    state = task.init(jax.random.key(0))
    params = jax.tree.map(lambda x: np.asarray(x + 0.3 * rng.normal(size=x.shape), np.float32), state.params)
    return state.replace(params=params, ema=params)


def _score(task: EncodeTask, state, images):
    """Logits of the discriminator of a state."""
    assert task.adversary is not None
    return np.asarray(jit(task.adversary._network.apply)({"params": state.adversary.params}, images))


@pytest.mark.slow
def test_the_losses_are_those_of_the_papers(make):
    """Pictures: idinvert's three terms. Codes: of generated pictures those they were drawn from; e4e's rows."""
    weights = {"mse": 1.5, "perceptual": 0.7, "adversarial": 0.2, "latent": 0.3, "delta": 0.05}
    task = make(batch_size=8, generated=0.5, weights=weights, stylegan2=ADVERSARY)
    state, batch = _away(task), next(task.batches(0))
    _, (metrics,) = _run(task, state, 0, 1)
    assert batch["image"].shape == (4, SIDE, SIDE, 3)

    photos = batch["image"] / np.float32(127.5) - 1
    generator = task.frozen["generator"]
    z = jax.random.normal(jax.random.split(jax.random.key(0), 3)[0], (4, task.generator.config.z_dim))
    true = np.asarray(task.generator.apply(generator, z, method="map"))
    draw = jit(lambda ws: task.generator.apply(generator, ws, method="synthesize"))
    images = np.concatenate([photos, draw(true)])
    offsets = jit(task.encoder.apply)({"params": state.params}, images, np.ones_like(images[..., :1]))
    ws = np.asarray(generator["buffers"]["mapping"]["w_avg"] + offsets)
    drawn = np.asarray(draw(ws))

    network = PerceptualDistance(stages=("stride4",))
    distances = np.asarray(jit(network.__call__)(network.variables, drawn, images))
    logits = _score(task, state, drawn[:4])
    wanted = {
        "mse": ((drawn - images) ** 2).mean(),
        "perceptual": distances.mean() * float(state.scale),
        "adversarial": np.log1p(np.exp(-logits)).mean(),
        "latent": ((ws[4:] - true) ** 2).mean(),
        "delta": sum(np.linalg.norm(ws[:, i] - ws[:, 0], axis=-1) for i in range(1, ws.shape[1])).mean(),
    }
    for name, value in wanted.items():
        assert metrics[f"loss_{name}"] == pytest.approx(value, rel=2e-3), name
    assert metrics["loss"] == pytest.approx(sum(weights[name] * value for name, value in wanted.items()), rel=2e-3)
    error = ((drawn[:4] - photos) ** 2).mean((1, 2, 3))
    assert metrics["psnr"] == pytest.approx((10 * np.log10(4 / error)).mean(), abs=0.01)
    assert metrics["real_score"] == pytest.approx(_score(task, state, photos).mean(), rel=2e-3)
    assert metrics["fake_score"] == pytest.approx(logits.mean(), rel=2e-3)


@pytest.mark.slow
def test_the_discriminator_draws_reconstructions_towards_real_pictures(make):
    """With its term alone: reconstructions score higher than before, and without a discriminator nothing would move."""
    task = make(weights={"mse": 0.0, "perceptual": 0.0, "adversarial": 1.0}, stylegan2=ADVERSARY)
    start = _away(task)
    state, metrics = _run(task, start, 0, 3, same=True)
    assert metrics[-1]["fake_score"] > metrics[0]["fake_score"] + 1e-3
    assert metrics[-1]["loss_adversarial"] < metrics[0]["loss_adversarial"]
    assert not _same(start.params, state.params)
    assert not _same(start.adversary.params, state.adversary.params)


@pytest.fixture(scope="module")
def trained(folder, photos, tmp_path_factory):
    """Five steps on one batch from the start, without a discriminator, and the folder written."""
    options = {"init_from": str(folder), "data": {"source": photos, "mirror": False}, "batch_size": 4}
    options["options"] = {"channel_max": 8, "pyramid": 4, "head_channels": 4}
    options |= {"show": {"count": 2}, "optimizer": {"learning_rate": 3e-3, "b1": 0.9}}
    task = EncodeTask(from_dict(EncodeConfig, options))
    start = task.init(jax.random.key(0))
    state, metrics = _run(task, start, 0, 5, same=True)
    path = tmp_path_factory.mktemp("trained") / "model"
    folders.save(path, *task.export(state))
    return SimpleNamespace(task=task, start=start, state=state, metrics=metrics, folder=path)


def test_training_begins_with_the_average_picture_and_lowers_the_loss(trained):
    metrics, task = trained.metrics, trained.task
    w_avg = task.frozen["generator"]["buffers"]["mapping"]["w_avg"]
    image = jit(task._read)(trained.start.params, np.zeros((1, SIDE, SIDE, 3), np.float32), task.frozen)
    np.testing.assert_array_equal(image[0], np.tile(w_avg, (task.generator.config.num_ws, 1)))
    assert metrics[-1]["loss"] < 0.98 * metrics[0]["loss"] and metrics[-1]["psnr"] > metrics[0]["psnr"]
    assert int(trained.state.images) == 20 and not _same(trained.state.ema, trained.state.params)
    assert "loss_d" not in metrics[0] and "loss_latent" not in metrics[0]


def test_the_folder_encodes_and_inverts(trained, folder):
    """It holds no inpainter any more, whose mixer was trained for another encoder; the discriminator took no part."""
    task, state = trained.task, trained.state
    model, before = ganinv.load(trained.folder), folders.load(folder)[1]
    assert set(model.parts) == {"generator", "discriminator", "encoder"}
    after = folders.load(trained.folder)[1]
    assert all(_same(before[part], after[part]) for part in ("generator", "discriminator"))
    assert isinstance(model.network("encoder").config, WholeConfig)
    images = np.random.default_rng(0).uniform(-1, 1, (2, SIDE, SIDE, 3)).astype(np.float32)
    expected = jit(task._read)(state.ema, images, task.frozen)
    np.testing.assert_allclose(model.encode(images), expected, rtol=1e-4, atol=1e-4)
    larger = np.repeat(np.repeat(images, 2, axis=1), 2, axis=2)
    small = resize(larger, (SIDE, SIDE))
    np.testing.assert_allclose(model.encode(larger), model.encode(small), rtol=1e-4, atol=1e-4)
    photo = np.asarray((images[0] + 1) * 127.5, np.uint8)
    inverted = model.invert(photo, method="encoder")
    np.testing.assert_allclose(inverted.ws, model.encode(photo[None] / np.float32(127.5) - 1), rtol=1e-3, atol=1e-3)
    with pytest.raises(InputError, match="cannot inpaint, as its encoder reads whole pictures"):
        model.inpaint(photo, np.eye(SIDE, dtype=bool))


@pytest.mark.slow
def test_idinvert_holds_codes_by_this_encoder(trained):
    photo = np.random.RandomState(0).randint(0, 256, (SIDE, SIDE, 3), np.uint8)
    model, near = ganinv.load(trained.folder), Look(stages=("stride4",))
    drifts = []
    for domain in (100.0, 0.0):
        ws = model.invert(photo, method="idinvert", steps=20, domain=domain, look=near).ws
        drifts.append(np.abs(np.asarray(model.encode(model.synthesize(ws))) - ws).mean())
    assert drifts[0] < drifts[1]


@pytest.mark.slow
def test_a_resumed_run_is_the_uninterrupted_one(trained, tmp_path):
    task, start = trained.task, trained.start
    straight, _ = _run(task, start, 0, 3)
    half, _ = _run(task, start, 0, 2)
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(2, half)
        checkpoints.wait()
        again, step = checkpoints.restore(jax.eval_shape(task.init, jax.random.key(0)), data_mesh())  # type: ignore
    resumed, _ = _run(task, again, step, 3)
    assert _same(straight, resumed) and not _same(straight.params, half.params)


def test_training_goes_on_from_a_folder_with_the_same_options(trained, folder, make):
    state = make(trained.folder, stylegan2=ADVERSARY).init(jax.random.key(9))
    assert _same(state.params, trained.state.ema)
    assert _same(state.adversary.params, folders.load(folder)[1]["discriminator"]["params"])
    other = make(trained.folder, options={"channel_max": 9, "pyramid": 4, "head_channels": 4}).init(jax.random.key(9))
    assert not np.any(other.params["heads0"]["styles"]["kernel"])  # begun anew


@pytest.mark.slow
def test_a_converted_encoder_goes_on_with_its_statistics(make, tmp_path):
    config, arrays = add_psp_encoder(*tiny_model(inpainter=False), heads="w", passes=None)
    folders.save(tmp_path / "model", config, arrays)
    task = make(tmp_path / "model", preset="given", options={})
    start = task.init(jax.random.key(0))
    assert _same(start.params, arrays["encoder"]["params"])
    state, _ = _run(task, start, 0, 1)
    assert not _same(start.params, state.params)
    exported, after = task.export(state)
    assert _same(after["encoder"]["buffers"], arrays["encoder"]["buffers"]) and exported["encoder"] == config["encoder"]


def test_the_samples_show_each_photo_beside_its_reconstruction(trained, photos):
    task, state = trained.task, trained.state
    picture = task.snapshot(state)["samples"]
    assert picture.shape[:1] == (SIDE,)
    cells = [picture[:, i * (SIDE + 2) :][:, :SIDE].astype(int) for i in range(4)]
    for i in (0, 1):
        photo = np.asarray(Image.open(Path(photos) / f"{i}.png"))
        assert np.abs(cells[2 * i] - photo).max() <= 1
        drawn = np.asarray(jit(task._reconstruct)(state.ema, photo[None] / np.float32(127.5) - 1, task.frozen)[0])
        np.testing.assert_allclose(cells[2 * i + 1], np.clip((drawn + 1) * 127.5, 0, 255), atol=1.5)


@pytest.mark.parametrize(
    "changes, reason",
    [
        ({"batch_size": 0}, "batch_size must be positive"),
        ({"generated": 1.0}, "generated is a share from 0 to below 1"),
        ({"generated": 0.9}, "generated must leave a real picture"),
        ({"weights": {"latent": 0.1}}, "weights.latent needs pictures whose codes are known"),
        ({"weights": {"mse": -1.0}}, "weights.mse must be at least 0"),
        ({"weights": {"perceptul": 1.0}}, "did you mean 'perceptual'"),
        ({"stylegan2": ADVERSARY, "projected": {}}, "not both"),
        (
            {"stylegan2": ADVERSARY, "batch_size": 8, "generated": 0.25},
            "the number of real pictures in a batch must be a multiple",
        ),
        ({"stylegan2": {**ADVERSARY, "network": {"resolution": 8, "channels": [8, 8]}}}, "resolution 16, not 8"),
        ({"options": {"chanel_max": 8}}, "did you mean 'channel_max'"),
        ({"options": {"resolution": 32, "blocks": (1, 1, 1)}}, "must give 6 styles of width 5, but gives 8 of 5"),
        ({"preset": "given"}, "options change a preset's sizes"),
        ({"preset": "given", "options": {}}, "must hold an encoder of whole pictures, but .* does not"),
        ({"features": "vgg61"}, "There are no features 'vgg61'"),
        ({"show": {"count": 6}}, "must hold 6 pictures, but .* has 5"),
        ({"show": {"count": 0}}, "show.count must be positive"),
        ({"init_from": "nowhere"}, "There is no model 'nowhere'"),
        ({"data": {"source": "nowhere"}}, "There are no pictures at nowhere"),
    ],
)
def test_bad_recipes_get_a_sentence(make, changes, reason):
    with pytest.raises(InputError, match=reason):
        make(**changes)


def test_only_a_discriminator_that_was_trained_is_frozen(make, folder, tmp_path):
    """The folder's, whose own training froze none; not one that begins anew."""
    frozen = ADVERSARY | {"network": ADVERSARY["network"] | {"freeze_layers": 2}}
    assert make(stylegan2=frozen)._start.discriminator is not None
    wider = ADVERSARY | {"network": {"resolution": SIDE, "channels": [8, 8, 7], "freeze_layers": 2}}
    with pytest.raises(InputError, match=r"would begin anew, since in .* its channels is .*; set freeze_layers to 0"):
        make(stylegan2=wider)
    with pytest.raises(InputError, match="would begin anew, since .* has none; set freeze_layers to 0"):
        make(save_tiny_model(tmp_path / "gan"), stylegan2=frozen)


@pytest.mark.parametrize(
    "generator, encoder, reason",
    [
        ({"c_dim": 3}, {}, "An encoder needs a generator of RGB pictures without labels, but .* 3 labels"),
        ({"mapping": {"num_layers": 2, "w_avg_beta": None}}, {}, "must keep an average w"),
        ({}, {"heads": "w", "passes": 2}, "encoders that read RGB pictures once"),
    ],
)
def test_models_that_cannot_be_trained_on_are_refused(make, tmp_path, generator, encoder, reason):
    config, arrays = tiny_model(inpainter=False, **generator)
    folders.save(tmp_path / "model", *(add_psp_encoder(config, arrays, **encoder) if encoder else (config, arrays)))
    with pytest.raises(InputError, match=reason):
        make(tmp_path / "model", **({"preset": "given", "options": {}} if encoder else {}))
