"""ArcFace's IR-SE-50 against the same network in NumPy, and where it looks for faces."""

import jax
import numpy as np
import pytest
from flax import traverse_util
from naive_layers import adaptive_average, batch_norm, conv, drawn

from ganinv_jax.core.errors import InputError
from ganinv_jax.models.features.arcface import ArcFace, ArcFaceConfig, crop_face

CONFIG = ArcFaceConfig(widths=(4, 6, 32, 8), embedding=7, size=32)


@pytest.fixture(scope="module")
def variables():
    images = jax.ShapeDtypeStruct((1, 32, 32, 3), np.float32)
    shapes = jax.eval_shape(ArcFace(CONFIG).init, jax.random.key(0), images)
    flat = {path: leaf.shape for path, leaf in traverse_util.flatten_dict(shapes, sep="/").items()}
    return traverse_util.unflatten_dict(drawn(flat), sep="/")


def naive(images, variables):
    """The whole network, as its authors' code has it: strides, widths and shortcuts of 3 + 4 + 14 + 3 blocks."""
    params, buffers = variables["params"], variables["buffers"]

    def norm(x, path):
        (p, b) = params, buffers
        for key in path.split("/"):
            p, b = p[key], b[key]
        return batch_norm(x, p, b, 1e-5)

    def prelu(x, slope):
        return np.where(x > 0, x, slope["weight"] * x)

    stem = params["body"]["stem"]
    x, depth = prelu(norm(conv(images, stem["conv"]["weight"], 1, (1, 1)), "body/stem/norm"), stem["act"]), 4
    for i in range(24):
        name, block, width = (
            f"body/unit{i}",
            params["body"][f"unit{i}"],
            4 if i < 3 else 6 if i < 7 else 32 if i < 21 else 8,
        )
        stride = 2 if i in (0, 3, 7, 21) else 1
        shortcut = x[:, ::stride, ::stride]
        if width != depth:
            shortcut = norm(conv(x, block["shortcut"]["weight"], stride), f"{name}/shortcut_norm")
        y = prelu(conv(norm(x, f"{name}/norm0"), block["conv0"]["weight"], 1, (1, 1)), block["act"])
        y = norm(conv(y, block["conv1"]["weight"], stride, (1, 1)), f"{name}/norm1")
        mean = y.mean(axis=(1, 2)) @ block["se"]["squeeze"]["weight"]
        gate = 1 / (1 + np.exp(-np.maximum(mean, 0) @ block["se"]["excite"]["weight"]))
        x, depth = shortcut + y * gate[:, None, None], width
    x = norm(x, "output_norm").reshape(len(x), -1)
    x = x @ params["output"]["weight"].reshape(-1, 7) + params["output"]["bias"]
    x = norm(x, "embedding_norm")
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def test_the_whole_network(variables):
    faces = np.random.default_rng(0).uniform(-1, 1, (3, 32, 32, 3)).astype(np.float32)
    found = jax.jit(ArcFace(CONFIG).apply)(variables, faces)["embedding"]
    expected = naive(faces, variables)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert np.ptp(expected, axis=0).max() > 0.1  # it tells them apart
    np.testing.assert_allclose(np.linalg.norm(found, axis=-1), 1, rtol=1e-6)


def test_whole_pictures_are_cropped(variables):
    images = np.random.default_rng(1).uniform(-1, 1, (1, 320, 320, 3)).astype(np.float32)
    faces = adaptive_average(adaptive_average(images, 256)[:, 35:223, 32:220], 32)
    np.testing.assert_allclose(crop_face(images, 32), faces, atol=1e-5)
    found = jax.jit(ArcFace(CONFIG).apply)(variables, images)["embedding"]
    np.testing.assert_allclose(found, naive(faces, variables), atol=1e-4)


def test_the_real_size():
    images = jax.ShapeDtypeStruct((1, 112, 112, 3), np.float32)
    params = jax.eval_shape(ArcFace(ArcFaceConfig()).init, jax.random.key(0), images)["params"]
    assert sum(leaf.size for leaf in jax.tree.leaves(params)) == 43_797_696  # PyTorch's count of the public network
    assert ArcFaceConfig().channels == {"embedding": 512} and ArcFaceConfig().maps == ()


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match="widths must be 4 numbers above 0"):
        ArcFaceConfig(widths=(64, 128))
    with pytest.raises(InputError, match="multiple of 16"):
        ArcFaceConfig(size=100)
