"""Moving pictures along a direction: completions with their known pixels' features, or any codes."""

import dataclasses
import json
import os
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import UInt8

from ganinv_jax import __version__
from ganinv_jax.core.configs import check
from ganinv_jax.core.files import atomic_files
from ganinv_jax.core.images import grid, write_gif, write_png
from ganinv_jax.editing import AnyDirection, StyleDirection, move
from ganinv_jax.models.directions import Direction
from ganinv_jax.pipelines.named import find_direction
from ganinv_jax.pipelines.redraw import Draw, redrawing
from ganinv_jax.pipelines.state import Codes

if TYPE_CHECKING:
    from ganinv_jax.pipelines.model import Model

WALK_FRAMES = 25  # from one end of a walk to the other


@dataclasses.dataclass(frozen=True)
class EditResult:
    """images: a row a picture, a column a strength. walk: frames [n, k, h, w, 3] of a walk there and back, if any.

    report: the content of report.json. states: by picture, what an edit can go on from, where pictures have some.
    """

    images: UInt8[np.ndarray, "k s h w 3"]
    walk: UInt8[np.ndarray, "n k h w 3"] | None
    report: dict[str, Any]
    states: Mapping[str, Codes] = dataclasses.field(default_factory=dict)

    def strip(self) -> UInt8[np.ndarray, "H W 3"]:
        """All pictures, a row each, the strengths from left to right."""
        return grid(self.images.reshape(-1, *self.images.shape[2:]), columns=self.images.shape[1])

    def save(self, folder: str | os.PathLike) -> None:
        """Write edit_00_-1.png and so on (picture and strength), strip.png, report.json and walk.gif, all or none.

        States come first, as edit_00_-1/state.npz. Raises InputError where files cannot be written.
        """
        for name, state in self.states.items():
            with atomic_files(Path(folder) / name) as temporary:
                state.save(temporary / "state.npz")
        with atomic_files(folder) as temporary:
            images = self.images.reshape(-1, *self.images.shape[2:])
            for entry, image in zip(self.report["pictures"], images, strict=True):
                write_png(temporary / entry["name"], image)
            write_png(temporary / "strip.png", self.strip())
            if self.walk is not None:
                write_gif(temporary / "walk.gif", np.stack([grid(frame, columns=len(frame)) for frame in self.walk]))
            report = json.dumps(self.report, indent=2, allow_nan=False) + "\n"
            (temporary / "report.json").write_text(report, encoding="utf-8")


def edit(
    model: "Model",
    pictures: Any,
    direction: Any,
    strength: float | Sequence[float],
    layers: Collection[int] | None = None,
    skip: bool = True,
) -> UInt8[np.ndarray, "..."]:
    """Pictures moved along a direction: uint8 [k, h, w, 3] for one strength, [k, s, h, w, 3] for s of them.

    pictures: an InpaintResult or its state, of which hole and rest move together; an inversion's result or state, with
        its own noise and weights where it has some, and with all codes moved where there are several; or codes
        [k, l, w], as `Model.map` gives them. Noise is constant. Strength 0 gives completions, and pictures of
        `Model.generate`, back to the bit. Completions with pasted known pixels keep them so: what the photo had that
        the model's own picture of strength 0 had not is added to every edit.
    direction: a name out of `Model.directions`, a file or a folder of `read_direction` (FILE:NAME where it holds
        several), a style channel such as '32.conv1.17', a Direction, a StyleDirection, or an array [w] or [l, w]; or
        the way to other pictures' codes, `editing.Towards` and `AlongGreatCircle`: interpolation and style mixing.
    strength: how often the direction is added; those that are bundled or found here are one standard deviation of W.
    layers: the rows of W+ that move (default: all). skip: whether the known pixels' features are added again.
    Raises InputError for a direction that does not exist or fit, and where another model made the pictures.
    """
    ws, drawn = redrawing(model, pictures, skip)
    images = _moved(model, ws, drawn, find_direction(model, direction), np.atleast_1d(strength), layers)
    return images if np.ndim(strength) else images[:, 0]


def edit_all(
    model: "Model",
    given: Mapping[str, Any],
    direction: Any,
    strengths: Sequence[float],
    layers: Collection[int] | None = None,
    skip: bool = True,
    walk: bool = False,
) -> EditResult:
    """As `edit`, for pictures from several places by name, with a report.

    The report says of each picture how far it is from that of strength 0: the mean absolute difference in levels of
    256, inside of the hole and outside of it where there is one.
    """
    found, start = find_direction(model, direction), time.perf_counter()
    names = names_of(strengths)
    shown = _walk(strengths) if walk else []
    images, walks, entries = [], [], []
    for source, pictures in given.items():
        ws, drawn = redrawing(model, pictures, skip)
        moved = _moved(model, ws, drawn, found, [0.0, *strengths, *shown], layers)
        plain, edits, steps = np.split(moved, [1, 1 + len(strengths)], axis=1)
        hole = getattr(pictures, "hole", None)
        for row, of_row in enumerate(edits):
            picture = len(images)
            changes = [_change(plain[row, 0], image, hole) for image in of_row]
            entries += [
                {"name": f"edit_{picture:02d}_{name}.png", "source": f"{source}#{row}", "strength": float(s)} | change
                for name, s, change in zip(names, strengths, changes, strict=True)
            ]
            images.append(of_row)
        walks.append(steps)
    report = report_of(model, found, layers, time.perf_counter() - start) | {"skip": skip, "pictures": entries}
    frames = np.concatenate(walks).swapaxes(0, 1) if walk else None
    return EditResult(np.stack(images), frames, report)


def names_of(strengths: Sequence[float]) -> list[str]:
    """As files are named after them. Raises InputError where two go by one name."""
    names = [f"{strength:+g}" for strength in strengths]
    check(len(set(names)) == len(names), f"strengths must all differ, but they are {', '.join(names)}.")
    return names


def report_of(
    model: "Model", direction: AnyDirection, layers: Collection[int] | None, seconds: float
) -> dict[str, Any]:
    """What the reports of all edits begin with."""
    return {
        "version": __version__,
        "command": "edit",
        "model": model.name,
        "seconds": round(seconds, 3),
        "direction": direction.name,
        "layers": None if layers is None else sorted(layers),
    }


def _moved(
    model: "Model", ws: Any, drawn: Draw, direction: AnyDirection, strengths: Any, layers: Any
) -> UInt8[np.ndarray, "k s h w 3"]:
    """Strength by strength: batches are then those that drew the pictures first, and strength 0 gives the same bits."""
    check(bool(np.isfinite(strengths).all()), "Strengths must be finite, but some are not.")

    def at(strength: float) -> UInt8[np.ndarray, "k h w 3"]:
        if isinstance(direction, Direction):
            return drawn(move(ws, direction, strength, layers), {})
        if isinstance(direction, StyleDirection):
            changes = direction.changes(model.config, strength, layers)
            return drawn(ws, changes if strength else {})
        return drawn(direction.at(ws, strength, layers), {})

    images = {strength: at(strength) for strength in dict.fromkeys(map(float, strengths))}
    return np.stack([images[float(strength)] for strength in strengths], axis=1)


def _walk(strengths: Sequence[float]) -> list[float]:
    """From the least strength to the greatest and back; from 0 where there is one alone."""
    ends = strengths if len(strengths) > 1 else [0.0, *strengths]
    there = np.linspace(min(ends), max(ends), WALK_FRAMES).tolist()
    return there + there[-2:0:-1]


def _change(plain: np.ndarray, image: np.ndarray, hole: np.ndarray | None) -> dict[str, float]:
    difference = np.abs(image.astype(np.float64) - plain).mean(axis=-1)
    where = {"change": np.ones_like(difference, bool)}
    if hole is not None:
        where = {"change_hole": hole, "change_known": ~hole}
    return {key: round(float(difference[mask].mean()), 3) for key, mask in where.items()}
