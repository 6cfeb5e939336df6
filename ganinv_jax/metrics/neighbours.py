"""Nearest neighbours among many rows, on the device, without the matrix of all distances."""

import functools
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Float, Int

from ganinv_jax.core.devices import data_mesh, replicate, shard_batch

_AT_A_TIME = 1024  # rows of the matrix of distances that a device holds at once


def shares_within(a: Float[np.ndarray, "n c"], b: Float[np.ndarray, "m c"], neighbours: int) -> tuple[float, float]:
    """The shares of rows of `a` that lie in a ball around a row of `b`, and of `b` around `a`.

    A ball reaches to its row's `neighbours`-th neighbour in the same set, or to the last one in smaller sets. Squared
    distances are |x|^2 + |y|^2 - 2 x y about the mean of `b`. Norms are summed in float64 and products in float32 at
    full precision, so a squared distance is off by about 1e-6 of the norms, and only a row as near as that to a ball's
    edge can be counted otherwise.
    """
    mesh = data_mesh(jax.local_devices())
    centre = np.asarray(b, np.float64).mean(axis=0)
    a, b = (np.asarray(rows, np.float64) - centre for rows in (a, b))
    a_reach, b_reach = (_reach(rows, neighbours, mesh) for rows in (a, b))
    targets, a_within, b_within = replicate(_with_norms(b), mesh), [], np.zeros(len(b), bool)
    for rows, block in _blocks(a, mesh):
        reach = np.full(len(block[0]), -1, np.float32)  # rows that fill up the block hold nothing
        reach[: rows.stop - rows.start] = a_reach[rows]
        within, holds = _overlap(targets, b_reach, block, shard_batch(reach, mesh))
        a_within.append(np.asarray(within)[: rows.stop - rows.start])
        b_within |= np.asarray(holds)
    return float(np.concatenate(a_within).mean()), float(b_within.mean())


def nearest(
    a: Float[np.ndarray, "n c"], b: Float[np.ndarray, "m c"]
) -> tuple[Float[np.ndarray, "n"], Int[np.ndarray, "n"]]:
    """(distance, index) of the row of `b` that is nearest to each row of `a`; as exact as `shares_within`."""
    mesh = data_mesh(jax.local_devices())
    centre = np.asarray(b, np.float64).mean(axis=0)
    targets = replicate(_with_norms(np.asarray(b, np.float64) - centre), mesh)
    found = [
        [np.asarray(x)[: of.stop - of.start] for x in _first(targets, block)]
        for of, block in _blocks(np.asarray(a, np.float64) - centre, mesh)
    ]
    squared, which = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return np.sqrt(squared), which


def _reach(rows: np.ndarray, neighbours: int, mesh: Mesh) -> np.ndarray:
    """The squared radius of the ball around each row."""
    targets, last = replicate(_with_norms(rows), mesh), min(neighbours, len(rows) - 1)
    found = [np.asarray(_kth(targets, last, block))[: of.stop - of.start] for of, block in _blocks(rows, mesh)]
    return np.concatenate(found)


def _blocks(rows: np.ndarray, mesh: Mesh) -> Iterator[tuple[slice, tuple[jax.Array, jax.Array]]]:
    """(which rows, they and their norms on the devices), all blocks of one size, so that there is one program."""
    size = mesh.size * min(_AT_A_TIME, -(-len(rows) // mesh.size))
    for start in range(0, len(rows), size):
        block = rows[start : start + size]
        full = np.concatenate([block, np.zeros((size - len(block), rows.shape[1]))])
        yield slice(start, start + len(block)), shard_batch(_with_norms(full), mesh)


def _with_norms(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return rows.astype(np.float32), np.sum(rows**2, axis=1).astype(np.float32)


@functools.partial(jax.jit, static_argnums=1)
def _kth(targets, k: int, block):
    """The squared distance of each row to the k-th nearest of the targets; the nearest, k = 0, is the row itself."""
    return -jax.lax.top_k(-_squared_distances(block, targets), k + 1)[0][:, k]


@jax.jit
def _first(targets, block):
    """The squared distance of each row to the nearest of the targets, and which that is."""
    distances = _squared_distances(block, targets)
    return jnp.min(distances, axis=1), jnp.argmin(distances, axis=1)


@jax.jit
def _overlap(targets, reach, block, block_reach):
    """Which rows of the block lie in a target's ball, and which targets in the ball of one of those rows."""
    distances = _squared_distances(block, targets)
    return jnp.any(distances <= reach, axis=1), jnp.any(distances <= block_reach[:, None], axis=0)


def _squared_distances(a, b):
    (x, x_norms), (y, y_norms) = a, b
    products = jnp.matmul(x, y.T, precision=jax.lax.Precision.HIGHEST)
    return jnp.maximum(x_norms[:, None] + y_norms - 2 * products, 0)
