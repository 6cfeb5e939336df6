"""Finding the codes of photos by a published method."""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import UInt8

from ganinv_jax import __version__
from ganinv_jax.core.configs import check
from ganinv_jax.core.images import to_float, to_uint8
from ganinv_jax.inversion import Method, engine
from ganinv_jax.inversion.drawing import Composes, render
from ganinv_jax.inversion.film import LARGEST_FRAME
from ganinv_jax.inversion.networks import Frozen, Networks
from ganinv_jax.metrics.pictures import psnr
from ganinv_jax.pipelines.inverted import InversionResult, InvertedState
from ganinv_jax.pipelines.networks import inversion_networks
from ganinv_jax.pipelines.pictures import as_pictures, batches, default_batch
from ganinv_jax.pipelines.request import Request, read_request

if TYPE_CHECKING:
    from ganinv_jax.pipelines.model import Model

FRAMES = 120
"""Of a video at most: ten seconds."""
FILM_BYTES = 2**30
"""That the videos of a call may hold in memory; of many large photos they get fewer frames."""


def invert(
    model: "Model",
    photos: Any,
    method: str = "projector",
    task: str = "inversion",
    steps: int | None = None,
    seed: int = 0,
    class_idx: int | None = None,
    watch: engine.Watch = lambda progress: False,
    video: bool = False,
    **options: Any,
) -> InversionResult:
    """Find the codes from which the generator draws photos, or what a task leaves to be seen of them.

    photos: one or a list of paths, Pillow pictures or arrays of any size, whose centred squares, resized, are inverted;
        an array [b, h, w, c] is b of them.
    method, task: names in `inversion.METHODS` and `inversion.TASKS`; options: those of the two functions so named. The
        option `hole` of inpainting is a preset's name, a box (left, top, width, height) in pixels of the first photo,
        or a path, picture or array that is white where pixels are missing, of the first photo's size or the model's;
        `region` of diffusion and crossover likewise. `target`, `other` and `original` are photos. `look` may be just
        the network (see `load_features`). The option `start` may be codes that there are already, of all photos or one
        for each: a state.npz or a folder of `ganinv invert` or `ganinv inpaint`, a result of either, or an array
        [b, l, w].
    steps: in all; the method's schedule is scaled to them (default: the official number). A method that does not
        optimise takes none.
    seed: of each photo's random numbers; a photo's result does not depend on those beside it. Alone it may: sums are
        rounded in another order then, which a long descent can amplify to some tenths of a decibel.
    watch: called with `engine.Progress` every few steps; True ends the inversion with the best so far.
    video: keep pictures of the way, FRAMES at most and no larger than 256 pixels.
    Raises InputError for bad pictures, unknown names or options, a task that the method cannot do, a method that
    needs a part which the model lacks, codes of another model, and where no loss of a photo is finite.
    """
    check(model.config.img_channels == 3, f"{model.name} makes gray pictures; inversion needs a model of RGB ones.")
    check(0 <= seed < 2**32, f"seed must lie between 0 and 4294967295, but it is {seed}.")
    asked = read_request(model, photos, method, task, steps, seed, options)
    check(not video or bool(asked.method.stages), f"{method} takes no steps that a video could show; ask for none.")
    networks, frozen = inversion_networks(model, asked.method, class_idx)
    start = time.perf_counter()
    outcome = _run(networks, frozen, asked, seed, watch, _frames(asked.squares) if video else 0)
    seconds = time.perf_counter() - start
    count = len(outcome.ws)
    images, squares, names = as_pictures(outcome.images), asked.squares[:count], asked.names[:count]
    plain = _with_own_noise(networks, frozen, asked.method, outcome)
    report = {
        "version": __version__,
        "command": "invert",
        "model": model.name,
        "method": method,
        "task": task,
        "options": _told(options),
        "steps": len(outcome.losses["total"]),
        "seed": seed,
        "stopped": outcome.stopped,
        "seconds": round(seconds, 3),
        "pictures": _figures(outcome, images, plain, squares, asked, names),
    }
    shown = outcome.sight.shown
    state = InvertedState(
        outcome.ws,
        outcome.variables,
        outcome.losses,
        squares,
        None if shown is None else as_pictures(shown),
        method,
        task,
        seed,
        model.name,
        model.digest,
        composed=asked.method.draw.composed(model.config) if isinstance(asked.method.draw, Composes) else 0,
        class_idx=-1 if class_idx is None else class_idx,
    )
    return InversionResult(images, state, seconds, report, outcome.frames)


def _frames(squares: UInt8[np.ndarray, "b r r 3"]) -> int:
    """How many pictures of the way there are room for."""
    side = min(squares.shape[1], LARGEST_FRAME)
    return max(2, min(FRAMES, FILM_BYTES // (len(squares) * side * side * 3)))


def _told(options: Mapping[str, Any]) -> dict[str, str]:
    """Options as text; those that are data by their kind."""
    data = [name for name, value in options.items() if hasattr(value, "shape") or hasattr(value, "ws")]
    return {name: type(value).__name__ if name in data else str(value) for name, value in options.items()}


def _run(networks: Networks, frozen: Frozen, asked: Request, seed: int, watch, frames: int) -> engine.Outcome:
    """All photos, as many at once as fit; up to where `watch` stopped."""
    method, squares = asked.method, asked.squares
    largest = 1 if method.owns_weights else max(1, default_batch(networks.side) // method.restarts)
    parts = list(batches(len(squares), largest))
    total, found = sum(method.lengths), []
    for index, (rows, count) in enumerate(parts):

        def told(progress: engine.Progress, before: int = index * total) -> bool:
            return watch(engine.Progress(before + progress.done, len(parts) * total, progress.loss))

        given = None if asked.given is None else {"ws": asked.given[rows]}
        photos, seeds = to_float(squares[rows]), [seed] * len(rows)
        outcome = engine.run(networks, frozen, method, asked.degradation, photos, seeds, told, given, frames)
        found.append(outcome.first(count))
        if outcome.stopped:
            break
    return engine.together(found)


def _figures(outcome: engine.Outcome, images, plain, squares, asked: Request, names) -> list[dict[str, Any]]:
    """How near each picture comes to what is wanted. plain: with the generator's own noise, where it has others."""
    side = squares.shape[1]
    goals = to_uint8(np.asarray(asked.degradation.goal(to_float(squares))))
    everywhere = np.ones((side, side), bool)
    parts = {f"psnr_{name}": np.asarray(part)[..., 0] > 0 for name, part in asked.degradation.parts().items()}
    parts = {key: where for key, where in parts.items() if where.any()}  # a small region may be blurred away
    figures = []
    for i, image in enumerate(images):
        entry: dict[str, Any] = {"name": names[i]}
        for key, where in ({"psnr": everywhere} | parts).items():
            entry[key] = round(float(psnr(image[None], goals[i], where)[0]), 3)
        if plain is not None:
            entry["psnr_own_noise"] = round(float(psnr(plain[i][None], goals[i], everywhere)[0]), 3)
        if np.isfinite(outcome.loss[i]):
            entry["loss"] = float(outcome.loss[i])
        if outcome.diverged[i] >= 0:
            entry["diverged"] = int(outcome.diverged[i])
        figures.append(entry)
    return figures


def _with_own_noise(networks: Networks, frozen: Frozen, method: Method, outcome: engine.Outcome) -> Any:
    if "noise" not in outcome.variables:
        return None
    without = {name: value for name, value in outcome.variables.items() if name != "noise"}
    return as_pictures(np.asarray(render(networks, method.draw, frozen, without).images)[:, 0])
