"""Moving pictures along a direction: completions with their known pixels' features, or any codes."""

import dataclasses
import difflib
import functools
import json
import os
import re
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jaxtyping import Float, UInt8

from ganinv_jax import __version__
from ganinv_jax.core.configs import check
from ganinv_jax.core.errors import InputError
from ganinv_jax.core.files import atomic_files
from ganinv_jax.core.images import grid, write_gif, write_png
from ganinv_jax.editing import StyleDirection, channel_deviations, channel_direction, move
from ganinv_jax.inversion import engine
from ganinv_jax.inversion.methods.mganprior import Composition
from ganinv_jax.inversion.networks import Frozen, Networks
from ganinv_jax.models.directions import Direction
from ganinv_jax.models.stylegan2 import Layer, styles_of
from ganinv_jax.pipelines import inpaint
from ganinv_jax.pipelines.directions import sample_w
from ganinv_jax.pipelines.pictures import as_pictures, draw
from ganinv_jax.pipelines.state import State, check_made_by

if TYPE_CHECKING:
    from ganinv_jax.pipelines.model import Model

WALK_FRAMES = 25  # from one end of a walk to the other
STYLE_SAMPLES = 2048  # codes that a style channel's deviation is measured on
Restyle = Mapping[Layer, Float[Any, "1 c"]]
# Pictures of codes and of changes of styles, [k, h, w, 3].
Draw = Callable[[Float[np.ndarray, "k l w"], Restyle], UInt8[np.ndarray, "k h w 3"]]


@dataclasses.dataclass(frozen=True)
class EditResult:
    """images: a row a picture, a column a strength. walk: frames [n, k, h, w, 3] of a walk there and back, if any.

    report: the content of report.json.
    """

    images: UInt8[np.ndarray, "k s h w 3"]
    walk: UInt8[np.ndarray, "n k h w 3"] | None
    report: dict[str, Any]

    def strip(self) -> UInt8[np.ndarray, "H W 3"]:
        """All pictures, a row each, the strengths from left to right."""
        return grid(self.images.reshape(-1, *self.images.shape[2:]), columns=self.images.shape[1])

    def save(self, folder: str | os.PathLike) -> None:
        """Write edit_00_-1.png and so on (picture and strength), strip.png, report.json and walk.gif, all or none.

        Raises InputError where they cannot be written.
        """
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
        several), a style channel such as '32.conv1.17', a Direction, a StyleDirection, or an array [w] or [l, w].
    strength: how often the direction is added; those that are bundled or found here are one standard deviation of W.
    layers: the rows of W+ that move (default: all). skip: whether the known pixels' features are added again.
    Raises InputError for a direction that does not exist or fit, and where another model made the pictures.
    """
    ws, drawn = _drawing(model, pictures, skip)
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
    names = [f"{strength:+g}" for strength in strengths]
    check(len(set(names)) == len(names), f"strengths must all differ, but they are {', '.join(names)}.")
    shown = _walk(strengths) if walk else []
    images, walks, entries = [], [], []
    for source, pictures in given.items():
        ws, drawn = _drawing(model, pictures, skip)
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
    report = {
        "version": __version__,
        "command": "edit",
        "model": model.name,
        "seconds": round(time.perf_counter() - start, 3),
        "direction": found.name,
        "layers": None if layers is None else sorted(layers),
        "skip": skip,
        "pictures": entries,
    }
    frames = np.concatenate(walks).swapaxes(0, 1) if walk else None
    return EditResult(np.stack(images), frames, report)


def find_direction(model: "Model", direction: Any) -> Direction | StyleDirection:
    """What `edit` takes as a direction, as one. Raises InputError, naming those that exist, where there is none."""
    if isinstance(direction, Direction | StyleDirection):
        return direction
    if not isinstance(direction, str | os.PathLike):
        return Direction(np.array(direction, np.float32))
    name = os.fspath(direction)
    if name in model.directions:
        return model.directions[name]
    channel = re.fullmatch(r"(\d+)\.([a-z]+\d?)\.(\d+)", name)
    if channel:
        layer = int(channel[1]), channel[2]
        return channel_direction(_deviations(model), layer, int(channel[3]))
    found = _from_file(name)
    if found is None:
        raise _refuse(model, name)
    return found


def _from_file(name: str) -> Direction | None:
    # Conversion stands beside the package; only those who open such a file load it.
    from conversion.directions import read_direction

    path, _, inner = name.rpartition(":")
    if Path(name).expanduser().exists():
        found = read_direction(name)
        return dataclasses.replace(found, name=Path(name).stem) if found.name == "direction" else found
    return read_direction(path, inner) if path and Path(path).expanduser().exists() else None


def _refuse(model: "Model", name: str) -> InputError:
    if not model.directions:
        return InputError(f"{model.name} has no directions, and there is no file {name!r}; run: ganinv directions")
    near = difflib.get_close_matches(name, model.directions, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    known = ", ".join(model.directions)
    return InputError(f"There is no direction {name!r}; {hint}{model.name} has {known}; or give a file.")


def _deviations(model: "Model") -> dict[Layer, Float[np.ndarray, " c"]]:
    network, w = model.network("generator"), sample_w(model, STYLE_SAMPLES)
    ws = np.repeat(w[:, None], network.config.num_ws, axis=1)
    return channel_deviations(styles_of(network.config, network.variables, ws))


def _drawing(model: "Model", pictures: Any, skip: bool) -> tuple[Float[np.ndarray, "k l w"], Draw]:
    """The codes of pictures, and what draws them. Raises InputError where another model made them."""
    pictures = getattr(pictures, "state", pictures)
    if isinstance(pictures, State):
        return pictures.ws, functools.partial(_completions, model, pictures, skip, _lacking(model, pictures, skip))
    if hasattr(pictures, "digest"):  # Codes, or what an inversion gives
        check_made_by(model, pictures)
        if pictures.composed:
            return pictures.ws, functools.partial(_composed, model, pictures)
        own = {name: x for name, x in pictures.variables.items() if name in _OWN}
        return pictures.ws, functools.partial(_inverted, model, own) if own else functools.partial(_generated, model)
    return np.asarray(pictures, np.float32), functools.partial(_generated, model)


def _generated(model: "Model", ws: Any, restyle: Restyle) -> UInt8[np.ndarray, "k h w 3"]:
    return draw(model, ws, restyle=restyle)


# Where an inversion's own noise and weights belong among the generator's variables.
_OWN = {"noise": "buffers", "weights": "params"}


def _inverted(model: "Model", own: Mapping[str, Any], ws: Any, restyle: Restyle) -> UInt8[np.ndarray, "k h w 3"]:
    """Picture by picture, since each has noise or weights of its own."""
    network, images = model.network("generator"), []
    for row in range(len(ws)):
        variables = dict(network.variables)
        for name, tree in own.items():
            of_row = jax.tree.map(lambda x, row=row: x[row], tree)
            variables[_OWN[name]] = {**variables[_OWN[name]], "synthesis": of_row}
        images.append(as_pictures(_synthesize(network.module, variables, ws[row : row + 1], dict(restyle))))
    return np.concatenate(images)


def _composed(model: "Model", state: Any, ws: Any, restyle: Restyle) -> UInt8[np.ndarray, "k h w 3"]:
    """mGANprior's pictures: each of a picture's codes moves as their mean does."""
    check(not restyle, "A picture of several codes moves along directions in W only, but a style channel was given.")
    network = model.network("generator")
    labels = model.class_labels(None if state.class_idx < 0 else state.class_idx)
    variables = {**state.variables, "shift": np.asarray(ws) - state.ws}
    networks, frozen = Networks(network.module), Frozen(network.variables, labels=labels)
    return as_pictures(engine.render(networks, Composition(state.composed), frozen, variables).images[:, 0])


def _completions(
    model: "Model", state: State, skip: bool, lacking: Any, ws: Any, restyle: Restyle
) -> UInt8[np.ndarray, "k h w 3"]:
    images = as_pictures(inpaint.render(model, state, ws, skip, restyle))
    return (images + lacking).clip(0, 255).astype(np.uint8)


def _lacking(model: "Model", state: State, skip: bool) -> Any:
    """What pasted known pixels have that the model's own pictures have not, as signed levels."""
    if not state.composite:
        return np.int16(0)
    plain = as_pictures(inpaint.render(model, state, None, skip))
    return np.where(state.hole[..., None], np.int16(0), state.erased.astype(np.int16) - plain)


def _moved(
    model: "Model", ws: Any, drawn: Draw, direction: Direction | StyleDirection, strengths: Any, layers: Any
) -> UInt8[np.ndarray, "k s h w 3"]:
    """Strength by strength: batches are then those that drew the pictures first, and strength 0 gives the same bits."""
    check(bool(np.isfinite(strengths).all()), "Strengths must be finite, but some are not.")

    def at(strength: float) -> UInt8[np.ndarray, "k h w 3"]:
        if isinstance(direction, Direction):
            return drawn(move(ws, direction, strength, layers), {})
        changes = direction.changes(model.config, strength, layers)
        return drawn(ws, changes if strength else {})

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


@functools.partial(jax.jit, static_argnums=0)
def _synthesize(generator, variables, ws, restyle):
    return generator.apply(variables, ws, restyle=restyle, method="synthesize")
