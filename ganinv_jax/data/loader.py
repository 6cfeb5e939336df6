"""Batches of training pictures: deterministic, resumable at any step, split among processes."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grain
import numpy as np

from ganinv_jax.core.devices import own_rows
from ganinv_jax.core.errors import InputError
from ganinv_jax.core.images import fit_hole, fit_square
from ganinv_jax.data.sources import Source

Batch = dict[str, np.ndarray]

FEW = 2000
"""Pictures that are decoded before the first batch, if they are kept, so that what is wrong with them comes up then."""

ENDLESS = 1 << 48  # pictures; Grain's own endless repetition overflows with batches of one


MOST = 64  # threads by default

MANY = 16  # batches ahead, above which no more are kept than there are threads


def default_threads() -> int:
    """As many as the cores that this process may use, up to `MOST`."""
    allowed = getattr(os, "sched_getaffinity", None)  # only Linux has it
    return min(MOST, len(allowed(0)) if allowed else os.cpu_count() or 1)


class Loader(Iterator[Batch]):
    """An endless iterator of batches.

    The batch of step s is a pure function of (source, batch, resolution, seed, mirror, s): each epoch visits every
    picture once in a new order, and a batch may run from one epoch into the next. Process p of P gets the p-th of P
    equal runs of the global batch's rows, so that the processes' batches put together are the batch of a single one.

    A batch holds `image` uint8 [b, r, r, 3] (the largest centred square, Lanczos-resized), and where the source has
    them `label` float32 [b, c_dim] and `mask` bool [b, r, r, 1] (True where any part of the pixel is marked).

    Args:
        source: see `open_source`.
        batch: global batch size; a multiple of `process_count`.
        resolution: side of the pictures.
        seed: of the order and the mirroring, in [0, 2**32).
        mirror: flip half of the pictures, drawn anew each time a picture comes up.
        process_index, process_count: which part of each batch to give.
        start_step: the step of the first batch.
        threads: how many batches are made ready at a time, ahead of their use; by default one a core, at most 64.
        cache_bytes: pictures are kept decoded, at their size, where all of them fit in this much memory.

    Raises InputError for options that do not fit together, and for a picture that cannot be read: here already where
    there are few pictures (see `FEW`), else from `next`.
    """

    def __init__(
        self,
        source: Source,
        batch: int,
        resolution: int,
        seed: int = 0,
        mirror: bool = False,
        process_index: int = 0,
        process_count: int = 1,
        start_step: int = 0,
        threads: int | None = None,
        cache_bytes: int = 2 << 30,
    ):
        if batch < 1 or batch % process_count:
            raise InputError(f"The batch must be a multiple of the {process_count} processes, but it is {batch}.")
        if not 0 <= process_index < process_count:
            raise InputError(f"The process must be one of {process_count}, from 0 on, but it is {process_index}.")
        if not 0 <= seed < 2**32:
            raise InputError(f"The data's seed must lie in [0, 2**32), but it is {seed}.")
        threads = threads or default_threads()
        self._squares = _Squares(source, resolution, cache_bytes)
        if len(source) <= FEW:
            self._squares.keep_all(threads)
        self._rows = own_rows(batch, process_index, process_count)
        order = grain.MapDataset.range(len(source)).seed(seed).shuffle().repeat(ENDLESS // len(source) + 1)
        self._steps = order.random_map(_flip if mirror else _keep).batch(batch).map(self._load)
        # Twice as many keep few threads busy; each is a batch in memory.
        ahead = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=max(threads, min(2 * threads, MANY)))
        self._batches = iter(self._steps.to_iter_dataset(ahead))
        self.restore({"step": start_step})

    def __next__(self) -> Batch:
        batch = next(self._batches)
        self._step += 1
        return batch

    def state(self) -> dict[str, int]:
        """Where the iterator stands: the step of the batch that comes next."""
        return {"step": self._step}

    def restore(self, state: dict[str, int]) -> None:
        """Go on from a `state()`, of this or an earlier run."""
        self._step = int(state["step"])
        self._batches.set_state({"next_index": self._step})

    def _load(self, drawn: dict[str, Any]) -> Batch:
        indices, flips = drawn["index"][self._rows], drawn["flip"][self._rows]
        squares = [self._squares[int(index)] for index in indices]
        batch = {key: np.stack([square[key] for square in squares]) for key in squares[0]}
        for key in batch.keys() & {"image", "mask"}:
            batch[key] = np.where(flips[:, None, None, None], batch[key][:, :, ::-1], batch[key])
        return batch


def _flip(index: int, rng: np.random.Generator) -> dict[str, Any]:
    return {"index": index, "flip": rng.random() < 0.5}


def _keep(index: int, rng: np.random.Generator) -> dict[str, Any]:
    return {"index": index, "flip": False}


class _Squares:
    """A source's examples at the training size, each decoded once where they all fit in memory."""

    def __init__(self, source: Source, resolution: int, cache_bytes: int):
        self._source, self._resolution = source, resolution
        fits = len(source) * resolution**2 * (4 if source.has_masks else 3) <= cache_bytes
        self._kept: dict[int, Batch] | None = {} if fits else None

    def keep_all(self, threads: int) -> None:
        """Decode all pictures now, if they are to be kept."""
        if self._kept is not None:
            with ThreadPoolExecutor(threads) as pool:
                for _ in pool.map(self.__getitem__, range(len(self._source))):
                    pass  # an error comes up here

    def __getitem__(self, index: int) -> Batch:
        if self._kept is None:
            return self._decode(index)
        if index not in self._kept:  # Two threads may both come here; they decode the same.
            self._kept[index] = self._decode(index)
        return self._kept[index]

    def _decode(self, index: int) -> Batch:
        example = self._source[index]
        square = {"image": fit_square(example["image"], self._resolution)}
        if "label" in example:
            square["label"] = example["label"]
        if "mask" in example:
            square["mask"] = fit_hole(example["mask"], self._resolution)[..., None]
        return square
