"""Presets against the parameter counts that NVIDIA's code prints for the same networks."""

import jax
import jax.numpy as jnp
import pytest

from ganinv_jax.models.stylegan2 import Discriminator, DiscriminatorConfig, Generator
from ganinv_jax.models.stylegan2.presets import afhq512, cat64, ffhq1024


def _count(module, *inputs) -> int:
    shapes = jax.eval_shape(module.init, jax.random.key(0), *inputs)
    return sum(leaf.size for leaf in jax.tree.leaves(shapes["params"]))


@pytest.mark.parametrize("preset, rows", [(ffhq1024, 18), (afhq512, 16), (cat64, 10)])
def test_presets_build(preset, rows):
    config = preset()
    assert config.num_ws == rows
    images = jax.eval_shape(
        lambda key: Generator(config).init_with_output(key, jnp.zeros((1, config.z_dim)))[0], jax.random.key(0)
    )
    assert images.shape == (1, config.resolution, config.resolution, 3)


def test_config_f_has_as_many_parameters_as_the_official_one():
    assert _count(Generator(ffhq1024()), jnp.zeros((1, 512))) == 30_370_060
    assert _count(Discriminator(DiscriminatorConfig(1024)), jnp.zeros((1, 1024, 1024, 3))) == 29_012_513
