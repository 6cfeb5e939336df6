"""Real pictures of a training: batches of them, and the few that its sample grids show."""

from typing import Protocol

import jax
import numpy as np
from jaxtyping import Float

from ganinv_jax.core.configs import check
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
) -> Loader:
    """This process's part of batches of `batch` pictures from `start_step` on (see `Loader`).

    source: `photos.source` where it is open already. Raises InputError as `open_source` and `Loader` do.
    """
    return Loader(
        Unbroken(open_source(photos.source)) if source is None else source,
        batch,
        resolution,
        seed,
        photos.mirror,
        jax.process_index(),
        jax.process_count(),
        start_step=start_step,
        threads=photos.threads,
    )


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
