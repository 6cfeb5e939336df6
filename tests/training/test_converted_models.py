"""Training goes on from converted official networks: the GAN, and the inpainter on the frozen generator."""

import logging

import jax
import numpy as np
import pytest
from flax import traverse_util
from nvidia_files import network_pickle

from conversion.convert import convert
from conversion.stylegan2 import discriminator_shapes, generator_shapes
from ganinv_jax.core.configs import from_dict, to_dict
from ganinv_jax.core.errors import InputError
from ganinv_jax.models.stylegan2 import DiscriminatorConfig, GeneratorConfig, MappingConfig, SynthesisConfig
from ganinv_jax.training.tasks.gan import GanConfig, GanTask
from ganinv_jax.training.tasks.inpaint import InpaintConfig, InpaintTask

HALVES = {"channel_base": 128, "channel_max": 8, "num_fp16_res": 2, "conv_clamp": 256.0}
GENERATOR = GeneratorConfig(
    16, z_dim=6, w_dim=8, mapping=MappingConfig(num_layers=2), synthesis=SynthesisConfig(**HALVES)
)
JUDGE = DiscriminatorConfig(16, mbstd_group_size=2, **HALVES)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A pickle whose three networks all differ, converted with the generator as trained."""
    folder = tmp_path_factory.mktemp("converted")
    rng = np.random.default_rng(0)
    shapes = {"G": generator_shapes(GENERATOR), "G_ema": generator_shapes(GENERATOR), "D": discriminator_shapes(JUDGE)}
    drawn = {
        name: traverse_util.unflatten_dict({k: rng.standard_normal(s, np.float32) for k, s in each.items()}, sep="/")
        for name, each in shapes.items()
    }
    content = network_pickle(GENERATOR, drawn["G_ema"], JUDGE, drawn["D"], raw=drawn["G"])
    (folder / "network.pkl").write_bytes(content)
    convert(folder / "network.pkl", folder / "model", raw=True)
    return folder / "model", drawn


def gan(model, **changes) -> GanTask:
    options = {
        "data": {"source": "pictures"},
        "generator": to_dict(GENERATOR),
        "batch_size": 4,
        "stylegan2": {"network": to_dict(JUDGE), "r1_gamma": 1.0},
        "init_from": str(model),
    }
    return GanTask(from_dict(GanConfig, options | changes))


def test_a_gan_goes_on_from_an_official_network(model):
    folder, networks = model
    state = gan(folder).init(jax.random.key(0))
    jax.tree.map(np.testing.assert_array_equal, state.params, networks["G"]["params"])
    jax.tree.map(np.testing.assert_array_equal, state.ema, networks["G_ema"]["params"])
    jax.tree.map(np.testing.assert_array_equal, state.adversary.params, networks["D"]["params"])


def test_options_that_differ_are_named(model):
    generator = to_dict(GENERATOR) | {"mapping": to_dict(MappingConfig(num_layers=2, w_avg_beta=0.998))}
    with pytest.raises(InputError, match=r"mapping\.w_avg_beta is 0\.995 instead of 0\.998\.$"):
        gan(model[0], generator=generator).init(jax.random.key(0))


def inpaint(model, **network) -> InpaintTask:
    options = {"init_from": str(model), "batch_size": 4, "perceptual_size": 32}
    options["stylegan2"] = {"network": to_dict(JUDGE) | network, "r1_gamma": 1.0, "augment": None}
    return InpaintTask(from_dict(InpaintConfig, options))


def test_an_inpainter_on_an_official_generator(model, caplog):
    folder, networks = model
    with caplog.at_level(logging.WARNING):
        task = inpaint(folder)
    assert not caplog.records and task.generator.config == GENERATOR
    jax.tree.map(np.testing.assert_array_equal, task.frozen["model"]["generator"], networks["G_ema"])
    state = jax.eval_shape(task.init, jax.random.key(0))
    assert state.params.keys() == {"encoder", "mixer"}
    with caplog.at_level(logging.WARNING):
        inpaint(folder, mbstd_group_size=4)
    assert "discriminator begins anew" in caplog.text and "mbstd_group_size is 2 instead of 4" in caplog.text
