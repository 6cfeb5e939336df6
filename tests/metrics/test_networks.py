"""How figures look at pictures: their names, and what sources stand for."""

import jax
import numpy as np
import pytest
from flax import traverse_util
from naive_layers import drawn
from small_features import formula

from ganinv_jax.core import folders
from ganinv_jax.core.errors import InputError
from ganinv_jax.metrics.networks import Extractor, open_extractors
from ganinv_jax.models.features.arcface import ArcFace, ArcFaceConfig
from ganinv_jax.models.features.convnets import ConvNet, Vgg16Config
from ganinv_jax.models.features.inception import Inception, InceptionConfig
from ganinv_jax.models.registry import describe


def save(path, config, module, side):
    """A folder of a tiny converted network."""
    shapes = jax.eval_shape(module(config).init, jax.random.key(0), np.zeros((1, side, side, 3), np.float32))
    flat = {name: leaf.shape for name, leaf in traverse_util.flatten_dict(shapes, sep="/").items()}
    arrays = traverse_util.unflatten_dict(drawn(flat), sep="/")
    folders.save(path, {"features": describe("features", config)}, {"features": arrays})
    return path


@pytest.fixture(scope="module")
def inception(tmp_path_factory):
    return save(tmp_path_factory.mktemp("inception"), InceptionConfig(width=1 / 16, classes=5), Inception, 75)


def vgg(hidden):
    return Vgg16Config(widths=(2,) * 13, hidden=hidden, classes=3)


def test_inception_is_looked_through_with_both_resizes(inception):
    clean, fidelity = open_extractors([str(inception)])
    assert (clean.stage, clean.size) == ("pool3", 299)
    assert clean.figure("fd") == "fid_inception_cleanfid" and fidelity.figure("kd") == "kid_inception_torchfidelity"
    assert clean.figure("precision") == "precision_inception_cleanfid"
    assert clean.features is fidelity.features


def test_other_networks_give_no_fid(tmp_path):
    lite, other = open_extractors(["efficientnet_lite0", save(tmp_path, vgg(7), ConvNet, 32)])
    assert (lite.figure("fd"), lite.figure("kd"), lite.size) == ("fd_efficientnet_lite0", "kd_efficientnet_lite0", 224)
    assert (other.figure("recall"), other.stage) == ("recall_vgg16_torchfidelity", "fc7")


def test_arcface_crops_for_itself(tmp_path):
    folder = save(tmp_path, ArcFaceConfig(widths=(2, 2, 2, 2), embedding=5), ArcFace, 112)
    (extractor,) = open_extractors([folder])
    assert (extractor.figure("identity"), extractor.resize) == ("identity_arcface", "none")


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        (["efficientnet_lite0", "efficientnet_lite0"], "named once, but efficientnet_lite0 is"),
        (["efficientnet_lite9"], "There are no features"),
    ],
)
def test_sources_that_will_not_do(sources, message):
    with pytest.raises(InputError, match=message):
        open_extractors(sources)


def test_a_network_without_a_vector(tmp_path):
    with pytest.raises(InputError, match="holds vgg16 without its classifier"):
        open_extractors([save(tmp_path, vgg(0), ConvNet, 32)])


def test_pixels_are_resized_and_then_looked_at():
    features = formula()
    picture = np.random.default_rng(0).integers(0, 256, (2, 64, 16, 3), np.uint8)
    seen = Extractor(features, "head", "torchfidelity")(features.variables, picture)["head"]
    reduced = picture[:, ::2].astype(np.float64)  # halved one way; the other way doubled, the last column repeated
    between = np.repeat(reduced, 2, axis=2)
    between[:, :, 1:-1:2] = (reduced[:, :, :-1] + reduced[:, :, 1:]) / 2
    expected = (between / 127.5 - 1).mean(axis=(1, 2)) @ np.asarray(features.variables["colours"]) + 0.5
    np.testing.assert_allclose(seen, expected, atol=1e-5)
