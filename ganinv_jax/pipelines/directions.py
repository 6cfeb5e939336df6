"""Finding directions in a model, and what is left on disk of them."""

import dataclasses
import json
import os
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import UInt8

from ganinv_jax import __version__
from ganinv_jax.core.files import atomic_files
from ganinv_jax.core.images import labelled_grid, resize_photo, write_png
from ganinv_jax.editing import at_rows, chosen_rows, move
from ganinv_jax.models.directions import Direction
from ganinv_jax.pipelines.pictures import draw
from ganinv_jax.pipelines.searches import METHODS, Search, sample_w

if TYPE_CHECKING:
    from ganinv_jax.pipelines.model import Model

# The official GANSpace takes 300,000 and estimates the components piece by piece; these are the exact ones of fewer.
CODES = 50_000
SHEET_STRENGTHS = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)
SHEET_CELL = 256  # the largest side of a picture on the sheet
SHEET_PSI = 0.7  # SeFa's official demonstration truncates to it


@dataclasses.dataclass(frozen=True)
class Found:
    """directions: those that tell more come first. sheet: a row a direction, strengths -3 to 3, once for each picture.

    report: the content of report.json.
    """

    directions: tuple[Direction, ...]
    sheet: UInt8[np.ndarray, "H W 3"]
    report: dict[str, Any]

    def save(self, folder: str | os.PathLike) -> None:
        """Write NAME.npz for every direction, as `read_direction` takes it, sheet.png and report.json, all or none.

        Raises InputError where they cannot be written.
        """
        with atomic_files(folder) as temporary:
            for direction in self.directions:
                np.savez(temporary / f"{direction.name}.npz", direction=direction.vector)
            write_png(temporary / "sheet.png", self.sheet)
            report = json.dumps(self.report, indent=2, allow_nan=False) + "\n"
            (temporary / "report.json").write_text(report, encoding="utf-8")


def find_directions(model: "Model", search: Search, pictures: Sequence[int] = (0, 1)) -> Found:
    """Directions in W that move the rows `search.layers`; strength 1 is one standard deviation of W along each.

    pictures: the seeds on the sheet. Raises InputError where what the method needs is missing or does not fit.
    """
    start = time.perf_counter()
    chosen_rows(model.config.num_ws, search.layers)  # raises before anything is computed
    w = sample_w(model, CODES, search.seed, search.class_idx)
    vectors, figures = METHODS[search.method](model, search, w)
    names = [f"{search.method}-{i}" for i in range(len(vectors))] if len(vectors) > 1 else [search.method]
    found = tuple(_scaled(model, search, w, *each) for each in zip(vectors, names, strict=True))
    report = {
        "version": __version__,
        "command": "directions",
        "model": model.name,
        "method": search.method,
        "layers": None if search.layers is None else sorted(search.layers),
        "seed": search.seed,
        "seconds": round(time.perf_counter() - start, 3),
        "directions": [{"name": name} | each for name, each in zip(names, figures, strict=True)],
    }
    return Found(found, _sheet(model, found, pictures, search.class_idx), report)


def _scaled(model: "Model", search: Search, w: np.ndarray, vector: np.ndarray, name: str) -> Direction:
    unit = vector / np.linalg.norm(vector)
    deviation = np.std(w.astype(np.float64) @ unit)
    direction = Direction((unit * deviation).astype(np.float32), name)
    if search.layers is None:
        return direction
    return Direction(at_rows(direction, model.config.num_ws, model.config.w_dim, search.layers), name)


def _sheet(
    model: "Model", directions: Sequence[Direction], seeds: Sequence[int], class_idx: int | None
) -> UInt8[np.ndarray, "H W 3"]:
    psi = SHEET_PSI if model.config.mapping.w_avg_beta is not None else 1.0
    ws = model.codes(seeds, class_idx, psi)
    side = min(SHEET_CELL, model.config.resolution)
    rows = []
    for direction in directions:
        by_strength = np.stack([draw(model, move(ws, direction, s)) for s in SHEET_STRENGTHS], axis=1)
        rows += [resize_photo(picture, (side, side)) for of_seed in by_strength for picture in of_seed]
    columns = [f"{strength:+g}" for strength in SHEET_STRENGTHS] * len(seeds)
    return labelled_grid(np.stack(rows), [direction.name for direction in directions], columns)
