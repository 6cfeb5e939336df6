"""Finding the codes of photos by a published method."""

import functools
import inspect
import itertools
import os
import time
import typing
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import UInt8

from ganinv_jax import __version__
from ganinv_jax.core.configs import check, coerce, unknown_key
from ganinv_jax.core.images import fit_hole, fit_square, read_hole, read_mask, read_photo, to_float
from ganinv_jax.data.holes import HOLE_PRESETS
from ganinv_jax.inversion import METHODS, TASKS, Method, engine
from ganinv_jax.inversion.degradations import Degradation, Inpainting, shown
from ganinv_jax.inversion.methods.mganprior import Composition, resolved
from ganinv_jax.inversion.networks import MEAN_SAMPLES, Frozen, Networks, calibrate, mean_code
from ganinv_jax.inversion.schedule import Look
from ganinv_jax.losses.perceptual import PerceptualDistance
from ganinv_jax.metrics.pictures import psnr
from ganinv_jax.models.encoders import PspConfig
from ganinv_jax.models.features import load_features
from ganinv_jax.pipelines.inverted import InversionResult, InvertedState
from ganinv_jax.pipelines.pictures import as_pictures, batches, default_batch

if TYPE_CHECKING:
    from ganinv_jax.pipelines.model import Model

LARGEST_LOOK = 256
"""Pictures are looked at no larger than this; source: projector.py of stylegan2-ada-pytorch."""


def invert(
    model: "Model",
    photos: Any,
    method: str = "projector",
    task: str = "inversion",
    steps: int | None = None,
    seed: int = 0,
    class_idx: int | None = None,
    watch: engine.Watch = lambda progress: False,
    **options: Any,
) -> InversionResult:
    """Find the codes from which the generator draws photos, or what a task leaves to be seen of them.

    photos: one or a list of paths, Pillow pictures or arrays of any size, whose centred squares, resized, are inverted;
        an array [b, h, w, c] is b of them.
    method, task: names in `inversion.METHODS` and `inversion.TASKS`; options: those of the two functions so named. The
        option `hole` of inpainting is a preset's name, or a path, picture or array that is white where pixels are
        missing, of the first photo's size or the model's; `look` may be just the network (see `load_features`).
    steps: in all; the method's schedule is scaled to them (default: the official number). A method that does not
        optimise takes none.
    seed: of each photo's random numbers; a photo's result does not depend on those beside it.
    watch: called with `engine.Progress` every few steps; True ends the inversion with the best so far.
    Raises InputError for bad pictures, unknown names or options, a task that the method cannot do, and a method that
    needs a part which the model lacks.
    """
    check(model.config.img_channels == 3, f"{model.name} makes gray pictures; inversion needs a model of RGB ones.")
    check(0 <= seed < 2**32, f"seed must lie between 0 and 4294967295, but it is {seed}.")
    configure, degrade = _named(METHODS, method, "method"), _named(TASKS, task, "task")
    for_method, for_task = _sorted_options(configure, degrade, options, f"{method} with the task {task}")
    configured = configure(**for_method).scaled(steps)
    names, squares, size = _read(photos, model.config.resolution)
    if "hole" in for_task:
        for_task["hole"] = _hole(for_task["hole"], size, model.config.resolution)
    degradation = degrade(model.config.resolution, seed, **for_task)
    _check_fit(configured, degradation, method, task)
    networks, frozen = _networks(model, configured, class_idx)
    start = time.perf_counter()
    outcome = _run(networks, frozen, configured, degradation, squares, seed, watch)
    seconds = time.perf_counter() - start
    count, side = len(outcome.ws), model.config.resolution
    images, squares, names = as_pictures(outcome.images), squares[:count], names[:count]
    plain = _with_own_noise(networks, frozen, configured, outcome)
    report = {
        "version": __version__,
        "command": "invert",
        "model": model.name,
        "method": method,
        "task": task,
        "options": {name: str(value) for name, value in options.items()},
        "steps": len(outcome.losses["total"]),
        "seed": seed,
        "stopped": outcome.stopped,
        "seconds": round(seconds, 3),
        "pictures": _figures(outcome, images, plain, squares, degradation, names),
    }
    seen = as_pictures(shown(jnp.asarray(outcome.seen), side)) if degradation.pictures else None
    state = InvertedState(
        outcome.ws,
        outcome.variables,
        outcome.losses,
        squares,
        seen,
        method,
        task,
        seed,
        model.name,
        model.digest,
        composed=resolved(configured.draw.layer, model.config) if isinstance(configured.draw, Composition) else 0,
        class_idx=-1 if class_idx is None else class_idx,
    )
    return InversionResult(images, state, seconds, report)


def _named(known: Mapping[str, Callable[..., Any]], name: str, what: str) -> Callable[..., Any]:
    if name not in known:
        raise unknown_key(name, known, f"The list of {what}s")
    return known[name]


def _sorted_options(configure, degrade, options: Mapping[str, Any], where: str) -> tuple[dict, dict]:
    """The options that are the method's, and those that are the task's."""
    of_method = list(inspect.signature(configure).parameters)
    of_task = list(inspect.signature(degrade).parameters)[2:]  # after the side and the seed
    for name in options:
        if name not in of_method and name not in of_task:
            raise unknown_key(name, [*of_method, *of_task], f"The method {where}")
    hints = {**typing.get_type_hints(degrade), **typing.get_type_hints(configure)}
    typed = {name: _typed(name, value, hints[name]) for name, value in options.items()}
    return (
        {name: value for name, value in typed.items() if name in of_method},
        {name: value for name, value in typed.items() if name in of_task},
    )


def _typed(name: str, value: Any, hint: Any) -> Any:
    """The value of an option, as its function takes it."""
    if name == "hole":
        return value  # what it may be, `_hole` judges
    if name == "look" and isinstance(value, str):
        return Look(value)
    return coerce(hint, value.item() if isinstance(value, np.generic) else value, name)


def _read(photos: Any, side: int) -> tuple[list[str], UInt8[np.ndarray, "b r r 3"], tuple[int, int]]:
    """Names, of which no two are equal, the photos' squares, and the size of the first photo.

    One photo after the other, so that no two large ones are held at once.
    """
    batched = isinstance(photos, np.ndarray | jax.Array) and photos.ndim == 4
    many = batched or isinstance(photos, list | tuple)
    photos = list(photos) if many else [photos]
    check(bool(photos), "At least one photo must be given, but there is none.")
    names: list[str] = []
    squares, sizes = [], []
    for index, photo in enumerate(photos):
        name = Path(photo).stem if isinstance(photo, str | os.PathLike) else f"photo{index:02d}"
        names.append(name if name not in names else _unused(name, names))
        picture = read_photo(photo)
        squares.append(fit_square(picture, side))
        sizes.append(picture.shape[:2])
    return names, np.stack(squares), sizes[0]


def _unused(name: str, names: list[str]) -> str:
    return next(other for number in itertools.count(1) if (other := f"{name}_{number}") not in names)


def _hole(hole: Any, size: tuple[int, int], side: int) -> Any:
    """A hole at the model's square; a preset's name as it is."""
    if isinstance(hole, str) and hole in HOLE_PRESETS:
        return hole
    mask = read_mask(hole, what="hole")
    return fit_hole(read_hole(mask, mask.shape if mask.shape == (side, side) else size), side)


def _check_fit(method: Method, degradation: Degradation, name: str, task: str) -> None:
    what = "its distance looks at pictures" if method.looks else "its encoder reads pictures"
    fits = degradation.pictures or not (method.looks or method.encodes)
    check(fits, f"{name} cannot do {task}, since {what} and there is none to be seen; choose csgm, or another task.")


def _networks(model: "Model", method: Method, class_idx: int | None) -> tuple[Networks, Frozen]:
    generator = model.network("generator")
    encoder, parts = _encoder(model) if method.needs_encoder else (None, None)
    distance = _distance(method.look, model.config.resolution) if method.looks else None
    networks = Networks(generator.module, encoder, distance)
    known = _KNOWN.setdefault(model, {})
    features = distance.variables if distance else None
    frozen = Frozen(generator.variables, parts, features, model.class_labels(class_idx))
    if class_idx not in known:
        # The very latents of projector.py of stylegan2-ada-pytorch.
        z = np.random.RandomState(123).randn(MEAN_SAMPLES, model.config.z_dim).astype(np.float32)
        known[class_idx] = _mean_code(Networks(generator.module), frozen, z)
    w_mean, w_std = known[class_idx]
    frozen = frozen._replace(w_mean=w_mean, w_std=w_std)
    if any(getattr(term, "calibrated", False) for term in method.terms):
        if (distance, class_idx) not in known:
            known[distance, class_idx] = _calibrate(networks, frozen, jax.random.key(0))
        frozen = frozen._replace(calibration=known[distance, class_idx])
    return networks, frozen


# What was measured of a model once: its mean code by class, and its calibration by distance and class.
_KNOWN: weakref.WeakKeyDictionary["Model", dict[Any, Any]] = weakref.WeakKeyDictionary()
_mean_code, _calibrate = jax.jit(mean_code, static_argnums=0), jax.jit(calibrate, static_argnums=0)


def _encoder(model: "Model") -> tuple[Any, Any]:
    """The encoder's module, and the variables of all that it works with. Raises InputError without an encoder."""
    if "encoder" in model.parts and isinstance(model.network("encoder").config, PspConfig):
        parts = {part: model.network(part) for part in ("encoder", "generator")}
        return parts["encoder"].module, {part: network.variables for part, network in parts.items()}
    return model.inpainter


@functools.cache
def _distance(look: Look, side: int) -> PerceptualDistance:
    size = min(side, LARGEST_LOOK) if look.size is None else look.size
    return PerceptualDistance(load_features(look.features), look.stages, size)


def _run(networks, frozen, method: Method, degradation, squares, seed: int, watch) -> engine.Outcome:
    """All photos, as many at once as fit; up to where `watch` stopped."""
    largest = 1 if method.owns_weights else max(1, default_batch(networks.side) // method.restarts)
    parts = list(batches(len(squares), largest))
    total, found = sum(stage.steps for stage in method.stages), []
    for index, (rows, count) in enumerate(parts):

        def told(progress: engine.Progress, before: int = index * total) -> bool:
            return watch(engine.Progress(before + progress.done, len(parts) * total, progress.loss))

        outcome = engine.run(networks, frozen, method, degradation, to_float(squares[rows]), [seed] * len(rows), told)
        found.append(outcome.first(count))
        if outcome.stopped:
            break
    return engine.together(found)


def _figures(outcome: engine.Outcome, images, plain, squares, degradation, names) -> list[dict[str, Any]]:
    """How near each picture comes to its photo. plain: with the generator's own noise, where it has others."""
    side = squares.shape[1]
    regions = {"psnr": np.ones((side, side), bool)}
    if isinstance(degradation, Inpainting):
        known = np.asarray(degradation.known)[..., 0] > 0
        regions |= {"psnr_known": known, "psnr_hole": ~known}
    figures = []
    for i, image in enumerate(images):
        entry: dict[str, Any] = {"name": names[i]}
        for key, where in regions.items():
            entry[key] = round(float(psnr(image[None], squares[i], where)[0]), 3)
        if plain is not None:
            entry["psnr_own_noise"] = round(float(psnr(plain[i][None], squares[i], regions["psnr"])[0]), 3)
        taken = outcome.losses["total"][:, i]
        taken = taken[np.isfinite(taken)]  # a stopped picture has fewer steps than those before it
        if len(taken):
            entry["loss"] = float(taken[-1])
        figures.append(entry)
    return figures


def _with_own_noise(networks: Networks, frozen: Frozen, method: Method, outcome: engine.Outcome) -> Any:
    if "noise" not in outcome.variables:
        return None
    without = {name: value for name, value in outcome.variables.items() if name != "noise"}
    return as_pictures(np.asarray(engine.render(networks, method.draw, frozen, without).images)[:, 0])
