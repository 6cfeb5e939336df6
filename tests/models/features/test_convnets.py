"""VGG16 and AlexNet against the same networks in NumPy."""

import dataclasses

import jax
import numpy as np
import pytest
from flax import traverse_util
from naive_layers import adaptive_average, conv, drawn, pool, relu

from ganinv_jax.core.errors import InputError
from ganinv_jax.models.features.convnets import AlexNetConfig, ConvNet, Vgg16Config

VGG = Vgg16Config(widths=(4, 5, 6, 5, 7, 8, 6, 7, 8, 6, 5, 7, 8), hidden=6, classes=5)
ALEX = AlexNetConfig(widths=(6, 8, 7, 8, 6), hidden=16, classes=5)


def variables_of(config):
    images = jax.ShapeDtypeStruct((1, 64, 64, 3), np.float32)
    shapes = traverse_util.flatten_dict(jax.eval_shape(ConvNet(config).init, jax.random.key(0), images), sep="/")
    return traverse_util.unflatten_dict(drawn({path: leaf.shape for path, leaf in shapes.items()}, gain=1.7), sep="/")


def pictures(side):
    return np.random.default_rng(side).uniform(-1, 1, (2, side, side, 3)).astype(np.float32)


def normalised(images):
    return ((images + 1) / 2 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]


def classifier(x, params):
    """The last three layers; weights read the map's axes in their own order."""
    for name in ("fc6", "fc7", "logits"):
        weight = params[name]["weight"]
        x = x.reshape(2, -1) @ weight.reshape(-1, weight.shape[-1]) + params[name]["bias"]
        x = x if name == "logits" else relu(x)
        yield name, x


def naive_vgg(images, params):
    found, x = {}, normalised(images)
    for group, count in enumerate((2, 2, 3, 3, 3), 1):
        for i in range(1, count + 1):
            layer = params[f"conv{group}_{i}"]
            x = relu(conv(x, layer["weight"], 1, (1, 1)) + layer["bias"])
        found[f"relu{group}_{count}"] = x
        x = pool(x, 2, 2)
    return found | dict(classifier(adaptive_average(x, 7), params))


def naive_alexnet(images, params):
    found, x = {}, normalised(images)
    for i, (stride, padding, halved) in enumerate([(4, 2, 1), (1, 2, 1), (1, 1, 0), (1, 1, 0), (1, 1, 1)], 1):
        layer = params[f"conv{i}"]
        x = found[f"relu{i}"] = relu(conv(x, layer["weight"], stride, (padding, padding)) + layer["bias"])
        x = pool(x, 3, 2) if halved else x
    return found | dict(classifier(adaptive_average(x, 6), params))


@pytest.mark.parametrize(("config", "naive", "side"), [(VGG, naive_vgg, 67), (ALEX, naive_alexnet, 100)])
def test_all_stages(config, naive, side):
    variables, images = variables_of(config), pictures(side)
    found, expected = jax.jit(ConvNet(config).apply)(variables, images), naive(images, variables["params"])
    assert {stage: x.shape[-1] for stage, x in found.items()} == config.channels
    for stage, value in expected.items():
        assert value.std() > 0.05  # so that a mistake shows
        np.testing.assert_allclose(found[stage], value, atol=1e-5 * np.abs(value).max(), err_msg=stage)


def test_the_real_sizes():
    for config, count in ((Vgg16Config(), 138_357_544), (AlexNetConfig(), 61_100_840)):  # as torchvision counts them
        images = jax.ShapeDtypeStruct((1, 224, 224, 3), np.float32)
        params = jax.eval_shape(ConvNet(config).init, jax.random.key(0), images)["params"]
        assert sum(leaf.size for leaf in jax.tree.leaves(params)) == count
    assert Vgg16Config().channels == {
        **{"relu1_2": 64, "relu2_2": 128, "relu3_3": 256, "relu4_3": 512, "relu5_3": 512},
        **{"fc6": 4096, "fc7": 4096, "logits": 1000},
    }


@pytest.mark.parametrize(("stages", "count"), [(("relu2_2",), 4), (("relu1_2", "relu3_3"), 7), (("fc6",), 13)])
def test_nothing_is_run_beyond_the_deepest_stage(stages, count):
    variables, images = variables_of(VGG), pictures(64)
    net = ConvNet(VGG)
    program = str(jax.make_jaxpr(lambda images: net.apply(variables, images, stages))(images))
    assert program.count("conv_general_dilated[") == count
    assert set(jax.eval_shape(lambda images: net.apply(variables, images, stages), images)) == set(stages)


def test_a_network_without_its_classifier():
    config = dataclasses.replace(VGG, hidden=0)
    assert tuple(config.channels) == config.maps
    found = jax.eval_shape(ConvNet(config).apply, variables_of(config), pictures(32))
    assert tuple(sorted(found)) == config.maps


def test_widths_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match="widths must be 5 numbers"):
        AlexNetConfig(widths=(1, 2))
    with pytest.raises(InputError, match="above 0"):
        AlexNetConfig(widths=(1, 2, 3, 4, 0))
