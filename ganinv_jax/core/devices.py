"""Devices: the processes and the mesh that training runs on, how arrays lie on it, and the compilation cache."""

import contextlib
import ctypes
import importlib.util
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import AbstractMesh, Mesh, NamedSharding, PartitionSpec

from ganinv_jax.core.errors import GaninvError, InputError, StoppedError
from ganinv_jax.core.rng import is_key

Tree = TypeVar("Tree")

# Options of mallopt(3), from glibc's malloc.h.
_M_MMAP_MAX, _M_TRIM_THRESHOLD, _M_TOP_PAD, _M_ARENA_MAX = -4, -1, -2, -8

BY_HAND = ("JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES", "JAX_PROCESS_ID")
"""What the environment of each process must hold where no launcher tells JAX."""

PATIENCE = 10
"""Seconds that a process which failed waits for the others of a run to end as well."""

# Where launchers tell the number of processes, and TPU pods the workers' addresses, with a comma between them.
_COUNTS, _ADDRESSES = ("SLURM_NTASKS", "OMPI_COMM_WORLD_SIZE"), ("TPU_PROCESS_ADDRESSES", "TPU_WORKER_HOSTNAMES")

# What JAX's errors hold then: the libraries that add up over processes, and the statuses of its own service.
_SIGNS_OF_LOSS = ("Gloo", "NCCL", "UNAVAILABLE", "ABORTED", "DEADLINE_EXCEEDED")


def join_processes() -> None:
    """Make this process one of several, on one host or many, where the environment says so; call before JAX computes.

    It says so by `BY_HAND`, or in a way that `jax.distributed.initialize` knows: a TPU pod slice, SLURM's srun, Open
    MPI's mpirun, an indexed Kubernetes job. A launcher that started one process changes nothing: JAX would leave it
    one GPU, though it may use all. Raises InputError where `BY_HAND` is given in part, or makes no sense.
    """
    if jax.distributed.is_initialized():
        return
    if any(name in os.environ for name in BY_HAND):
        jax.distributed.initialize(*_by_hand())
    elif _launched_together():
        try:
            jax.distributed.initialize()
        except ValueError:  # It knows no coordinator: a processor with the TPU's compiler, or a single TPU.
            return
        except RuntimeError as error:  # A notebook has computed before; nothing says that there are others.
            if _told() or "must be called before" not in str(error):
                raise


@contextlib.contextmanager
def ending_together() -> Iterator[None]:
    """For what several processes do together: where the block fails in one of them, none is left waiting.

    At its exit JAX has a process wait for the others, which may wait for its part of a sum. The one that failed
    therefore ends `PATIENCE` seconds later at the latest, with the error's exit code. On the CPU the others see that at
    their next sum; elsewhere, and where they wait for it to have saved a checkpoint, JAX itself ends them when it
    misses a heartbeat, after 100 seconds. Without the first process JAX ends all at once.

    Raises GaninvError in place of JAX's own error where another process is gone.
    """
    try:
        yield
    except BaseException as error:
        if not jax.distributed.is_initialized() or isinstance(error, StoppedError):  # All of them stop together.
            raise
        _leave_within(PATIENCE, error.exit_code if isinstance(error, GaninvError) else 1)
        if is_loss(error):
            raise GaninvError(
                "All processes of a run must go on together, but another one has ended or cannot be reached "
                f"({_first_line(error)}); see what it says, and run the same command in all of them again."
            ) from error
        raise


def is_loss(error: BaseException | None) -> bool:
    """Whether JAX fails by `error` since another of several processes has ended, or cannot be reached."""
    return (
        jax.distributed.is_initialized()
        and isinstance(error, jax.errors.JaxRuntimeError)
        and any(sign in str(error) for sign in _SIGNS_OF_LOSS)
    )


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
    # By process, so that the processes' parts of a batch, put together in order, are the batch of a single one.
    every = jax.devices() if devices is None else devices
    return Mesh(np.array(sorted(every, key=lambda device: (device.process_index, device.id))), ("data",))


class Target(NamedTuple):
    """Devices that a program is for. platform: 'cpu', 'gpu' or 'tpu'. kind: the model, such as 'NVIDIA H200'."""

    platform: str
    kind: str
    count: int


def target() -> Target:
    """What is being traced for: the mesh of `jax.sharding.use_abstract_mesh`, else all devices of all processes.

    The mesh may be of devices that are not here (see `core.topologies`).
    """
    mesh = jax.sharding.get_abstract_mesh()
    device: Any = mesh.abstract_device
    if device is None:
        return Target(jax.default_backend(), jax.devices()[0].device_kind, jax.device_count())
    return Target(device.platform, device.device_kind, mesh.size)


def check_batch(batch_size: int, mesh: Mesh) -> None:
    """Raise InputError unless the mesh divides the global batch."""
    if batch_size <= 0 or batch_size % mesh.size:
        raise InputError(
            f"The batch size must be a positive multiple of the number of devices, {mesh.size}, but it is {batch_size}."
        )


def replicate(tree: Tree, mesh: Mesh) -> Tree:
    """Every leaf whole on every device. The result shares no buffer with `tree`, nor one leaf with another.

    So it can be donated, even where a state starts with two names for one array, as weights and their average do. With
    several processes all of them must call it, and the values are those of the first: what each has computed for itself
    may differ in the last bits.
    """
    everywhere = NamedSharding(mesh, PartitionSpec())
    if jax.process_count() == 1:
        # `device_put(may_alias=False)` is not enough: on several devices it may still keep the source as first shard.
        return jax.device_put(jax.tree.map(jnp.copy, tree), everywhere)

    def first(rows: Any) -> Tree:
        return jax.tree.map(lambda row, leaf: _as_key(row[0], leaf) if is_key(leaf) else row[0], rows, tree)

    def one_a_device(leaf: Any) -> np.ndarray:
        value = np.asarray(jax.random.key_data(leaf) if is_key(leaf) else leaf)
        return np.broadcast_to(value, (len(mesh.local_devices), *value.shape))

    return jax.jit(first, out_shardings=everywhere)(shard_batch(jax.tree.map(one_a_device, tree), mesh))


def split_rows(x: jax.Array) -> jax.Array:
    """Inside of a program for a mesh (`jax.sharding.use_abstract_mesh`): `x` split along its first axis.

    For what is drawn there, such as latents: nothing else ties them to the mesh, and every device would compute all
    that follows from them. Where the devices do not divide the rows, and outside of such a program, `x` as it is.
    """
    mesh = jax.sharding.get_abstract_mesh()
    if mesh.empty or len(x) % mesh.size:
        return x
    return jax.lax.with_sharding_constraint(x, PartitionSpec("data"))


def fill_rows(x: jax.Array) -> jax.Array:
    """`split_rows` where the devices divide the rows; else with the first rows once more at the end, until they do.

    For what is costly to compute of each row: cut the result to the rows there were.
    """
    mesh = jax.sharding.get_abstract_mesh()
    missing = 0 if mesh.empty else -len(x) % mesh.size
    return split_rows(x[jnp.arange(len(x) + missing) % len(x)] if missing else x)


class Whole(NamedTuple):
    """Rows of a batch of which each of several processes gives all, since the devices do not divide them."""

    rows: Any


def batch_sharding(rows: int, mesh: Mesh | AbstractMesh) -> NamedSharding:
    """How so many rows of a global batch lie: split along the first axis, or whole if the devices do not divide them.

    The latter is for parts of a batch, such as real pictures beside generated ones; for all of it, see `check_batch`.
    """
    return NamedSharding(mesh, PartitionSpec() if rows % mesh.size else PartitionSpec("data"))


def shard_batch(batch: Any, mesh: Mesh) -> Any:
    """Global arrays, laid as `batch_sharding` says, from this process's part of the batch (all of it on one host)."""

    def lay(leaf: Any) -> jax.Array:
        whole = isinstance(leaf, Whole)
        rows = np.asarray(leaf.rows if whole else leaf)
        count = len(rows) if whole else len(rows) * (mesh.size // len(mesh.local_devices))
        return jax.make_array_from_process_local_data(batch_sharding(count, mesh), rows)

    return jax.tree.map(lay, batch, is_leaf=lambda leaf: isinstance(leaf, Whole))


def of_first(value: bool | int) -> int:
    """The value (32 bits) that process 0 has, on every process; all of them must call it."""
    if jax.process_count() == 1:
        return int(value)
    return int(multihost_utils.broadcast_one_to_all(np.int32(value)))


def own_rows(count: int, index: int | None = None, processes: int | None = None) -> slice:
    """Those of `count` rows that are process `index`'s of `processes`, by default this one's: equal parts, in order."""
    index = jax.process_index() if index is None else index
    each = count // (processes or jax.process_count())
    return slice(each * index, each * (index + 1))


def _by_hand() -> tuple[str, int, int]:
    address, count, index = (os.environ.get(name, "") for name in BY_HAND)
    if not (address and count.isdecimal() and index.isdecimal() and int(index) < int(count)):
        given = ", ".join(f"{name}={os.environ.get(name, '')}" for name in BY_HAND)
        raise InputError(
            "Several processes need JAX_COORDINATOR_ADDRESS (HOST:PORT of the first), JAX_NUM_PROCESSES, and "
            f"JAX_PROCESS_ID from 0 on in the environment of each, but it holds {given}."
        )
    return address, int(count), int(index)


def _launched_together() -> bool:
    """Whether a launcher has started more than this process, or may have: TPU hosts ask their metadata server."""
    told = _told()
    return any(told) if told else bool(importlib.util.find_spec("libtpu"))


def _told() -> list[bool]:
    """For each sign of a launcher in the environment, whether it stands for several processes."""
    environment = os.environ
    told = [environment[name] != "1" for name in _COUNTS if name in environment]
    told += ["," in environment[name] for name in _ADDRESSES if name in environment]
    return told or [True] * ("JOB_COMPLETION_INDEX" in environment)


def _leave_within(seconds: float, code: int) -> None:
    """End this process then, if it is still there, without what programs do at their exit."""

    def leave() -> None:
        sys.stdout.flush()
        os._exit(code)

    timer = threading.Timer(seconds, leave)
    timer.daemon = True  # It keeps no process that can end by itself.
    timer.start()


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0]


def _as_key(data: jax.Array, like: Any) -> jax.Array:
    return jax.random.wrap_key_data(data, impl=jax.random.key_impl(like))


def _user_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
