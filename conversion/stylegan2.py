"""What every family's table needs to know of our StyleGAN2: its options, its variables' shapes, its filters' values."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from conversion.rules import variable_shapes
from ganinv_jax.models.stylegan2 import Discriminator, DiscriminatorConfig, Generator, GeneratorConfig
from ganinv_jax.models.stylegan2.mapping import MappingNetwork

DEFAULT_KERNEL = (1.0, 3.0, 3.0, 1.0)
LARGEST = 8192  # no published network has a larger picture; bounds what a broken file can ask for
LATENTS = 4096  # as many as rosinality's generate.py averages to truncate
_SEPARABLE_FROM = 8  # `setup_filter` of NVIDIA's upfirdn2d keeps kernels of that many taps as one axis


@functools.lru_cache
def generator_shapes(config: GeneratorConfig) -> dict[str, tuple[int, ...]]:
    """Path -> shape of every variable of the generator; nothing is computed."""
    z, c = _row(config.z_dim), _row(config.c_dim)
    return variable_shapes(Generator(config), z, c)


@functools.lru_cache
def discriminator_shapes(config: DiscriminatorConfig) -> dict[str, tuple[int, ...]]:
    """Path -> shape of every variable of the discriminator; nothing is computed."""
    images = jax.ShapeDtypeStruct((1, config.resolution, config.resolution, config.img_channels), np.float32)
    return variable_shapes(Discriminator(config), images, _row(config.c_dim))


def width_options(widths: Sequence[int]) -> dict[str, Any]:
    """The options for these widths, from 4x4 up: channel_base and channel_max where they give them, else a list."""
    resolutions = [2 ** (k + 2) for k in range(len(widths))]
    base, most = widths[-1] * resolutions[-1], max(widths)
    if list(widths) == [min(base // r, most) for r in resolutions]:
        return {"channel_base": base, "channel_max": most}
    return {"channels": tuple(widths)}


def mean_w(config: GeneratorConfig, variables: Mapping[str, Any]) -> np.ndarray:
    """The average w [w_dim] of a generator whose file has none: of LATENTS latents, always the same ones."""
    mapping = MappingNetwork(config.mapping, config.z_dim, 0, config.w_dim, keep_average=False)
    z = np.random.RandomState(0).randn(LATENTS, config.z_dim).astype(np.float32)
    w = jax.jit(mapping.apply)({"params": variables["params"]["mapping"]}, z)
    return np.asarray(w).mean(axis=0, dtype=np.float64).astype(np.float32)


def stored_filter(kernel: Sequence[float]) -> np.ndarray:
    """The `resample_filter` that NVIDIA's code stores for these taps: their outer product, with sum 1."""
    taps = np.asarray(kernel, np.float32)
    taps = taps if len(taps) >= _SEPARABLE_FROM else np.outer(taps, taps)
    return taps / taps.sum()


def _row(width: int) -> Any:
    return jax.ShapeDtypeStruct((1, width), np.float32) if width else None
