"""Networks with weights for measurement."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ganinv_jax.benchmarks.options import Options
from ganinv_jax.models.stylegan2 import Discriminator, DiscriminatorConfig, Generator, GeneratorConfig


def generator(options: Options, implementation: str) -> Any:
    """The generator's module."""
    return Generator(options.generator, options.compute, implementation)  # type: ignore[arg-type]


def discriminator(options: Options) -> Any:
    """The discriminator's module."""
    return Discriminator(options.discriminator, options.compute)  # type: ignore[arg-type]


@functools.lru_cache(maxsize=4)
def generator_variables(config: GeneratorConfig) -> Any:
    """Random weights as training begins with, but with biases and noise too, so that nothing can be left out unseen."""
    shapes = jax.eval_shape(Generator(config).init, jax.random.key(0), jnp.zeros((1, config.z_dim)))
    return _drawn(shapes, config.mapping.lr_multiplier)


@functools.lru_cache(maxsize=4)
def discriminator_variables(config: DiscriminatorConfig) -> Any:
    """The same of the discriminator."""
    images = jnp.zeros((1, config.resolution, config.resolution, config.img_channels))
    return _drawn(jax.eval_shape(Discriminator(config).init, jax.random.key(0), images), 1.0)


def latents(config: GeneratorConfig, batch: int) -> np.ndarray:
    """z [b, z_dim]."""
    return np.random.default_rng(1).standard_normal((batch, config.z_dim), np.float32)


def pictures(resolution: int, batch: int, channels: int = 3) -> np.ndarray:
    """uint8 [b, h, w, c], smooth from 8 pixels on, as photos are."""
    rng = np.random.default_rng(2)
    coarse = rng.integers(0, 256, (batch, max(1, resolution // 8), max(1, resolution // 8), channels), np.uint8)
    return coarse.repeat(8, axis=1).repeat(8, axis=2)[:, :resolution, :resolution]


def _drawn(shapes: Any, lr_multiplier: float) -> Any:
    rng = np.random.default_rng(0)

    def draw(path: tuple, leaf: Any) -> jax.Array:
        names = [key.key for key in path]
        values = rng.standard_normal(leaf.shape, np.float32)
        if names[-1] in ("bias", "noise_strength", "w_avg"):
            values = values * 0.1 + ("affine" in names)
        elif "mapping" in names:
            values = values / lr_multiplier
        return jnp.asarray(values, jnp.float32)

    return jax.tree_util.tree_map_with_path(draw, shapes)
