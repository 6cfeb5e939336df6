"""Filling a photo's hole in several ways, and what is left on disk of it."""

import dataclasses
import functools
import json
import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jaxtyping import Array, Bool, Float, UInt8

from ganinv_jax import __version__
from ganinv_jax.core.configs import check
from ganinv_jax.core.files import atomic_files
from ganinv_jax.core.images import ERASED, fit_hole, fit_square, grid, read_hole, read_photo, to_float, write_png
from ganinv_jax.core.rng import seed_z
from ganinv_jax.metrics.pictures import pairwise_distances, psnr, reporting_distance
from ganinv_jax.models.inpainting import erase
from ganinv_jax.models.stylegan2 import Layer
from ganinv_jax.pipelines.pictures import as_pictures, batches, default_batch
from ganinv_jax.pipelines.state import State, check_made_by

if TYPE_CHECKING:
    from ganinv_jax.pipelines.model import Model

MOST_SAMPLES = 1000
GRID_COLUMNS = 10


@dataclasses.dataclass(frozen=True)
class InpaintResult:
    """images: the completions, at the model's square. photo: that square of the photo. ws: the completions' codes.

    state: what is needed to go on. report: the content of report.json, whose figures are those of the un-composited
    pictures.
    """

    images: UInt8[np.ndarray, "k h w 3"]
    photo: UInt8[np.ndarray, "h w 3"]
    state: State
    report: dict[str, Any]

    @property
    def ws(self) -> Float[np.ndarray, "k l w"]:
        return self.state.ws

    def grid(self) -> UInt8[np.ndarray, "H W 3"]:
        """photo | erased | completions."""
        cells = np.concatenate([self.photo[None], self.state.erased[None], self.images])
        return grid(cells, columns=min(len(cells), GRID_COLUMNS))

    def save(self, folder: str | os.PathLike) -> None:
        """Write completion_00.png and so on, grid.png, state.npz and report.json, all or none.

        Raises InputError where they cannot be written.
        """
        with atomic_files(folder) as temporary:
            for entry, image in zip(self.report["pictures"], self.images, strict=True):
                write_png(temporary / entry["name"], image)
            write_png(temporary / "grid.png", self.grid())
            self.state.save(temporary / "state.npz")
            report = json.dumps(self.report, indent=2, allow_nan=False) + "\n"
            (temporary / "report.json").write_text(report, encoding="utf-8")


def inpaint(
    model: "Model", photo: Any, hole: Any, samples: int = 4, seed: int = 0, composite: bool = False
) -> InpaintResult:
    """Fill the hole of a photo in `samples` ways.

    photo: a path, Pillow picture or array of any size; its centred square, resized, is what the model completes.
    hole: the same of the photo's size, white or True where pixels are missing.
    samples, seed: completion j draws its z from RandomState(seed + j); noise is the model's constant one.
    composite: paste the known pixels over the completions; figures are reported without that.
    Raises InputError for bad pictures, for a hole that is empty or leaves nothing known, in all or in that square, and
    where the model cannot inpaint.
    """
    check(1 <= samples <= MOST_SAMPLES, f"samples must lie between 1 and {MOST_SAMPLES}, but it is {samples}.")
    seeds = [seed + j for j in range(samples)]
    z = seed_z(seeds, model.config.z_dim)
    check(model.config.img_channels == 3, f"{model.name} makes gray pictures; inpainting needs a model of RGB ones.")
    _ = model.inpainter  # a model that cannot inpaint says so before the photo is read
    square, missing = _read(photo, hole, model.config.resolution)
    start = time.perf_counter()
    erased = np.where(missing[..., None], np.uint8(ERASED), square)
    ws_rand, ws = _codes(model, erased, missing, z)
    state = State(ws, ws_rand, erased, missing, np.array(seeds), composite, "const", model.name, model.digest)
    renders = as_pictures(render(model, state))
    seconds = time.perf_counter() - start
    images = np.where(missing[..., None], renders, square) if composite else renders
    report = {
        "version": __version__,
        "command": "inpaint",
        "model": model.name,
        "seconds": round(seconds, 3),
        "pictures": _figures(renders, square, missing, seeds, composite),
    }
    return InpaintResult(images, square, state, report)


def encode(model: "Model", images: Float[Array, "b h w 3"]) -> Float[Array, "b l w"]:
    """W+ codes of images of which nothing is erased; see `Inpainter.encode_whole`."""
    modules, variables = model.inpainter
    return _encode(modules, variables, images)


def render(
    model: "Model",
    state: State,
    ws: Float[Any, "k l w"] | None = None,
    skip: bool = True,
    restyle: Mapping[Layer, Float[Any, "1 c"]] | None = None,
) -> Float[np.ndarray, "k h w 3"]:
    """The un-composited pictures of a state; with its own codes (the default) the very bits it was saved with.

    ws: another code for each of the state's, as an edit makes them. skip: whether the known pixels' features are added
    again, those of the state's own codes. restyle: what is added to styles, as an edit of channels does.
    Raises InputError where another model made the state, and for another number of codes.
    """
    check_made_by(model, state)
    count = len(state.ws if ws is None else ws)
    check(count == len(state.ws), f"There must be {len(state.ws)} codes, as in the state, but there are {count}.")
    modules, variables = model.inpainter
    ws = state.ws if ws is None else np.asarray(ws, np.float32)
    shown = _shown(state.erased, state.hole)
    images = []
    for rows, count in batches(len(ws), default_batch(model.config.resolution)):
        codes = ws[rows], state.ws[rows]
        drawn = _render(modules, state.noise_mode, skip, variables, *codes, *shown, restyle or {})
        images.append(np.asarray(drawn)[:count])
    return np.concatenate(images)


def _read(photo: Any, hole: Any, side: int) -> tuple[UInt8[np.ndarray, "r r 3"], Bool[np.ndarray, "r r"]]:
    """Photo and hole at the model's square."""
    photo = read_photo(photo)
    missing = fit_hole(read_hole(hole, photo.shape[:2]), side)
    where = f"in the centred square of the photo, at {side}x{side} pixels"
    check(bool(missing.any()), f"The hole must reach into the model's view, but it is empty {where}; move it.")
    check(not missing.all(), f"The hole must leave something known, but it covers everything {where}; make it smaller.")
    return fit_square(photo, side), missing


def _codes(model: "Model", erased, missing, z) -> tuple[np.ndarray, np.ndarray]:
    """The random codes of z, and what the mixer makes of them and the erased picture."""
    modules, variables = model.inpainter
    shown = _shown(erased, missing)
    random, mixed = [], []
    for rows, count in batches(len(z), default_batch(model.config.resolution)):
        ws = model.map(z[rows])
        random.append(np.asarray(ws)[:count])
        mixed.append(np.asarray(_mix(modules, variables, ws, *shown))[:count])
    return np.concatenate(random), np.concatenate(mixed)


def _shown(erased, missing) -> tuple[Any, Any]:
    """(erased [1, r, r, 3], known [1, r, r, 1]) as the networks take them."""
    return erase(to_float(erased)[None], missing[None, ..., None].astype(np.float32))


def _figures(renders, square, missing, seeds, composite) -> list[dict[str, Any]]:
    """For every completion how well it keeps what is known, and how far it is from the other completions."""
    figures: list[dict[str, Any]] = [
        {"name": f"completion_{j:02d}.png", "seed": seed, "psnr_known": round(float(value), 3), "composited": composite}
        for j, (seed, value) in enumerate(zip(seeds, psnr(renders, square, ~missing), strict=True))
    ]
    if len(renders) == 1:
        return figures
    distance, images = reporting_distance(), to_float(renders)
    for key, mask in (("diversity_hole", missing), ("diversity_known", ~missing)):
        means = pairwise_distances(distance, images, mask[..., None]).sum(axis=1) / (len(renders) - 1)
        for entry, mean in zip(figures, means, strict=True):
            entry[key] = round(float(mean), 6)
    return [entry | {"feature_network": distance.features.name} for entry in figures]


# Codes and pictures are separate programs: that of pictures runs again for an edit, with the very same bits.
@functools.partial(jax.jit, static_argnums=0)
def _mix(inpainter, variables, ws_rand, erased, known):
    return inpainter.mix(variables, inpainter.encode(variables, erased, known), ws_rand[None])[0][0]


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def _render(inpainter, noise_mode, skip, variables, ws, ws_own, erased, known, restyle):
    features = inpainter.skip_features(variables, erased, known, ws_own[None], noise_mode) if skip else {}
    return inpainter.render(variables, ws[None], features, noise_mode, restyle)[0]


@functools.partial(jax.jit, static_argnums=0)
def _encode(inpainter, variables, images):
    return inpainter.encode_whole(variables, images)
