"""StyleGAN2's configs, and the weights that they start with."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_stylegan2 import discriminator_config, generator, generator_config, jit

from ganinv_jax.core.configs import from_dict, to_dict
from ganinv_jax.core.errors import InputError
from ganinv_jax.models.stylegan2 import Generator, GeneratorConfig, MappingConfig


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: generator_config(24), "power of two from 8 up, but got 24"),
        (lambda: generator_config(4), "power of two"),
        (lambda: generator_config(channels=(8, 8)), "must list 3 widths"),
        (lambda: generator_config(conv_clamp=-1.0), "conv_clamp must be positive"),
        (lambda: generator_config(num_fp16_res=-1), "num_fp16_res"),
        (lambda: generator_config(resample_kernel=(1.0, -1.0)), "positive sum"),
        (lambda: generator_config(mask_channels=-1), "mask_channels"),
        (lambda: MappingConfig(lr_multiplier=0), "lr_multiplier"),
        (lambda: MappingConfig(num_layers=-1), "num_layers"),
        (lambda: MappingConfig(activation="gelu"), "lrelu.*, but got 'gelu'"),
        (lambda: generator_config(activation="gelu"), "lrelu.*, but got 'gelu'"),
        (lambda: discriminator_config(activation="gelu"), "lrelu.*, but got 'gelu'"),
        (lambda: discriminator_config(12), "power of two"),
        (lambda: discriminator_config(mbstd_num_channels=3), "must divide the 8 channels"),
        (lambda: from_dict(GeneratorConfig, {"resolution": 16, "synthesis": {"architecture": "skp"}}), "'skip'"),
        (lambda: from_dict(GeneratorConfig, {"resolution": 16, "synthesis": {"chanel_base": 8}}), "'channel_base'"),
    ],
)
def test_a_bad_config_is_said(make, said):
    with pytest.raises(InputError, match=said):
        make()


@pytest.mark.parametrize("config", [generator_config(channels=(8, 6, 4)), discriminator_config(c_dim=2)])
def test_configs_come_back_from_json(config):
    assert from_dict(type(config), to_dict(config)) == config


def test_widths_that_are_listed():
    _, variables = generator(generator_config(channels=(8, 6, 4)))
    p = variables["params"]["synthesis"]
    assert [p[f"b{r}"]["conv1"]["weight"].shape[2:] for r in (4, 8, 16)] == [(8, 8), (6, 6), (4, 4)]


def test_weights_start_as_in_the_papers():
    variables = jit(Generator(generator_config()).init)(jax.random.key(0), jnp.zeros((1, 6)))
    mapping, block = variables["params"]["mapping"], variables["params"]["synthesis"]["b16"]
    assert abs(np.std(mapping["fc0"]["weight"]) - 100) < 30  # over the learning-rate multiplier, 0.01
    assert abs(np.std(block["conv0"]["weight"]) - 1) < 0.2
    np.testing.assert_array_equal(block["conv0"]["affine"]["bias"], 1)
    for zero in (mapping["fc0"]["bias"], block["conv0"]["bias"], block["conv0"]["noise_strength"]):
        np.testing.assert_array_equal(zero, 0)
    buffers = variables["buffers"]
    np.testing.assert_array_equal(buffers["mapping"]["w_avg"], 0)
    assert abs(np.std(buffers["synthesis"]["b16"]["conv0"]["noise_const"]) - 1) < 0.2
