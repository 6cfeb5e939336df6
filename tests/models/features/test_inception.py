"""Inception-v3 of FID: its blocks that differ from the paper against NumPy, its sizes against the published ones."""

import jax
import numpy as np
import pytest
from flax import traverse_util
from naive_layers import batch_norm, conv, drawn, pool, relu

from ganinv_jax.core.errors import InputError
from ganinv_jax.models.features.inception import Inception, InceptionConfig

CONFIG = InceptionConfig(width=1 / 16, classes=5)


@pytest.fixture(scope="module")
def variables():
    images = jax.ShapeDtypeStruct((1, 75, 75, 3), np.float32)
    shapes = jax.eval_shape(Inception(CONFIG).init, jax.random.key(0), images)
    flat = {path: leaf.shape for path, leaf in traverse_util.flatten_dict(shapes, sep="/").items()}
    return traverse_util.unflatten_dict(drawn(flat), sep="/")


@pytest.fixture(scope="module")
def layers(variables):
    """The output of every layer and of every stage, by name."""
    images = np.random.default_rng(0).uniform(-1, 1, (2, 91, 91, 3)).astype(np.float32)
    run = jax.jit(lambda images: Inception(CONFIG).apply(variables, images, capture_intermediates=True))
    stages, captured = run(images)
    outputs = {name: calls["__call__"][0] for name, calls in captured["intermediates"].items() if name != "__call__"}
    return {"images": images} | outputs | stages


def unit(x, variables, name, stride=1, padding=(0, 0)):
    params, buffers = variables["params"][name], variables["buffers"][name]
    x = conv(x, params["conv"]["weight"], stride, padding)
    return relu(batch_norm(x, params["bn"], buffers["bn"], 1e-3))


def joined(layers, block, branches):
    return np.concatenate([layers[f"{block}.{branch}"] for branch in branches], axis=-1)


def assert_near(found, expected):
    assert np.abs(expected).max() > 0.01
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())


def test_pixels_go_in_as_tensorflow_has_them(variables, layers):
    pixels = (layers["images"].astype(np.float64) + 1) * 127.5
    assert_near(layers["Conv2d_1a_3x3"], unit((pixels - 128) / 128, variables, "Conv2d_1a_3x3", 2))


def test_averages_leave_padding_out(variables, layers):
    x = pool(layers["pool2"], 3, 1, 1, np.nanmean)
    assert_near(layers["Mixed_5b.branch_pool"], unit(x, variables, "Mixed_5b.branch_pool"))


def test_the_last_block_takes_a_maximum_and_the_one_before_an_average(variables, layers):
    names = ("branch1x1", "branch3x3_2a", "branch3x3_2b", "branch3x3dbl_3a", "branch3x3dbl_3b", "branch_pool")
    before = joined(layers, "Mixed_7b", names)
    assert_near(layers["Mixed_7c.branch_pool"], unit(pool(before, 3, 1, 1), variables, "Mixed_7c.branch_pool"))
    assert_near(layers["pool3"], joined(layers, "Mixed_7c", names).mean(axis=(1, 2)))
    down = pool(layers["mixed_6e"], 3, 2)
    before = np.concatenate([joined(layers, "Mixed_7a", ("branch3x3_2", "branch7x7x3_4")), down], axis=-1)
    average = pool(before, 3, 1, 1, np.nanmean)
    assert_near(layers["Mixed_7b.branch_pool"], unit(average, variables, "Mixed_7b.branch_pool"))


def test_a_whole_block(variables, layers):
    x = joined(layers, "Mixed_6d", ("branch1x1", "branch7x7_3", "branch7x7dbl_5", "branch_pool"))
    down, across = (3, 0), (0, 3)

    def chain(x, branch, *paddings):
        for i, padding in enumerate(paddings, 1):
            x = unit(x, variables, f"Mixed_6e.{branch}_{i}", padding=padding)
        return x

    expected = [
        unit(x, variables, "Mixed_6e.branch1x1"),
        chain(x, "branch7x7", (0, 0), across, down),
        chain(x, "branch7x7dbl", (0, 0), down, across, down, across),
        unit(pool(x, 3, 1, 1, np.nanmean), variables, "Mixed_6e.branch_pool"),
    ]
    assert_near(layers["mixed_6e"], np.concatenate(expected, axis=-1))


def test_stages(layers):
    sizes = {"pool1": (21, 21, 4), "pool2": (9, 9, 12), "mixed_6e": (4, 4, 48), "pool3": (128,), "logits": (5,)}
    assert {stage: layers[stage].shape[1:] for stage in sizes} == sizes
    assert {stage: shape[-1] for stage, shape in sizes.items()} == CONFIG.channels


def test_the_real_sizes():
    config = InceptionConfig()
    assert list(config.channels.values()) == [64, 192, 768, 2048, 1008] and config.size == 299
    images = jax.ShapeDtypeStruct((1, 299, 299, 3), np.float32)
    variables = jax.eval_shape(Inception(config).init, jax.random.key(0), images)
    # torchvision's 27 161 264 have an auxiliary classifier of 3 326 696, and 1000 classes of 2049 numbers each.
    expected = 27_161_264 - 3_326_696 + 8 * 2049
    assert sum(leaf.size for leaf in jax.tree.leaves(variables["params"])) == expected
    shapes = jax.eval_shape(Inception(config).apply, variables, images)
    assert [shapes[stage].shape[1] for stage in config.maps] == [73, 35, 17]


def test_nothing_is_run_beyond_the_deepest_stage(variables):
    images = np.zeros((1, 75, 75, 3), np.float32)

    def convolutions(*stages):
        run = jax.make_jaxpr(lambda images: Inception(CONFIG).apply(variables, images, stages))
        return str(run(images)).count("conv_general_dilated[")

    assert [convolutions(stage) for stage in CONFIG.channels] == [3, 5, 70, 94, 94]


def test_a_width_of_nothing_is_refused():
    with pytest.raises(InputError, match="width must be above 0"):
        InceptionConfig(width=0)


@pytest.mark.parametrize(("side", "stage"), [(64, "pool3"), (20, "pool2")])
def test_pictures_that_nothing_would_be_left_of(variables, side, stage):
    with pytest.raises(InputError, match=f"too small for the stage '{stage}'"):
        jax.eval_shape(lambda x: Inception(CONFIG).apply(variables, x, [stage]), np.zeros((1, side, side, 3)))
