"""Real pictures of a training: batches of them, and the few that its sample grids show."""

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import jax
import numpy as np
from jaxtyping import Float

from ganinv_jax.core.configs import check
from ganinv_jax.core.devices import Whole
from ganinv_jax.core.images import fit_square, to_float
from ganinv_jax.data.loader import Loader
from ganinv_jax.data.sources import Source, open_source
from ganinv_jax.data.unbroken import Unbroken


class Photos(Protocol):
    """What a task's options say of its pictures; see `training.options.DataConfig`."""

    @property
    def source(self) -> str: ...
    @property
    def mirror(self) -> bool: ...
    @property
    def threads(self) -> int | None: ...


def photo_batches(
    photos: Photos, batch: int, resolution: int, seed: int, start_step: int, source: Source | None = None
) -> Iterator[dict[str, Any]]:
    """This process's part of batches of `batch` pictures from `start_step` on (see `Loader`).

    Where there are several and the devices do not divide the batch, all of it (see `devices.shard_batch`).

    source: `photos.source` where it is open already. Raises InputError as `open_source` and `Loader` do.
    """
    whole = jax.process_count() > 1 and batch % jax.device_count() != 0
    loader = Loader(
        Unbroken(open_source(photos.source)) if source is None else source,
        batch,
        resolution,
        seed,
        photos.mirror,
        *((0, 1) if whole else (jax.process_index(), jax.process_count())),
        start_step=start_step,
        threads=photos.threads,
    )
    return (jax.tree.map(Whole, rows) for rows in loader) if whole else loader


def first_photos(source: str, count: int, size: int) -> Float[np.ndarray, "count size size 3"]:
    """The first pictures of a source in [-1, 1], each its largest centred square.

    Raises InputError where it holds fewer.
    """
    opened = Unbroken(open_source(source))
    check(len(opened) >= count, f"show.source must hold {count} pictures, but {source} has {len(opened)}.")
    return squares(opened, count, size)


def squares(source: Source, count: int, size: int) -> Float[np.ndarray, "n size size 3"]:
    """The first pictures of an open source in [-1, 1], each its largest centred square; at most `count` of them."""
    return np.stack([to_float(fit_square(source[i]["image"], size)) for i in range(min(count, len(source)))])


def a_few_at_a_time(draw: Callable[..., jax.Array], *rows: Any, few: int = 4) -> np.ndarray:
    """`draw` of arrays with equally many rows (None: no array), for a sample grid: many pictures, which a device that
    trains on a few of them has no room for at once."""
    count = len(rows[0])
    pieces = (jax.tree.map(lambda x, i=i: x[i : i + few], rows) for i in range(0, count, few))
    return np.concatenate([np.asarray(draw(*piece)) for piece in pieces])
