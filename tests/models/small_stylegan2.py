"""Small StyleGAN2 networks with weights in which nothing is zero, for the tests of this folder."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from ganinv_jax.models.stylegan2 import (
    Discriminator,
    DiscriminatorConfig,
    Generator,
    GeneratorConfig,
    MappingConfig,
    SynthesisConfig,
)

ARCHITECTURES = ["skip", "resnet", "orig"]
# Compiling is what costs here.
jit = functools.partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})


def generator_config(resolution=16, mask_channels=0, c_dim=0, **synthesis) -> GeneratorConfig:
    return GeneratorConfig(
        resolution,
        z_dim=6,
        w_dim=5,
        c_dim=c_dim,
        mask_channels=mask_channels,
        mapping=MappingConfig(num_layers=2),
        synthesis=SynthesisConfig(channel_base=64, channel_max=8, **synthesis),
    )


def discriminator_config(resolution=16, **options) -> DiscriminatorConfig:
    mapping = MappingConfig(num_layers=2, w_avg_beta=None)
    return DiscriminatorConfig(resolution, channel_base=64, channel_max=8, mapping=mapping, **options)


@functools.cache
def generator(config: GeneratorConfig):
    network = Generator(config)
    labels = jnp.zeros((1, config.c_dim)) if config.c_dim else None
    return network, _drawn(jax.eval_shape(network.init, jax.random.key(0), jnp.zeros((1, 6)), labels))


@functools.cache
def discriminator(config: DiscriminatorConfig):
    network = Discriminator(config)
    labels = jnp.zeros((1, config.c_dim)) if config.c_dim else None
    return network, _drawn(jax.eval_shape(network.init, jax.random.key(0), jnp.zeros((1, 16, 16, 3)), labels))


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def float64(variables):
    return jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), variables)


def close(got, wanted, tolerance=1e-5):
    """A difference of at most `tolerance` times the largest number wanted (or 1)."""
    wanted = np.asarray(wanted, np.float64)
    np.testing.assert_allclose(got, wanted, rtol=0, atol=tolerance * max(1, np.abs(wanted).max()))


def _drawn(shapes):
    """Biases, noise strengths and the average w too, which training starts at zero."""
    rng = np.random.default_rng(0)

    def draw(path, leaf):
        slow = any(getattr(key, "key", "").startswith("fc") for key in path) and "mapping" in str(path)
        return jnp.asarray(rng.normal(size=leaf.shape) * (100 if slow else 1), jnp.float32)  # 1 / lr_multiplier

    return jax.tree_util.tree_map_with_path(draw, shapes)
