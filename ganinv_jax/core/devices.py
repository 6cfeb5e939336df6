"""Devices: the mesh that training runs on, how arrays lie on it, and the compilation cache."""

import ctypes
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from ganinv_jax.core.errors import InputError

Tree = TypeVar("Tree")

# Options of mallopt(3), from glibc's malloc.h.
_M_MMAP_MAX, _M_TRIM_THRESHOLD, _M_TOP_PAD, _M_ARENA_MAX = -4, -1, -2, -8


def enable_compilation_cache(folder: str | os.PathLike | None = None) -> Path | None:
    """Keep compiled programs on disk, so that the second process starts in seconds; returns the folder.

    The folder is `folder`, else the environment's GANINV_CACHE (empty: no cache, returns None), else what JAX was
    already told (JAX_COMPILATION_CACHE_DIR), else `ganinv_jax/xla` in the user's cache directory.
    """
    known: str | None = jax.config.jax_compilation_cache_dir  # type: ignore[attr-defined]
    chosen = folder if folder is not None else os.environ.get("GANINV_CACHE", known)
    if chosen == "":
        return None
    path = Path(chosen).expanduser() if chosen else _user_cache() / "ganinv_jax" / "xla"
    jax.config.update("jax_compilation_cache_dir", str(path))
    # JAX keeps only programs that took a second; small ones add up to most of a warm start.
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    return path


def keep_host_memory() -> None:
    """Have the C library keep freed memory instead of giving it back; call before JAX computes on the CPU.

    XLA allocates every large intermediate anew, and on Linux each page of it then faults in: an elementwise operation
    on 50 MB took 61 ms, and 8 with this. Does nothing where the C library is not glibc.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        for option, value in (
            (_M_MMAP_MAX, 0),
            (_M_TRIM_THRESHOLD, 2**31 - 1),
            (_M_TOP_PAD, 64 << 20),
            (_M_ARENA_MAX, 1),
        ):
            mallopt(option, value)


def data_mesh(devices: Sequence[Any] | None = None) -> Mesh:
    """A mesh over all devices of all processes (or over `devices`) with the one axis 'data'."""
    # Not `jax.make_mesh`: its axes are of the explicit kind, which asks for shardings inside the model code.
    return Mesh(np.array(jax.devices() if devices is None else devices), ("data",))


def check_batch(batch_size: int, mesh: Mesh) -> None:
    """Raise InputError unless the mesh divides the global batch."""
    if batch_size <= 0 or batch_size % mesh.size:
        raise InputError(
            f"The batch size must be a positive multiple of the number of devices, {mesh.size}, but it is {batch_size}."
        )


def replicate(tree: Tree, mesh: Mesh) -> Tree:
    """Every leaf whole on every device. The result shares no buffer with `tree`, nor one leaf with another.

    So it can be donated, even where a state starts with two names for one array, as weights and their average do.
    """
    # `device_put(may_alias=False)` is not enough: on several devices it may still keep the source as the first shard.
    return jax.device_put(jax.tree.map(jnp.copy, tree), NamedSharding(mesh, PartitionSpec()))


def shard_batch(batch: Any, mesh: Mesh) -> Any:
    """Global arrays, split along the first axis, from this process's part of the batch (all of it on one host)."""
    sharding = NamedSharding(mesh, PartitionSpec("data"))
    return jax.tree.map(lambda leaf: jax.make_array_from_process_local_data(sharding, np.asarray(leaf)), batch)


def _user_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
