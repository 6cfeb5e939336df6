"""The layers of converted networks against their definitions in NumPy."""

import jax
import numpy as np
import pytest
from naive_layers import adaptive_average, batch_norm, conv, drawn, pool

from ganinv_jax.models import layers

RNG = np.random.default_rng(0)


SHAPES = [((3, 3), 1, (1, 1)), ((1, 5), 2, (0, 2)), ((11, 3), 4, (2, 0))]


@pytest.mark.parametrize(("kernel", "stride", "padding"), SHAPES)
def test_convolution(kernel, stride, padding):
    x = RNG.standard_normal((2, 17, 14, 3)).astype(np.float32)
    params = drawn({"weight": (*kernel, 3, 4), "bias": (4,)})
    found = layers.Conv(4, kernel, stride, padding, use_bias=True).apply({"params": params}, x)
    np.testing.assert_allclose(found, conv(x, params["weight"], stride, padding) + params["bias"], atol=1e-5)


def test_batch_normalisation_is_by_the_statistics_of_training():
    x = RNG.standard_normal((2, 3, 3, 4)).astype(np.float32)
    params, buffers = drawn({"weight": (4,), "bias": (4,)}), drawn({"running_mean": (4,), "running_var": (4,)})
    found = layers.Norm(0.1).apply({"params": params, "buffers": buffers}, x)
    np.testing.assert_allclose(found, batch_norm(x, params, buffers, 0.1), atol=1e-5)


def test_prelu():
    found = layers.PReLU().apply({"params": {"weight": np.float32([0.5, -1])}}, np.float32([[2, 2], [-2, -2], [0, 0]]))
    np.testing.assert_array_equal(found, [[2, 2], [-1, 2], [0, 0]])


def test_linear_layers_read_maps_in_their_own_order():
    x, weight = RNG.standard_normal((2, 3, 4, 5)), RNG.standard_normal((3, 4, 5, 6))
    params = {"weight": np.float32(weight), "bias": np.arange(6, dtype=np.float32)}
    expected = x.reshape(2, -1) @ weight.reshape(-1, 6) + np.arange(6)
    np.testing.assert_allclose(layers.LinearOfMaps(6).apply({"params": params}, np.float32(x)), expected, atol=1e-4)


@pytest.mark.parametrize("shape", [(9, 9), (6, 7)])
def test_pools(shape):
    x = RNG.standard_normal((2, *shape, 3)).astype(np.float32)
    np.testing.assert_allclose(layers.max_pool(x, 3, 2), pool(x, 3, 2), rtol=1e-6)
    np.testing.assert_allclose(layers.max_pool(x - 9, 3, 1, 1), pool(x - 9, 3, 1, 1), rtol=1e-6)
    np.testing.assert_allclose(layers.average_pool_3x3(x), pool(x, 3, 1, 1, np.nanmean), atol=1e-6)


@pytest.mark.parametrize(("shape", "side"), [((14, 21), 7), ((13, 5), 7), ((188, 188), 112), ((3, 2), 3)])
def test_adaptive_average(shape, side):
    x = RNG.standard_normal((1, *shape, 2)).astype(np.float32)
    np.testing.assert_allclose(layers.average_pool(x, side), adaptive_average(x, side), atol=1e-5)


def test_adaptive_average_of_the_right_size_is_the_map_itself():
    x = RNG.standard_normal((1, 7, 7, 2)).astype(np.float32)
    assert "dot_general" not in str(jax.make_jaxpr(lambda x: layers.average_pool(x, 7))(x))
    np.testing.assert_array_equal(layers.average_pool(x, 7), x)
