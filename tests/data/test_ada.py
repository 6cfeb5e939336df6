"""ADA from end to end, and its controller."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from ganinv_jax.core.errors import InputError
from ganinv_jax.data.augment import ada

augment = jax.jit(ada.augment, static_argnames="spec")
draw = jax.jit(ada.draw, static_argnames=("spec", "height", "width"))
BGC = ada.AdaSpec.preset("bgc")
KEY = jax.random.key(3)


@pytest.fixture(scope="module")
def images() -> jax.Array:
    return jnp.asarray(np.random.default_rng(0).uniform(-1, 1, (6, 16, 16, 3)), jnp.float32)


@pytest.mark.parametrize("preset", ["bgc", "bgcfnc"])
def test_p_0_keeps_the_pictures_and_p_1_changes_all(images, preset):
    np.testing.assert_allclose(augment(images, KEY, 0.0, preset), images, atol=5e-6)
    changed = np.abs(augment(images, KEY, 1.0, preset) - images).max((1, 2, 3))
    assert (changed > 0.1).all()


def test_a_picture_does_not_feel_its_batch(images):
    together = augment(images, KEY, 0.8, "bgcfnc")
    alone = augment(images[4:5], KEY, 0.8, "bgcfnc", jnp.array([4]))
    np.testing.assert_allclose(alone[0], together[4], atol=1e-5)
    back_to_front = augment(images[::-1], KEY, 0.8, "bgcfnc", jnp.arange(6)[::-1])
    np.testing.assert_allclose(back_to_front[::-1], together, atol=1e-5)


def test_pictures_and_keys_get_different_parameters():
    drawn = draw(KEY, 1.0, BGC, jnp.arange(64), 16, 16)
    other = draw(jax.random.key(4), 1.0, BGC, jnp.arange(64), 16, 16)
    both = np.concatenate([drawn.geometry.reshape(64, 9), other.geometry.reshape(64, 9)])
    assert len(np.unique(both, axis=0)) == 128


def test_more_transforms_change_nothing_for_the_others():
    alone = draw(KEY, 0.7, ada.AdaSpec.preset("bg"), jnp.arange(8), 16, 16)
    among = draw(KEY, 0.7, ada.AdaSpec.preset("bgcfnc"), jnp.arange(8), 16, 16)
    np.testing.assert_allclose(alone.geometry, among.geometry, atol=1e-5)
    assert alone.color is None and alone.gains is None and alone.noise is None and alone.cutout is None


def test_p_is_traced(images):
    traced = jax.jit(lambda p: ada.augment(images, KEY, p, "color"))
    weak, strong = (np.asarray(traced(jnp.float32(p))) for p in (0.0, 1.0))
    assert traced._cache_size() == 1
    assert np.abs(weak - strong).max() > 0.1


def test_extra_channels_only_move(images):
    mask = jnp.where(images[..., :1] > 0, 1.0, -1.0)
    got = augment(jnp.concatenate([images, mask], -1), KEY, 1.0, "bgcf")
    np.testing.assert_allclose(got[..., :3], augment(images, KEY, 1.0, "bgcf"), atol=1e-5)
    moved = ada.apply(mask, ada.Parameters(geometry=draw(KEY, 1.0, BGC, jnp.arange(6), 16, 16).geometry))
    np.testing.assert_allclose(got[..., 3:], moved, atol=1e-5)


def test_grey_pictures(images):
    """Same parameters: a grey picture becomes the luma of what the same picture in three channels becomes."""
    grey = images[..., :1]
    colored = augment(jnp.repeat(grey, 3, -1), KEY, 1.0, "bgcf")
    np.testing.assert_allclose(augment(grey, KEY, 1.0, "bgcf")[..., 0], colored.mean(-1), atol=2e-5)


def test_half_precision_stays_half_precision(images):
    got = augment(images.astype(jnp.bfloat16), KEY, 0.8)
    assert got.dtype == jnp.bfloat16
    np.testing.assert_allclose(got.astype(np.float32), augment(images, KEY, 0.8), atol=0.15)


def test_gradients_match_finite_differences_to_second_order():
    parameters = draw(KEY, 0.9, ada.AdaSpec.preset("bgcfnc"), jnp.arange(2), 8, 8)
    with jax.enable_x64(True):
        x = jnp.asarray(np.random.default_rng(0).normal(size=(2, 8, 8, 3)))
        loss = jax.jit(lambda x: jnp.sum(jnp.tanh(ada.apply(x, parameters)) ** 2))
        check_grads(loss, (x,), order=2, modes=("fwd", "rev"), rtol=1e-3)


def test_r1_is_the_same_forward_over_reverse_and_reverse_over_reverse(images):
    """The parameter gradient of |grad_x D|^2, through the augmentation, both ways; and it is not zero."""
    weights = jnp.asarray(np.random.default_rng(1).normal(size=(3, 5)), jnp.float32)

    def score(weights, x):
        return jnp.sum(jnp.tanh(ada.augment(x, KEY, 0.8) @ weights))

    def penalty(weights):
        return jnp.sum(jax.grad(score, 1)(weights, images) ** 2)

    def by_jvp(weights):
        v = jax.lax.stop_gradient(jax.grad(score, 1)(weights, images))
        return 2 * jax.jvp(lambda x: score(weights, x), (images,), (v,))[1]

    twice, once = jax.jit(jax.grad(penalty))(weights), jax.jit(jax.grad(by_jvp))(weights)
    assert np.abs(twice).max() > 1
    np.testing.assert_allclose(once, twice, rtol=1e-3, atol=1e-3 * np.abs(twice).max())


SHARDED = """
import jax, jax.numpy as jnp, numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from ganinv_jax.data.augment.ada import augment
images = jnp.asarray(np.random.default_rng(0).normal(size=(8, 16, 16, 3)), jnp.float32)
split = NamedSharding(Mesh(np.array(jax.devices()), ("data",)), PartitionSpec("data"))
def gradient(x, key):
    return jax.grad(lambda x: jnp.sum(jnp.tanh(augment(x, key, 0.8))))(x)
one = jax.jit(gradient)(images, jax.random.key(0))
many = jax.jit(gradient, in_shardings=(split, None), out_shardings=split)
compiled = many.lower(images, jax.random.key(0)).compile().as_text()
assert not any(word in compiled for word in ("all-gather", "all-reduce", "all-to-all", "collective-permute")), "talks"
assert len(jax.devices()) == 4
np.testing.assert_allclose(many(jax.device_put(images, split), jax.random.key(0)), one, atol=1e-5)
"""


@pytest.mark.slow
def test_devices_share_a_batch_without_talking_and_agree_with_one():
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=4"
    root = Path(__file__).resolve().parents[2]
    environment = os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    done = subprocess.run([sys.executable, "-c", SHARDED], cwd=root, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_specs_are_checked():
    assert ada.AdaSpec.preset("bgc") == ada.AdaSpec(**dict.fromkeys(BGC_NAMES, 1.0))
    with pytest.raises(InputError, match="did you mean 'bgc'"):
        ada.AdaSpec.preset("bgcc")
    with pytest.raises(InputError, match="AdaSpec.scale must not be negative, but got -1"):
        ada.AdaSpec(scale=-1)


BGC_NAMES = ["xflip", "rotate90", "xint", "scale", "rotate", "aniso", "xfrac"]
BGC_NAMES += ["brightness", "contrast", "lumaflip", "hue", "saturation"]


# --- The controller ---


def test_p_moves_by_128_pictures_of_500_thousand_every_fourth_batch_of_32():
    controller = ada.AdaController()
    update = jax.jit(controller.update, static_argnames="batch")
    state = controller.init()
    track = []
    for step in range(1, 13):
        state = controller.observe(state, jnp.ones(32))
        state = update(state, step, batch=32)
        track.append(float(state.p))
    np.testing.assert_allclose(track, np.repeat([0, 1, 2, 3], [3, 4, 4, 1]) * 128 / 500_000, rtol=1e-6)


@pytest.mark.parametrize(("positive", "direction"), [(9, 1), (8, 0), (7, -1)])
def test_p_follows_the_mean_sign_since_it_last_moved(positive, direction):
    """9 positive scores of 10 have the mean sign 0.8, 8 exactly the target 0.6, 7 have 0.4."""
    controller = ada.AdaController(interval=2, kimg=1)
    state = controller.init(0.5)
    logits = jnp.where(jnp.arange(10) < positive, 123.0, -0.01)
    state = controller.update(controller.observe(state, logits[:5]), 1, 5)
    state = controller.update(controller.observe(state, logits[5:]), 2, 5)
    assert state.p == pytest.approx(0.5 + direction * 0.01)
    assert state.sign_sum == 0 and state.count == 0


def test_p_stays_within_bounds_and_without_news():
    controller = ada.AdaController(interval=1, kimg=0.01)
    high = controller.update(controller.observe(controller.init(0.9), jnp.ones(4)), 1, 4)
    low = controller.update(controller.observe(controller.init(0.1), -jnp.ones(4)), 1, 4)
    assert high.p == 1 and low.p == 0
    assert controller.update(controller.init(0.3), 1, 4).p == pytest.approx(0.3)


def test_controller_runs_inside_a_scan():
    controller = ada.AdaController(kimg=10)

    def batch(state, step):
        state = controller.observe(state, jnp.ones((16, 1), jnp.bfloat16))
        return controller.update(state, step, 16), state.p

    state, _ = jax.lax.scan(batch, controller.init(), jnp.arange(1, 101))
    assert state.p == pytest.approx(25 * 64 / 10_000)


def test_controller_options_are_checked():
    with pytest.raises(InputError, match="kimg must be positive"):
        ada.AdaController(kimg=0)
    with pytest.raises(InputError, match=r"probability in \[0, 1\], but got 2"):
        ada.AdaController().init(2)
