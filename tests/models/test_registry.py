"""Networks out of model folders: what is built, and what is refused."""

import jax
import numpy as np
import pytest
from model_folders import add_psp_encoder, tiny_model

from ganinv_jax.core.configs import to_dict
from ganinv_jax.core.errors import InputError
from ganinv_jax.models import registry
from ganinv_jax.models.encoders import PspEncoder, reads_whole
from ganinv_jax.models.features import load_features
from ganinv_jax.models.inpainting import StyleEncoder
from ganinv_jax.models.projected import ProjectedConfig, ProjectedDiscriminator, init_variables

CONFIG, ARRAYS = tiny_model(discriminator=True)


@pytest.mark.parametrize("part", ["generator", "discriminator", "encoder", "mixer", "skip"])
def test_every_part_comes_back_with_its_config_and_weights(part):
    network = registry.restore(part, CONFIG, ARRAYS)
    assert to_dict(network.config) == CONFIG[part]
    assert network.module.config == network.config
    jax.tree.map(np.testing.assert_array_equal, network.variables, ARRAYS[part])


def test_a_projected_discriminator_gets_the_frozen_network_that_no_folder_holds():
    options = ProjectedConfig(size=32, stages=("stride4",), channels=4, head_channels=(4,))
    variables = init_variables(ProjectedDiscriminator(options), jax.random.key(0))
    stored = {name: tree for name, tree in variables.items() if name != "features"}
    config = {"discriminator": {"kind": "projected", **to_dict(options)}}
    network = registry.restore("discriminator", config, {"discriminator": stored})
    shared = network.variables["features"]["efficientnet_lite0"]
    assert shared is load_features("efficientnet_lite0").variables
    assert isinstance(network.module, ProjectedDiscriminator) and network.config == options


def test_encoders_of_whole_pictures_are_a_kind_of_their_own():
    config, arrays = add_psp_encoder(CONFIG, ARRAYS)
    network = registry.restore("encoder", config, arrays)
    assert isinstance(network.module, PspEncoder) and network.config.heads == "w"
    assert registry.describe("encoder", network.config) == config["encoder"]
    assert registry.describe("encoder", registry.restore("encoder", CONFIG, ARRAYS).config) == CONFIG["encoder"]


def test_the_inpainters_encoder_trained_on_whole_pictures_is_another_kind():
    options = CONFIG["encoder"] | {"kind": "whole"}
    network = registry.restore("encoder", CONFIG | {"encoder": options}, ARRAYS)
    assert isinstance(network.module, StyleEncoder) and reads_whole(network.config)
    assert registry.describe("encoder", network.config) == options
    assert not reads_whole(registry.restore("encoder", CONFIG, ARRAYS).config)


def test_the_implementation_reaches_the_generator():
    assert registry.restore("generator", CONFIG, ARRAYS, implementation="pallas").module.implementation == "pallas"
    registry.restore("mixer", CONFIG, ARRAYS, implementation="pallas")  # has no choice
    with pytest.raises(InputError, match="implementation must be one of auto, lax, pallas, but got 'palas'"):
        registry.restore("generator", CONFIG, ARRAYS, implementation="palas")


@pytest.mark.parametrize("compute", ["bf16", "source"])
def test_compute_reaches_the_module(compute):
    assert registry.restore("generator", CONFIG, ARRAYS, compute).module.compute == compute


@pytest.mark.parametrize(
    ("part", "options", "arrays", "message"),
    [
        ("generator", {}, {"encoder": {}}, "must hold the part 'generator', but its parts are encoder"),
        ("decoder", {}, {"decoder": {}}, "has no option 'decoder'; did you mean 'encoder'"),
        ("generator", None, None, "must hold the options of 'generator'"),
        ("generator", {"z_dims": 3}, None, "has no option 'z_dims'; did you mean 'z_dim'"),
        ("generator", {"w_dim": 7}, None, "weights of generator must fit its config"),
        ("discriminator", {"kind": "progected"}, None, "did you mean 'projected'"),
    ],
)
def test_what_does_not_fit_is_refused(part, options, arrays, message):
    config = CONFIG | {part: None if options is None else CONFIG.get(part, {}) | options}
    with pytest.raises(InputError, match=message):
        registry.restore(part, config, ARRAYS if arrays is None else arrays)


def test_an_unknown_precision_is_refused():
    with pytest.raises(InputError, match="compute must be one of fp32, bf16, source, but got 'fp64'"):
        registry.restore("generator", CONFIG, ARRAYS, "fp64")
