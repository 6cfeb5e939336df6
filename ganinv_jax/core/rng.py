"""Where random numbers come from: NVIDIA's z for a seed, a key for every picture of a batch, and what a key is."""

from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Shaped

from ganinv_jax.core.configs import check


def seed_z(seeds: Iterable[int | np.integer], z_dim: int) -> Float[np.ndarray, "n z_dim"]:
    """The z that NVIDIA's tools draw for each seed, float32; row i depends on seed i alone.

    Source: `generate.py` of stylegan2-ada-pytorch: `RandomState(seed).randn(1, z_dim)`.
    Raises InputError for a seed outside [0, 2**32 - 1].
    """
    seeds = list(seeds)
    for seed in seeds:
        check(bool(0 <= seed < 2**32), f"A seed must lie between 0 and 4294967295, but got {seed}.")
    rows = [np.random.RandomState(seed).randn(1, z_dim) for seed in seeds]
    return np.concatenate([np.empty((0, z_dim)), *rows]).astype(np.float32)


def fold_keys(key: jax.Array, indices: Int[Array, "n"]) -> Shaped[Array, "n ..."]:
    """One key per index, `fold_in(key, index)` each: the same for a picture wherever in whatever batch it stands."""
    return jax.vmap(jax.random.fold_in, in_axes=(None, 0))(key, indices)


def is_key(leaf: Any) -> bool:
    """Whether `leaf`, an array or the shape of one, holds JAX's typed keys rather than numbers."""
    return hasattr(leaf, "dtype") and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
