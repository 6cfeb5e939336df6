"""The loader that training is fed by, alone: from PNG files, and from memory once they are decoded."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from ganinv_jax.benchmarks import networks
from ganinv_jax.benchmarks.case import Case, Contestant
from ganinv_jax.benchmarks.options import Options
from ganinv_jax.core.images import write_png
from ganinv_jax.data.loader import Loader
from ganinv_jax.data.sources import open_source

BATCH = 32
FILES = 64
BATCHES = 16
"""Batches a sample, many times what the loader makes ready ahead of their use."""


def loader(options: Options) -> Iterator[Case]:
    """Files are half as large again as the pictures made of them, so that they are resized, too."""
    side, batch = options.generator.resolution, options.batch or BATCH
    settings = {"resolution": side, "batch": batch}
    with tempfile.TemporaryDirectory() as folder:
        rng = np.random.default_rng(0)
        for i, picture in enumerate(networks.pictures(side * 3 // 2, FILES)):
            noise = rng.integers(-8, 9, picture.shape)
            write_png(Path(folder) / f"{i:03d}.png", (picture + noise).clip(0, 255).astype(np.uint8))
        for name, memory in {"files": 0, "memory": 2 << 30}.items():
            batches = Loader(open_source(folder), batch, side, mirror=True, cache_bytes=memory)
            call = _some(batches, BATCHES)
            _some(batches, -(-2 * FILES // batch))()  # both start-up and, where kept, decoding are over then
            count = batch * BATCHES
            yield Case("loader", settings | {"from": name}, count, "img", {"loader": Contestant.of(call)})


def _some(batches: Loader, count: int) -> Callable[[], None]:
    def call() -> None:
        for _ in range(count):
            next(batches)

    return call
