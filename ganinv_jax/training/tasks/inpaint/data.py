"""Batches of holes, and of real pictures where the recipe names any."""

from collections.abc import Iterator

import grain
import numpy as np

from ganinv_jax.core.devices import own_rows
from ganinv_jax.data.holes import hole_batch
from ganinv_jax.data.sources import Source
from ganinv_jax.training.photos import photo_batches
from ganinv_jax.training.tasks.inpaint.config import InpaintConfig

Batch = dict[str, np.ndarray]
AHEAD = 4  # batches of holes drawn in advance, by threads of their own


def batches(config: InpaintConfig, resolution: int, start_step: int, pictures: Source | None = None) -> Iterator[Batch]:
    """{'hole': float32 [b, r, r, 1], and 'image': uint8 [p, r, r, 3] of real pictures} from `start_step` on.

    The generated pictures take the first holes, the real ones the last p. Each process gives its own equal part.
    pictures: `config.photos.source` where it is open already.
    """
    holes = _holes(config, resolution, start_step)
    if config.photos is None:
        for hole in holes:
            yield {"hole": hole}
        return
    loader = photo_batches(config.photos, config.photo_count, resolution, config.seed, start_step, pictures)
    for hole, batch in zip(holes, loader, strict=True):
        yield {"hole": hole, "image": batch["image"]}


def _holes(config: InpaintConfig, resolution: int, start_step: int) -> Iterator[np.ndarray]:
    """Hole i of the run, counted over batches, depends on the seed and i alone."""
    size = config.batch_size
    rows = range(size)[own_rows(size)]

    def draw(step: int) -> np.ndarray:
        return hole_batch(config.holes, config.seed, [step * size + row for row in rows], resolution)

    steps = grain.MapDataset.range(1 << 40).map(draw)
    drawn = iter(steps.to_iter_dataset(grain.ReadOptions(num_threads=1, prefetch_buffer_size=AHEAD)))
    drawn.set_state({"next_index": start_step})
    return drawn
