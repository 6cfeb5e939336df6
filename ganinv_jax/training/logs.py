"""What a run writes and shows about itself: metrics.jsonl, metrics.csv, TensorBoard, and a line of progress."""

import csv
import importlib.util
import json
import math
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tqdm import tqdm

from ganinv_jax.core.files import atomic_file

Row = Mapping[str, int | float]
TIMES = ("seconds", "img_per_s", "sec_per_kimg", "memory_gib")
"""What a row tells of the machine, beside the metrics."""


class MetricLog:
    """Rows of numbers by name, in `folder/metrics.jsonl` and `folder/metrics.csv`, and in TensorBoard where it can.

    Rows after `step` are dropped on opening: a run that was killed takes them up from its last checkpoint, and writes
    them again. The CSV's columns are all names seen so far; a value that is not finite is null in the JSON lines.
    TensorBoard files need TensorFlow, through `clu.metric_writers`; on opening they are made anew of the rows.
    """

    def __init__(self, folder: str | os.PathLike, step: int = 0) -> None:
        folder = Path(folder)
        self._lines, self._table = folder / "metrics.jsonl", folder / "metrics.csv"
        rows = [row for row in _read(self._lines) if row["step"] <= step]
        with atomic_file(self._lines) as temporary:
            temporary.write_text("".join(_line(row) for row in rows))
        self._columns: list[str] = []
        self._widen(rows)
        self._tensorboard = _tensorboard_writer(folder / "tensorboard")
        for row in rows if self._tensorboard else ():
            self._tensorboard.write_scalars(int(row["step"]), dict(row))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._tensorboard:
            self._tensorboard.close()

    def write(self, row: Row) -> None:
        """Append a row; it has at least `step`. Raises OSError where it cannot be written."""
        with self._lines.open("a") as file:
            file.write(_line(row))
        if set(row) <= set(self._columns):
            with self._table.open("a", newline="") as file:
                csv.DictWriter(file, self._columns).writerow(row)
        else:
            self._widen([*self.rows()[:-1], row])
        if self._tensorboard:
            self._tensorboard.write_scalars(int(row["step"]), dict(row))
            self._tensorboard.flush()

    def rows(self) -> list[Row]:
        """All rows so far."""
        return _read(self._lines)

    def _widen(self, rows: list[Row]) -> None:
        self._columns = list(dict.fromkeys(name for row in rows for name in row))
        with atomic_file(self._table) as temporary, temporary.open("w", newline="") as file:
            if self._columns:
                table = csv.DictWriter(file, self._columns)
                table.writeheader()
                table.writerows(rows)


class Progress:
    """A bar with ETA, img/s and the main losses on a terminal; plain lines where the output goes to a file."""

    def __init__(self, total_images: int, images: int, enabled: bool = True) -> None:
        self._bar = tqdm(
            total=total_images,
            initial=images,
            unit="img",
            unit_scale=True,
            dynamic_ncols=True,
            disable=not (enabled and sys.stderr.isatty()),
        )
        self._lines = enabled and not sys.stderr.isatty()
        self._total = total_images

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._bar.close()

    def show(self, row: Row) -> None:
        """Show a row of the log; it has at least `images` and `img_per_s`."""
        losses = {name: f"{row[name]:.3g}" for name in [name for name in row if "loss" in name][:4]}
        if self._lines:
            left = tqdm.format_interval((self._total - row["images"]) / row["img_per_s"])
            text = " ".join(f"{name} {value}" for name, value in losses.items())
            print(f"{row['images']}/{self._total} img  {row['img_per_s']:.1f} img/s  ETA {left}  {text}", flush=True)
        else:
            self._bar.set_postfix(losses, refresh=False)
            self._bar.update(row["images"] - self._bar.n)


def _read(path: Path) -> list[Row]:
    """The whole rows of a file of JSON lines; a kill may have torn the last one."""
    rows = []
    for line in path.read_text().splitlines() if path.is_file() else ():
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            continue
        rows.append({name: math.nan if value is None else value for name, value in row.items()})
    return rows


def _line(row: Row) -> str:
    return json.dumps({name: value if math.isfinite(value) else None for name, value in row.items()}) + "\n"


def _tensorboard_writer(folder: Path) -> Any:
    if not all(importlib.util.find_spec(name) for name in ("tensorflow", "tensorboard")):
        return None  # clu asks for both.
    import tensorflow as tf  # type: ignore[import-not-found]  # It takes seconds.
    from clu import metric_writers

    tf.config.set_visible_devices([], "GPU")  # else it takes all of their memory, which JAX needs
    shutil.rmtree(folder, ignore_errors=True)
    return metric_writers.SummaryWriter(str(folder))
