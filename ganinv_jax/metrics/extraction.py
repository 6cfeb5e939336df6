"""Features of many pictures, which come one by one and need never be in memory at once."""

import functools
import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import TypeVar

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Float, Shaped, UInt8

from ganinv_jax.core.devices import data_mesh, shard_batch
from ganinv_jax.metrics.networks import Extractor

AT_A_TIME = {"cpu": 8}
"""Pictures a device, by backend; 64 elsewhere. Larger batches fall out of a CPU's cache: 31 pictures a second through
EfficientNet-Lite2 with 8, 26 with 16 (one AVX2 core, 64 px)."""

Item = TypeVar("Item")
Found = dict[str, dict[str, Float[np.ndarray, "k ..."]]]
"""Features by extractor's name and by stage."""


def extract(
    pictures: Iterable[UInt8[np.ndarray, "h w 3"]],
    extractors: Sequence[Extractor],
    also: Collection[str] = (),
    at_a_time: int | None = None,
    report: Callable[[int], None] = lambda done: None,
) -> Found:
    """The features of all pictures, a row each, in one pass: {extractor's name: {stage: float32 rows}}.

    pictures: of any sizes, though each size that occurs compiles a program; runs of one size fill batches.
    also: stages wanted besides the one that each extractor compares, such as 'logits', of the networks that have them.
    at_a_time: pictures a batch (see `batch_size`).
    report: called with the number of pictures done, after each batch.

    A picture's row depends on the picture alone: rows that fill up a batch are thrown away. To the same bits, whatever
    stands beside it, where it stands at the same place of the batch; so work that is split into ranges which begin at
    multiples of `batch_size` gives what one pass gives.
    """
    batches = list(extract_batches(pictures, extractors, also, at_a_time, report))
    nothing = {
        extractor.name: {
            stage: np.zeros((0, extractor.features.channels[stage]), np.float32) for stage in _stages(extractor, also)
        }
        for extractor in extractors
    }
    return jax.tree.map(lambda *rows: np.concatenate(rows), *(batches or [nothing]))


def extract_batches(
    pictures: Iterable[UInt8[np.ndarray, "h w 3"]],
    extractors: Sequence[Extractor],
    also: Collection[str] = (),
    at_a_time: int | None = None,
    report: Callable[[int], None] = lambda done: None,
) -> Iterator[Found]:
    """What `extract` gives, batch by batch; for figures that need no more than sums, such as `Moments`."""
    mesh = data_mesh(jax.local_devices())
    weights = _placed(extractors, mesh)

    def run(batch: np.ndarray, count: int):
        shown = shard_batch(batch, mesh)
        return {e.name: _run(e, _stages(e, also), weights[e.features], shown) for e in extractors}, count

    done = 0
    # One ahead, so that the devices work on the next batch while this one is fetched.
    for found, count in _one_ahead(itertools.starmap(run, _batches(pictures, batch_size(at_a_time)))):
        yield jax.tree.map(lambda x, count=count: np.asarray(x)[:count], found)
        done += count
        report(done)


def batch_size(at_a_time: int | None = None) -> int:
    """How many pictures go through the local devices together: `at_a_time` (None: `AT_A_TIME` a device), rounded up to
    a multiple of their number.
    """
    devices = jax.local_device_count()
    return devices * (-(-at_a_time // devices) if at_a_time else AT_A_TIME.get(jax.default_backend(), 64))


def own_share(count: int) -> range:
    """Which of `count` pictures this process looks at, where several hosts share the work: one range each, in order."""
    each = -(-count // jax.process_count())
    start = jax.process_index() * each
    return range(count)[start : start + each]


def gather(rows: Shaped[np.ndarray, "k ..."]) -> Shaped[np.ndarray, "n ..."]:
    """The rows of all processes, in the processes' order, on each of them; every process must call it."""
    if jax.process_count() == 1:
        return rows
    counts = np.asarray(multihost_utils.process_allgather(np.asarray([len(rows)], np.int32))).ravel()
    # Bytes, since JAX would round float64; and as many from each, since that is what can be gathered.
    padded = np.zeros((counts.max(), *rows.shape[1:]), rows.dtype)
    padded[: len(rows)] = rows
    every = np.asarray(multihost_utils.process_allgather(np.frombuffer(padded.tobytes(), np.uint8)))
    parts = [np.frombuffer(part.tobytes(), rows.dtype).reshape(padded.shape) for part in every]
    return np.concatenate([part[:count] for part, count in zip(parts, counts, strict=True)])


def _stages(extractor: Extractor, also: Collection[str]) -> tuple[str, ...]:
    return tuple(stage for stage in extractor.features.stages if stage == extractor.stage or stage in also)


def _placed(extractors: Sequence[Extractor], mesh: Mesh) -> dict:
    """Each network's weights, once, on all devices of the mesh."""
    networks = {extractor.features for extractor in extractors}
    if mesh.size == 1:
        return {features: features.variables for features in networks}
    everywhere = NamedSharding(mesh, PartitionSpec())
    return {features: jax.device_put(features.variables, everywhere) for features in networks}


def _batches(pictures, size: int) -> Iterator[tuple[np.ndarray, int]]:
    """(batch of `size` pictures of one shape, how many of them count); the last one fills it up."""
    for _, alike in itertools.groupby(pictures, key=np.shape):
        while few := list(itertools.islice(alike, size)):
            yield np.stack([*few, *[few[-1]] * (size - len(few))]), len(few)


def _one_ahead(items: Iterable[Item]) -> Iterator[Item]:
    """The same items, each given once the next has been taken."""
    items = iter(items)
    for before in itertools.islice(items, 1):
        for item in items:
            yield before
            before = item
        yield before


@functools.partial(jax.jit, static_argnums=(0, 1))
def _run(extractor: Extractor, stages: tuple[str, ...], weights, pictures):
    return extractor(weights, pictures, stages)
