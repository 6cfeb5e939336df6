"""What an inversion leaves behind: a folder a photo, with its picture, its state to go on from, and its losses."""

import csv
import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import Float, UInt8

from ganinv_jax.core.errors import InputError
from ganinv_jax.core.files import atomic_file, atomic_files
from ganinv_jax.core.images import grid, resize_photo, write_gif, write_png
from ganinv_jax.pipelines.state import DAMAGES, FORMAT, filled, flat, read_values


@dataclasses.dataclass(frozen=True)
class InvertedState:
    """What was found for b photos, and what of.

    ws: the codes, as they can be edited. variables: all that was optimised, as `inversion.drawing` takes it, a row a
    picture. losses: [steps, b] by name of the term, as weighted in their sum 'total'. photos: the squares of the
    photos. seen: what the task leaves of them, where that is a picture. model, digest: `Model.name` and `Model.digest`.
    composed: the resolution at which the method composes features of several codes; 0 where there is one. class_idx: -1
    for a model without classes.
    """

    ws: Float[np.ndarray, "b l w"]
    variables: dict[str, Any]
    losses: dict[str, Float[np.ndarray, "steps b"]]
    photos: UInt8[np.ndarray, "b h w 3"]
    seen: UInt8[np.ndarray, "b h w 3"] | None
    method: str
    task: str
    seed: int
    model: str
    digest: str
    composed: int = 0
    class_idx: int = -1

    def row(self, index: int) -> "InvertedState":
        """One photo's state; b is 1."""
        rows = slice(index, index + 1)
        return dataclasses.replace(
            self,
            ws=self.ws[rows],
            variables=jax.tree.map(lambda x: np.asarray(x)[rows], self.variables),
            losses={name: values[:, rows] for name, values in self.losses.items()},
            photos=self.photos[rows],
            seen=None if self.seen is None else self.seen[rows],
        )

    def save(self, folder: str | os.PathLike) -> None:
        """Write state.npz, losses.csv and losses.png of one photo."""
        folder = Path(folder)
        values: dict[str, Any] = {k: v for k, v in vars(self).items() if k not in ("variables", "losses", "seen")}
        values |= {} if self.seen is None else {"seen": self.seen}
        with atomic_file(folder / "state.npz") as temporary:
            np.savez_compressed(temporary, **{"format": FORMAT, **values, **flat(self.variables)})
        with atomic_file(folder / "losses.csv") as temporary, temporary.open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow(["step", *self.losses])
            columns = [values[:, 0].tolist() for values in self.losses.values()]
            table.writerows([step, *row] for step, row in enumerate(zip(*columns, strict=True)))
        _plot(self.losses, folder / "losses.png")

    @classmethod
    def load(cls, folder: str | os.PathLike) -> "InvertedState":
        """Read what `save` wrote. Raises InputError for any other folder."""
        folder = Path(folder)
        values = read_values(folder / "state.npz")
        try:
            with (folder / "losses.csv").open(newline="") as file:
                (_, *names), *rows = csv.reader(file)
            table = np.array([row[1:] for row in rows], np.float32).reshape(len(rows), len(names))
        except DAMAGES as error:
            raise InputError(f"{folder} must hold a whole losses.csv, but does not ({error}); invert again.") from error
        losses = {name: table[:, i : i + 1] for i, name in enumerate(names)}
        return filled(cls, {"seen": None, **values, "losses": losses}, folder / "state.npz")


@dataclasses.dataclass(frozen=True)
class InversionResult:
    """images: the pictures that were drawn, un-composited. seconds: of all photos, compilation included.

    state: what was found. report: the content of report.json. frames: the pictures on the way from the start to the
    end, no larger than 256 pixels, where a video was asked for.
    """

    images: UInt8[np.ndarray, "b h w 3"]
    state: InvertedState
    seconds: float
    report: dict[str, Any]
    frames: UInt8[np.ndarray, "b n r r 3"] | None = None

    @property
    def ws(self) -> Float[np.ndarray, "b l w"]:
        """The codes, as they can be edited."""
        return self.state.ws

    @property
    def variables(self) -> dict[str, Any]:
        """All that was optimised; see `InvertedState`."""
        return self.state.variables

    @property
    def losses(self) -> dict[str, Float[np.ndarray, "steps b"]]:
        """By name of the term, as weighted in their sum 'total'."""
        return self.state.losses

    def grid(self) -> UInt8[np.ndarray, "H W 3"]:
        """A row a photo: the photo, what the task leaves of it where that is a picture, and the reconstruction."""
        state = self.state
        told = state.seen is not None and state.task != "inversion"
        columns = [state.photos, *([state.seen] if told else []), self.images]
        return grid(np.stack(columns, axis=1).reshape(-1, *self.images.shape[1:]), columns=len(columns))

    def save(self, folder: str | os.PathLike) -> None:
        """Write NAME/{reconstruction.png, state.npz, losses.csv, losses.png} for every photo, grid.png and report.json;
        with frames also NAME/video.gif, the photo beside them.

        A photo's files appear together, and the report last. What an earlier inversion wrote of the same photos is
        replaced, its video included; what it wrote of others stays. Raises InputError where they cannot be written.
        """
        for index, entry in enumerate(self.report["pictures"]):
            place = Path(folder) / entry["name"]
            with atomic_files(place) as temporary:
                write_png(temporary / "reconstruction.png", self.images[index])
                self.state.row(index).save(temporary)
                if self.frames is not None:
                    write_gif(temporary / "video.gif", self._video(index))
            if self.frames is None:
                (place / "video.gif").unlink(missing_ok=True)
        with atomic_files(folder) as temporary:
            write_png(temporary / "grid.png", self.grid())
            report = json.dumps(self.report, indent=2, allow_nan=False) + "\n"
            (temporary / "report.json").write_text(report, encoding="utf-8")

    def _video(self, index: int) -> UInt8[np.ndarray, "n h w 3"]:
        """Each frame with the photo to its left."""
        assert self.frames is not None
        frames = self.frames[index]
        photo = resize_photo(self.state.photos[index], frames.shape[1:3])
        return np.stack([grid(np.stack([photo, frame]), columns=2) for frame in frames])


def _plot(losses: dict[str, np.ndarray], path: Path) -> None:
    from matplotlib.figure import Figure  # takes a second to import

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.add_subplot(xlabel="step", ylabel="loss")
    for name, values in losses.items():
        if len(values):
            axes.plot(values[:, 0], label=name, color="black" if name == "total" else None)
    if any(np.any(values[np.isfinite(values)] > 0) for values in losses.values()):
        axes.set_yscale("log")
        axes.legend()
    with atomic_file(path) as temporary:
        figure.savefig(temporary, dpi=120)
