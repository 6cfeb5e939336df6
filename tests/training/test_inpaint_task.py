"""The inpainting task on a tiny generator: its losses against NumPy, what a step moves, and what each switch does."""

import functools
import itertools
import sys
from pathlib import Path
from types import SimpleNamespace

import jax
import numpy as np
import pytest
from PIL import Image

from ganinv_jax.core import folders
from ganinv_jax.core.configs import from_dict
from ganinv_jax.core.devices import data_mesh
from ganinv_jax.core.errors import InputError
from ganinv_jax.losses.perceptual import PerceptualDistance
from ganinv_jax.training import calibration
from ganinv_jax.training.checkpoints import Checkpoints
from ganinv_jax.training.tasks.inpaint import InpaintConfig, InpaintTask
from ganinv_jax.training.tasks.inpaint import task as module

sys.path.insert(0, str(Path(__file__).parents[1]))
from model_folders import SIDE, save_tiny_model

ADVERSARY = {"network": {"resolution": SIDE, "channels": [8, 8, 6]}, "r1_gamma": 1.0, "augment": None}


@pytest.fixture(scope="module", autouse=True)
def shallow():
    """EfficientNet-Lite0's first stage is quick to compile, and does for these tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PerceptualDistance", functools.partial(PerceptualDistance, stages=("stride4",)))
        patch.setattr(calibration, "CALIBRATION_PAIRS", 4)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A generator and a discriminator."""
    return save_tiny_model(tmp_path_factory.mktemp("model") / "gan", inpainter=False, discriminator=True)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    path = tmp_path_factory.mktemp("photos")
    for i in range(3):
        picture = np.random.RandomState(i).randint(0, 256, (4, 4, 3), np.uint8)
        Image.fromarray(picture).resize((SIDE, SIDE)).save(path / f"{i}.png")
    return str(path)


def _task(folder, **changes) -> InpaintTask:
    options = {"init_from": str(folder), "batch_size": 4, "show": {"count": 1, "holes": "center"}}
    options["options"] = {"encoder": {"channel_max": 8, "pyramid": 4, "head_channels": 4}, "skip": {"channel_max": 8}}
    return InpaintTask(from_dict(InpaintConfig, options | {"optimizer": {"learning_rate": 3e-3, "b1": 0.9}} | changes))


jit = functools.partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})  # compiling is what costs here


def _runner(task: InpaintTask):
    """Runs steps first to last (with `same`, on the batch and the key of step 0) and gives the metrics of each."""
    step = jit(lambda s, b, k, f: task.step(s, b, k, frozen=f, variant=task.variant(1)))

    def run(state, first: int, last: int, same: bool = False):
        metrics = []
        for i, batch in zip(range(first, last), task.batches(first), strict=False):
            batch = next(task.batches(0)) if same else batch
            state, now = step(state, batch, jax.random.key(0 if same else i), task.frozen)
            metrics.append(jax.device_get(now))
        return state, metrics

    return run


def _same(one, other) -> bool:
    return jax.tree.all(jax.tree.map(lambda a, b: np.array_equal(np.asarray(a), np.asarray(b)), one, other))


def _trained(task: InpaintTask, seed=5):
    """A state whose networks are away from where they start."""
    rng = np.random.default_rng(seed)
    state = task.init(jax.random.key(0))
    params = jax.tree.map(lambda x: np.asarray(x + 0.3 * rng.normal(size=x.shape), np.float32), state.params)
    return state.replace(params=params, ema=params)


@pytest.mark.slow
def test_the_losses_are_those_of_the_paper(folder, photos):
    """A generated picture's own code: everything and the code itself. Any other code: the known pixels only."""
    weights = {"mse": 1.5, "perceptual": 0.7, "latent": 0.3, "adversarial": 0.2}
    real = {"source": photos, "warmup_kimg": 0.0, "mirror": False}
    task = _task(folder, batch_size=8, stylegan2=ADVERSARY, weights=weights, photos=real)
    state, batch, key = _trained(task), next(task.batches(0)), jax.random.key(0)
    _, (metrics,) = _runner(task)(state, 0, 1)
    hole, known = batch["hole"], 1 - batch["hole"]
    assert hole.shape == (8, SIDE, SIDE, 1) and 0 < hole.mean() < 1 and len(batch["image"]) == 2

    draw_key = jax.random.split(key, 3)[0]
    sources, ws_rand, own = jax.device_get(jit(task._draw)(batch, draw_key, task.frozen))
    model = {**task.frozen["model"], **state.params}
    assert np.array_equal(ws_rand[:6, 0], own) and not np.array_equal(ws_rand[:6, 1], own)
    np.testing.assert_allclose(
        sources[:6], task.generator.apply(model["generator"], own, method="synthesize"), atol=1e-4
    )
    np.testing.assert_allclose(sources[6:], batch["image"] / 127.5 - 1, atol=1e-6)
    done = jit(task.inpainter.complete)(model, sources * known, known, ws_rand)
    images, ws = np.asarray(done.images), np.asarray(done.ws)

    mse, distances = np.zeros((8, 2)), np.zeros((8, 2))
    network = PerceptualDistance(stages=("stride4",))
    distance = jit(lambda a, b: network(network.variables, a, b)[0])
    for i, s in itertools.product(range(8), range(2)):
        mask = np.ones_like(known[i]) if s == 0 and i < 6 else known[i]
        mse[i, s] = (((images[i, s] - sources[i]) * mask) ** 2).mean() / mask.mean()
        distances[i, s] = state.scale * distance((images[i, s] * mask)[None], (sources[i] * mask)[None])
    latent = ((ws[:6, 0] - own) ** 2).mean()
    shown = np.stack([images[i, i % 2] for i in range(8)])  # one completion of each picture
    composites = np.where(known == 1, sources, shown)
    logits = jit(task.adversary._network.apply)({"params": state.adversary.params}, composites)
    adversarial = np.log1p(np.exp(-np.asarray(logits))).mean()
    for name, wanted in (
        ("mse", mse.mean()),
        ("perceptual", distances.mean()),
        ("latent", latent),
        ("adversarial", adversarial),
    ):
        assert metrics[f"loss_{name}"] == pytest.approx(wanted, rel=2e-3), name
    total = 1.5 * mse.mean() + 0.7 * distances.mean() + 0.3 * latent + 0.2 * adversarial
    assert metrics["loss"] == pytest.approx(total, rel=2e-3)

    error = ((images - sources[:, None]) ** 2 * hole[:, None]).mean((2, 3, 4)) / hole[:, None].mean((2, 3, 4))
    assert metrics["hole_mse_true"] == pytest.approx(error[:6, 0].mean(), rel=2e-3)
    assert metrics["hole_mse_other"] == pytest.approx(error[:6, 1].mean(), rel=2e-3)
    assert metrics["known_psnr"] == pytest.approx((10 * np.log10(4 / mse[:6, 1])).mean(), abs=0.01)
    assert metrics["known_psnr_photos"] == pytest.approx((10 * np.log10(4 / mse[6:])).mean(), abs=0.01)
    assert metrics["gate_other"] == pytest.approx(np.asarray(done.gate)[:6, 1].mean(), rel=1e-3)


def test_photos_gain_weight_as_pictures_are_seen(folder, photos):
    task = _task(folder, photos={"source": photos, "warmup_kimg": 0.02})
    state = task.init(jax.random.key(0))
    risen = [np.asarray(task._row_weights(state.replace(images=np.int32(n)))) for n in (0, 5, 100)]
    np.testing.assert_allclose(risen, [[1, 1, 1, 0], [1, 1, 1, 0.25], [1, 1, 1, 1]])


def test_completions_of_a_photo_are_pushed_apart_in_the_hole(folder, photos):
    weights = {"diversity": 5.0, "mse": 0.0, "perceptual": 0.0, "latent": 0.0}
    task = _task(
        folder, photos={"source": photos, "fraction": 0.5, "warmup_kimg": 0.0}, diversity_share=0.9, weights=weights
    )
    state, run = _trained(task), _runner(task)
    batch = next(task.batches(0))
    sources, ws_rand, own = jit(task._draw)(batch, jax.random.split(jax.random.key(0), 3)[0], task.frozen)
    assert len(own) == 2
    sources, hole, known = np.asarray(sources)[2:], batch["hole"][2:], 1 - batch["hole"]
    complete = jit(task.inpainter.complete)
    images = complete(task.frozen["model"] | state.params, sources * known[2:], known[2:], ws_rand[2:]).images
    apart, unrelated = (
        np.asarray(task._distance(task.frozen["perceptual"], a * hole, b * hole))
        for a, b in ((images[:, 0], images[:, 1]), (sources, sources[::-1]))
    )
    wanted = np.maximum(0, 1 - apart / unrelated / 0.9).mean()
    _, metrics = run(state, 0, 12, same=True)
    punished = [now["loss_diversity"] for now in metrics]
    assert 0.1 < wanted < 1 and punished[0] == pytest.approx(wanted, rel=1e-3)
    assert metrics[0]["loss"] == pytest.approx(5 * wanted, rel=1e-3)
    assert punished[-1] < 0.8 * punished[0]


def test_diversity_is_measured_on_photos(folder, photos):
    with pytest.raises(InputError, match="needs two photos"):
        _task(folder, photos={"source": photos, "fraction": 0.25}, weights={"diversity": 1.0})


@pytest.fixture(scope="module")
def stage1(folder, tmp_path_factory):
    """Stage 1: four steps on one batch, and the folder written."""
    task = _task(folder)
    run, start = _runner(task), _trained(task)
    state, metrics = run(start, 0, 4, same=True)
    path = tmp_path_factory.mktemp("stage1") / "model"
    folders.save(path, *task.export(state))
    return SimpleNamespace(task=task, run=run, start=start, state=state, metrics=metrics, folder=path)


def test_stage_1_moves_encoder_and_mixer_alone_and_lowers_the_loss(stage1, folder):
    start, state, metrics, path = stage1.start, stage1.state, stage1.metrics, stage1.folder
    assert start.params.keys() == {"encoder", "mixer"}
    for part in start.params:
        assert not _same(start.params[part], state.params[part]), part
    assert metrics[-1]["loss"] < 0.9 * metrics[0]["loss"]
    before, after = folders.load(folder)[1], folders.load(path)[1]
    assert after.keys() == {"generator", "encoder", "mixer", "discriminator"}
    for part in ("generator", "discriminator"):  # the latter took no part, and is handed on
        assert _same(before[part], after[part]), part
    assert _same(after["encoder"], state.ema["encoder"]) and not _same(state.ema, state.params)


@pytest.mark.slow
def test_stage_2_begins_where_stage_1_ended_and_moves_the_skip_encoder_alone(stage1):
    first, state = stage1.task, stage1.state
    second = _task(stage1.folder, trains=("skip",))
    start = second.init(jax.random.key(0))
    assert start.params.keys() == {"skip"}
    erased, known = np.zeros((1, SIDE, SIDE, 3)), np.ones((1, SIDE, SIDE, 1))
    ws_rand = np.ones((1, 1, second.generator.config.num_ws, second.generator.config.w_dim))
    complete = [
        jit(lambda v, t=t: t.inpainter.complete(v, erased, known, ws_rand).images)(t.frozen["model"] | params)
        for t, params in ((first, state.ema), (second, start.params))
    ]
    np.testing.assert_array_equal(*complete)
    after, metrics = _runner(second)(start, 0, 6, same=True)
    assert metrics[-1]["loss_mse"] < metrics[0]["loss_mse"] and not _same(after.params, start.params)
    arrays = second.export(after)[1]
    assert _same(arrays["encoder"], state.ema["encoder"]) and _same(arrays["mixer"], state.ema["mixer"])
    assert "skip" in second.export(after)[0]


@pytest.mark.slow
def test_what_adds_to_a_part_changes_nothing_as_it_begins_while_other_options_begin_anew(stage1, tmp_path, caplog):
    more = {"blocks": 3, "sees_render": True}
    single = _task(stage1.folder, trains=("skip",), options={"skip": {"sees_render": False, "channel_max": 8}})
    learned = _trained(single)
    folders.save(tmp_path / "model", *single.export(learned))
    caplog.set_level("WARNING")
    deep, wide = (
        _task(tmp_path / "model", trains=("skip",), options={"skip": {**more, "channel_max": width}})
        for width in (8, 16)
    )
    params = deep.init(jax.random.key(1)).params["skip"]["params"]
    assert len(jax.tree.leaves(params)) > len(jax.tree.leaves(learned.params["skip"]))
    rng, codes = np.random.default_rng(0), (1, single.generator.config.num_ws, single.generator.config.w_dim)
    seen = [rng.normal(size=size).astype(np.float32) for size in ((1, SIDE, SIDE, 3), (1, SIDE, SIDE, 1), codes)]
    before, after = (
        jit(t.inpainter.skip_features)(t.frozen["model"] | {"skip": {"params": p}}, *seen)
        for t, p in ((single, learned.ema["skip"]["params"]), (deep, params))
    )
    jax.tree.map(np.testing.assert_array_equal, before, after)
    assert max(np.abs(x).max() for x in after.values()) > 0.1
    folders.save(tmp_path / "deep", *deep.export(deep.init(jax.random.key(1))))
    fewer = _task(tmp_path / "deep", trains=("skip",), options={"skip": {"channel_max": 8, "blocks": 2}})
    assert "The skip begins anew" in caplog.text and "blocks" in caplog.text.splitlines()[-1]
    assert fewer.init(jax.random.key(1)).params["skip"]["params"]["trunk"].keys() < params["trunk"].keys()
    anew = wide.inpainter.skip_features(wide.frozen["model"] | wide.init(jax.random.key(1)).params, *seen)
    assert all(np.all(x == 0) for x in anew.values())


@pytest.mark.slow
def test_a_resumed_run_is_the_uninterrupted_one(stage1, tmp_path):
    task, run, start = stage1.task, stage1.run, stage1.start
    straight, _ = run(start, 0, 3)
    half, _ = run(start, 0, 2)
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(2, half)
        checkpoints.wait()
        again, step = checkpoints.restore(jax.eval_shape(task.init, jax.random.key(0)), data_mesh())  # type: ignore
    resumed, _ = run(again, step, 3)
    assert _same(straight, resumed)
    assert not _same(straight.params, half.params)


def test_training_goes_on_from_a_folder_with_the_same_options(stage1, folder):
    state, path = stage1.state, stage1.folder
    again = _task(path, stylegan2=ADVERSARY).init(jax.random.key(9))
    assert _same(again.params, state.ema)
    assert _same(again.adversary.params, folders.load(folder)[1]["discriminator"]["params"])
    wider = _task(path, options={"encoder": {"channel_max": 9, "pyramid": 4, "head_channels": 4}}).init(
        jax.random.key(9)
    )
    assert _same(wider.params["mixer"], state.ema["mixer"])
    assert not np.any(wider.params["encoder"]["params"]["heads0"]["styles"]["kernel"])  # begun anew


@pytest.mark.slow
def test_the_ablations(folder):
    task = _task(folder, trains=("encoder", "mixer", "skip"), gate=False, full_branch=False, skip_resolutions=(8,))
    state, batch = _trained(task), next(task.batches(0))
    after, (metrics,) = _runner(task)(state, 0, 1)
    assert task.inpainter.skip.config.resolutions == (8,)
    for part in ("encoder", "mixer", "skip"):
        assert not _same(state.params[part], after.params[part]), part
    assert metrics["gate_other"] == 1 and not {"gate_true", "hole_mse_true", "loss_latent"} & metrics.keys()
    _, ws_rand, own = jit(task._draw)(batch, jax.random.key(0), task.frozen)
    assert not np.any(np.all(np.isclose(ws_rand, own[:, None]), axis=(2, 3)))
    known = 1 - batch["hole"]
    np.testing.assert_array_equal(task._region(known), np.stack([known, known], axis=1))


def test_the_samples_show_the_photo_the_erased_photo_and_four_completions(folder, photos):
    task = _task(folder, show={"source": photos, "count": 2, "holes": "center"})
    pictures = task.snapshot(_trained(task))
    assert {name: x.shape for name, x in pictures.items()} == dict.fromkeys(
        ("photos", "generated"), (2 * SIDE + 2, 6 * SIDE + 10, 3)
    )
    cells = [pictures["photos"][:SIDE, i * (SIDE + 2) :][:, :SIDE] for i in range(6)]
    photo = np.asarray(Image.open(Path(photos) / "0.png"))
    assert np.abs(cells[0].astype(int) - photo).max() <= 1
    middle = slice(SIDE // 4, SIDE * 3 // 4)
    assert np.all(cells[1][middle, middle] == 128) and np.array_equal(cells[1][0], cells[0][0])
    assert all(np.any(cells[i] != cells[j]) for i, j in itertools.combinations(range(2, 6), 2))


def test_holes_are_a_function_of_seed_and_step(folder):
    task, other = _task(folder), _task(folder, seed=1)
    first, second = itertools.islice(task.batches(0), 2)
    np.testing.assert_array_equal(second["hole"], next(task.batches(1))["hole"])
    assert not np.array_equal(first["hole"], second["hole"])
    assert not np.array_equal(first["hole"], next(other.batches(0))["hole"])


@pytest.mark.parametrize(
    "changes, reason",
    [
        ({"trains": ("skip",)}, "stage 1"),
        ({"trains": ()}, "at least"),
        ({"skip_resolutions": (8, SIDE), "trains": ("skip", "encoder", "mixer")}, "past the latent"),
        ({"stylegan2": ADVERSARY, "projected": {}}, "not both"),
        ({"stylegan2": {**ADVERSARY, "network": {"resolution": 8, "channels": [8, 8]}}}, "resolution"),
        ({"options": {"mixr": {}}}, "mixer"),
        ({"options": {"mixer": {"hiden": 3}}}, "hidden"),
        ({"options": {"mixer": 3}}, "options.mixer must be of type dict, but got 3"),
        ({"init_from": "nowhere"}, "nowhere"),
        ({"holes": "huge"}, "huge"),
        ({"show": {"count": 0}}, "show.count must be positive"),
        ({"photos": {"source": "none", "threads": -1}}, "threads must be positive or None"),
        ({"perceptual_size": 0}, "perceptual_size must be positive"),
        ({"ema_rampup": 0.0}, "ema_rampup must be positive or None"),
    ],
)
def test_bad_recipes_get_a_sentence(folder, changes, reason):
    with pytest.raises(InputError, match=reason):
        _task(folder, **changes)


def test_a_generator_with_labels_is_refused(tmp_path):
    with pytest.raises(InputError, match="labels"):
        _task(save_tiny_model(tmp_path / "model", inpainter=False, c_dim=3))
