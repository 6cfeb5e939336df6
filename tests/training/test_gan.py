"""The GAN task on tiny networks: what each part of a step does, and what NVIDIA's schedule says it should."""

import logging

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import traverse_util
from PIL import Image

from ganinv_jax.core import folders
from ganinv_jax.core.configs import from_dict, to_dict
from ganinv_jax.core.errors import InputError
from ganinv_jax.models.stylegan2 import DiscriminatorConfig
from ganinv_jax.training.adversaries.projected import ProjectedAdversary, ProjectedAdversaryConfig
from ganinv_jax.training.adversaries.stylegan2 import StyleGAN2Adversary, StyleGAN2AdversaryConfig, frozen_layers
from ganinv_jax.training.tasks.gan import GanConfig, GanTask

TINY = {
    "batch_size": 4,
    "generator": {
        "resolution": 8,
        "z_dim": 6,
        "w_dim": 6,
        "mapping": {"num_layers": 2},
        "synthesis": {"channels": [8, 6]},
    },
    "stylegan2": {"network": {"resolution": 8, "channels": [8, 6]}, "r1_gamma": 1.0, "r1_interval": 2, "augment": None},
    "pl_weight": 2.0,
    "pl_interval": 4,
    "style_mixing": 0.9,
}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.RandomState(0)
    for i in range(8):
        Image.fromarray(rng.randint(0, 256, (8, 8, 3), np.uint8)).save(folder / f"{i}.png")
    return str(folder)


def _labelled(count: int) -> dict:
    judge = dict(TINY["stylegan2"]["network"], c_dim=count)
    return {"generator": dict(TINY["generator"], c_dim=count), "stylegan2": dict(TINY["stylegan2"], network=judge)}


def _config(pictures, **changes) -> GanConfig:
    return from_dict(GanConfig, TINY | {"data": {"source": pictures}} | changes)


def _step(task: GanTask, state, number: int = 0):
    """One compiled step."""
    batches = task.batches(number)
    step = jax.jit(lambda s, b, k: task.step(s, b, k, frozen=task.frozen, variant=task.variant(number)))
    return step(state, next(batches), jax.random.key(number))


def _moved(before, after) -> bool:
    return any(jax.tree.leaves(jax.tree.map(lambda a, b: bool(np.any(np.asarray(a) != b)), before, after)))


@pytest.fixture(scope="module")
def run(pictures):
    """The task, its start, and what step 0 (with both regularisers) makes of it."""
    task = GanTask(_config(pictures))
    start = task.init(jax.random.key(0))
    return task, start, *_step(task, start)


def test_a_step_trains_both_networks_and_counts_its_images(run):
    _, start, state, metrics = run
    assert _moved(start.params, state.params) and _moved(start.adversary.params, state.adversary.params)
    assert _moved(start.ema, state.ema)
    assert int(state.images) == 4
    assert {"loss_g", "loss_d", "r1", "path_length_penalty"} <= metrics.keys()
    assert all(np.isfinite(float(value)) for value in metrics.values())


@pytest.mark.slow
def test_regularisers_run_at_their_intervals_only(run, pictures):
    task, _, state, _ = run
    assert [task.variant(step) for step in range(5)] == [(s % 4 == 0, s % 2 == 0) for s in range(5)]
    assert GanTask(_config(pictures, pl_weight=0.0)).variant(0) == (False, True)
    _, metrics = _step(task, state, 1)
    assert "r1" not in metrics and "path_length_penalty" not in metrics


def test_the_average_w_follows_the_mapping(run):
    task, start, state, _ = run
    beta = task.config.generator.mapping.w_avg_beta
    z_key = jax.random.split(jax.random.split(jax.random.key(0), 5)[0], 3)[0]
    z = jax.random.normal(z_key, (2, 4, 6))[0]
    w = task.generator.apply({"params": start.params, "buffers": start.buffers}, z, method="map")[:, 0]
    np.testing.assert_allclose(state.buffers["mapping"]["w_avg"], (1 - beta) * w.mean(0), rtol=1e-4, atol=1e-7)


def test_the_export_is_a_model_folder_that_training_goes_on_from(run, pictures, tmp_path):
    task, _, state, _ = run
    folders.save(tmp_path / "model", *task.export(state))
    start = GanTask(_config(pictures, init_from=str(tmp_path / "model"))).init(jax.random.key(7))
    for name in ("params", "ema", "buffers"):
        assert not _moved(getattr(start, name), getattr(state, name)), name
    assert not _moved(start.adversary.params, state.adversary.params)
    deeper = {"network": {"resolution": 8, "channels": [8, 7]}, "r1_gamma": 1.0}
    with pytest.raises(InputError, match="The weights of the discriminator must fit its config"):
        GanTask(_config(pictures, init_from=str(tmp_path / "model"), stylegan2=deeper)).init(jax.random.key(0))
    wider = dict(TINY["generator"], w_dim=7)
    with pytest.raises(InputError, match="options"):
        GanTask(_config(pictures, init_from=str(tmp_path / "model"), generator=wider)).init(jax.random.key(0))


def test_goes_on_from_another_resolution(run, pictures, tmp_path, caplog):
    """Every array is copied that has a namesake of its shape in the folder, in all networks, and no other."""
    task, _, state, _ = run
    folders.save(tmp_path / "model", *task.export(state))
    channels = {"channels": [8, 6, 5]}
    options = {
        "generator": dict(TINY["generator"], resolution=16, synthesis=channels),
        "stylegan2": TINY["stylegan2"] | {"network": {"resolution": 16, **channels}},
        "init_from": str(tmp_path / "model"),
    }
    with caplog.at_level(logging.WARNING):
        larger = GanTask(_config(pictures, **options))
    assert "the generator's mapping, b4, b8, while b16 begin anew; the discriminator's b4, b8, while b16" in caplog.text
    start = larger.init(jax.random.key(7))
    other = GanTask(_config(pictures, **(options | {"init_from": None}))).init(jax.random.key(7))
    for before, fresh, after in (
        (state.params, other.params, start.params),
        (state.ema, other.ema, start.ema),
        (state.buffers, other.buffers, start.buffers),
        (state.adversary.params, other.adversary.params, start.adversary.params),
    ):
        before, fresh, after = (traverse_util.flatten_dict(tree) for tree in (before, fresh, after))
        assert fresh.keys() == after.keys() and len(before.keys() & after.keys()) > len(before) / 2
        for path, array in after.items():
            expected = before[path] if np.shape(before.get(path, 0.5)) == array.shape and path in before else None
            if expected is not None:
                np.testing.assert_array_equal(array, expected, err_msg=str(path))
            else:
                assert array.shape == fresh[path].shape and ("b16" in path or path in before)
    deeper = dict(options["generator"], mapping={"num_layers": 3})
    with pytest.raises(InputError, match=r"mapping\.num_layers is 2 instead of 3"):
        GanTask(_config(pictures, **(options | {"generator": deeper})))


def test_goes_on_with_another_z(run, pictures, tmp_path, caplog):
    """All is copied but the first layer of the mapping, which alone reads z."""
    task, _, state, _ = run
    folders.save(tmp_path / "model", *task.export(state))
    options = {"generator": dict(TINY["generator"], z_dim=5), "init_from": str(tmp_path / "model")}
    with caplog.at_level(logging.WARNING):
        start = GanTask(_config(pictures, **options)).init(jax.random.key(7))
    assert "the generator's b4, b8, and mapping in part" in caplog.text
    assert start.params["mapping"]["fc0"]["weight"].shape == (5, 6)
    assert not _moved(state.params["mapping"]["fc1"], start.params["mapping"]["fc1"])
    assert not _moved(state.params["synthesis"], start.params["synthesis"])
    assert not _moved(state.adversary.params, start.adversary.params)


def test_a_whole_average_that_was_loaded_counts(run, pictures, tmp_path):
    """Its first step decays it as any later one; where layers begin anew, the first step takes the average's place."""
    task, _, state, _ = run
    folders.save(tmp_path / "model", *task.export(state))
    start_from = {"init_from": str(tmp_path / "model")}
    another_z = start_from | {"generator": dict(TINY["generator"], z_dim=5)}
    for changes, decay in ((start_from, 0.5 ** (4 / 10_000)), (another_z, 0.0), ({}, 0.0)):
        begun = GanTask(_config(pictures, **changes))
        start = begun.init(jax.random.key(7))
        average = begun._average(start.replace(params=jax.tree.map(jnp.zeros_like, start.params)))
        jax.tree.map(lambda a, b, d=decay: np.testing.assert_allclose(a, d * b, rtol=1e-6), average, start.ema)
        assert jax.tree.structure(start) == jax.tree.structure(state)
        # A run that resumes has it from the checkpoint, whatever became of the folder.
        again = task._average(start.replace(params=jax.tree.map(jnp.zeros_like, start.params)))
        jax.tree.map(np.testing.assert_array_equal, again, average)


def test_a_discriminator_that_begins_anew_is_told_and_not_frozen(run, pictures, tmp_path, caplog):
    task, _, state, _ = run
    config, arrays = task.export(state)
    folders.save(tmp_path / "whole", config, arrays)
    less = [{part: x for part, x in tree.items() if part != "discriminator"} for tree in (config, arrays)]
    folders.save(tmp_path / "less", *less)
    freeze = {"stylegan2": TINY["stylegan2"] | {"network": {"resolution": 8, "channels": [8, 6], "freeze_layers": 2}}}
    with caplog.at_level(logging.WARNING):
        GanTask(_config(pictures, init_from=str(tmp_path / "whole"), **freeze))
        assert "begins anew" not in caplog.text
        GanTask(_config(pictures, init_from=str(tmp_path / "less")))
    assert "The discriminator begins anew, since" in caplog.text
    with pytest.raises(InputError, match=r"gives none for b8\.conv0, b8\.fromrgb; set freeze_layers to 0"):
        GanTask(_config(pictures, init_from=str(tmp_path / "less"), **freeze))
    with pytest.raises(InputError, match="but there is no init_from; name a model that has one"):
        _config(pictures, **freeze)
    larger = {"resolution": 16, "channels": [8, 6, 5]}  # whose first layers the folder does not have
    options = {"generator": dict(TINY["generator"], resolution=16, synthesis={"channels": [8, 6, 5]})}
    options["stylegan2"] = TINY["stylegan2"] | {"network": larger | {"freeze_layers": 1}}
    with pytest.raises(InputError, match=r"gives none for b16\.fromrgb"):
        GanTask(_config(pictures, init_from=str(tmp_path / "whole"), **options))


class _Recorder:
    """An adversary that does nothing but tell the pictures that it was shown."""

    frozen: dict = {}

    def init(self, key, model=None):
        return {}

    def variant(self, step):
        return None

    def judge(self, state, fakes, c, key, frozen):
        return jnp.mean(fakes), fakes

    def learn(self, state, reals, fakes, c, key, frozen, variant, seen=None):
        return state, {"fakes": fakes, "seen": jnp.zeros_like(fakes) if seen is None else seen}


@pytest.mark.parametrize("share", [True, False])
@pytest.mark.slow
def test_shared_fakes_are_those_that_were_judged(pictures, share):
    task = GanTask(_config(pictures, share_fakes=share, pl_weight=0.0))
    task.adversary = _Recorder()
    start = task.init(jax.random.key(0))
    _, metrics = _step(task, start)
    judged, _ = task._fakes(start.params, start.buffers, 4, None, jax.random.split(jax.random.key(0), 5)[0])
    assert np.allclose(metrics["fakes"], judged, atol=1e-4) == share
    assert np.allclose(metrics["seen"], judged, atol=1e-4) == share


def _adversary(**changes) -> StyleGAN2Adversary:
    return StyleGAN2Adversary(from_dict(StyleGAN2AdversaryConfig, TINY["stylegan2"] | {"r1_gamma": 0.0} | changes))


def _learn(adversary: StyleGAN2Adversary, state, c=None):
    reals, fakes = jax.random.uniform(jax.random.key(1), (2, 4, 8, 8, 3), minval=-1)
    return jax.jit(lambda s: adversary.learn(s, reals, fakes, c, jax.random.key(2), {}, False))(state)


def test_labels_reach_both_networks(pictures):
    adversary = _adversary(network={"resolution": 8, "channels": [8, 6], "c_dim": 3})
    start, labels = adversary.init(jax.random.key(0)), jnp.eye(3)[jnp.array([0, 1, 2, 0])]
    state, _ = _learn(adversary, start, labels)
    assert _moved(start.params["mapping"]["embed"], state.params["mapping"]["embed"])
    task = GanTask(_config(pictures, **_labelled(3)))
    start = task.init(jax.random.key(0))
    variables, keys = {"params": start.params, "buffers": start.buffers}, jax.random.split(jax.random.key(3))
    one, other = (np.asarray(task._ws(variables, 4, c, *keys)[1]) for c in (labels, labels.at[0].set(labels[1])))
    assert [bool(np.any(a != b)) for a, b in zip(one, other, strict=True)] == [True, False, False, False]


def test_frozen_layers_stay_as_they_are():
    network = {"resolution": 8, "channels": [8, 6], "freeze_layers": 2}
    adversary = _adversary(network=network)
    start = adversary.init(jax.random.key(0))
    state, _ = _learn(adversary, start)
    before, after = start.params["b8"], state.params["b8"]
    assert frozen_layers(from_dict(DiscriminatorConfig, network)) == {("b8", "fromrgb"), ("b8", "conv0")}
    assert [_moved(before[name], after[name]) for name in ("fromrgb", "conv0", "conv1")] == [False, False, True]


def test_the_augmentation_is_steered_by_the_signs_of_real_scores():
    adversary = _adversary(augment="blit", augment_p=0.5, controller={"target": 0.2, "kimg": 0.1, "interval": 1})
    state, metrics = _learn(adversary, adversary.init(jax.random.key(0)))
    step = 4 / 100  # a batch of 4 on the way of 100 pictures from 0 to 1
    assert float(state.ada.p) == pytest.approx(0.5 + step * np.sign(float(metrics["real_sign"]) - 0.2))


@pytest.mark.slow
def test_r1_at_every_step_is_a_term_of_the_loss():
    """The step is Adam's along the gradient of idinvert's whole discriminator loss, differentiated in reverse twice."""
    optimizer = {"learning_rate": 0.1, "b1": 0.9, "b2": 0.99, "eps": 0.1}
    adversary = _adversary(r1_gamma=10.0, r1_interval=1, optimizer=optimizer)
    start = adversary.init(jax.random.key(0))
    reals, fakes = jax.random.uniform(jax.random.key(1), (2, 4, 8, 8, 3), minval=-1)
    learn = jax.jit(lambda s: adversary.learn(s, reals, fakes, None, jax.random.key(2), {}, adversary.variant(7)))
    state, metrics = learn(start)

    def loss(params):
        score = lambda x: adversary._network.apply({"params": params}, x)  # noqa: E731
        slopes = jax.grad(lambda x: score(x).sum())(reals)
        penalty = jnp.mean(jnp.sum(slopes**2, axis=(1, 2, 3)))
        told = jnp.mean(jnp.logaddexp(0, -score(reals))) + jnp.mean(jnp.logaddexp(0, score(fakes)))
        return told + 10 / 2 * penalty, penalty

    (_, penalty), grads = jax.jit(jax.value_and_grad(loss, has_aux=True))(start.params)
    plain = optax.adam(0.1, 0.9, 0.99, 0.1)
    updates, _ = plain.update(grads, plain.init(start.params))
    expected = optax.apply_updates(start.params, updates)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5), state.params, expected)
    assert float(metrics["r1"]) == pytest.approx(float(penalty), rel=1e-4)


def test_exactly_one_discriminator_is_asked_for(pictures):
    config = to_dict(_config(pictures))
    for projected, stylegan2 in ((None, None), ({}, config["stylegan2"])):
        with pytest.raises(InputError, match="exactly one discriminator"):
            from_dict(GanConfig, config | {"projected": projected, "stylegan2": stylegan2})
    with pytest.raises(InputError, match="resolution"):
        _config(pictures, generator=dict(TINY["generator"], resolution=16, synthesis={}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_size": 0}, "batch_size must be positive"),
        ({"batch_size": 6}, "batch_size must be a multiple of the discriminator's mbstd_group_size 4, but it is 6"),
        ({"ema_kimg": -1.0}, "ema_kimg must be at least 0"),
        ({"ema_rampup": 0.0}, "ema_rampup must be positive or None"),
        ({"seed": -1}, "seed must lie in"),
        ({"compute": "fp64"}, "compute must be one of 'fp32', 'bf16', 'source', but got 'fp64'"),
        ({"generator": TINY["generator"] | {"c_dim": 3}}, "the discriminator's c_dim must be the generator's, 3, but"),
        ({"stylegan2": TINY["stylegan2"] | {"augment": "bcg"}}, "ADA preset has no option 'bcg'; did you mean 'b"),
        ({"stylegan2": TINY["stylegan2"] | {"augment_p": 2.0}}, "augment_p is a probability"),
        ({"stylegan2": None, "projected": {"augment": "colour"}}, "no option 'colour'; did you mean 'color'"),
        ({"generator": dict(TINY["generator"], img_channels=1)}, "img_channels must be the generator's, 1, but got 3"),
    ],
)
def test_values_out_of_range_are_found_when_the_config_is_made(pictures, changes, message):
    with pytest.raises(InputError, match=message):
        _config(pictures, **changes)


def test_labels_that_the_data_lack_are_asked_for(pictures):
    task = GanTask(_config(pictures, **_labelled(3)))
    with pytest.raises(InputError, match="width of the data's labels or 0, but it is 3 and .* has none"):
        next(task.batches(0))


@pytest.mark.slow
def test_the_projected_discriminator_trains_its_heads_alone(pictures):
    projected = {"network": {"size": 32, "channels": 4, "head_channels": [4, 4, 4, 4]}}
    task = GanTask(_config(pictures, stylegan2=None, projected=projected, pl_weight=0.0, share_fakes=True))
    start = task.init(jax.random.key(0))
    state, metrics = _step(task, start)
    assert _moved(start.params, state.params)
    assert _moved(start.adversary.params, state.adversary.params)
    assert _moved(start.adversary.buffers, state.adversary.buffers)
    assert not _moved(start.adversary.mixing, state.adversary.mixing)
    assert {"loss_g", "loss_d", "real_score", "fake_score"} <= metrics.keys()


def test_a_discriminator_goes_on_with_spread_added_or_left_out():
    """Heads that were trained otherwise keep their weights; others' weights are refused."""
    network = {"size": 32, "stages": ["stride4"], "channels": 4, "head_channels": [4]}
    plain, more, other = (
        ProjectedAdversary(from_dict(ProjectedAdversaryConfig, {"network": network | changes}))
        for changes in ({}, {"spread_group": 2}, {"channels": 8})
    )
    trained = plain.export(plain.init(jax.random.key(1)))[1]
    state = more.init(jax.random.key(2), trained)
    head = state.params["head_stride4"]
    assert "spread" in head
    kept = {name: tree for name, tree in head.items() if name != "spread"}
    assert not _moved(kept, trained["params"]["head_stride4"])
    again = plain.init(jax.random.key(3), more.export(state)[1])
    assert not _moved(again.params, trained["params"])
    with pytest.raises(InputError, match="The weights of the discriminator must fit its config"):
        other.init(jax.random.key(2), trained)
