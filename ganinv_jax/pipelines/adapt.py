"""Edits of inverted photos within a region, around which the photo's own pixels come back.

See `inversion.methods.photo_manipulation` (Bau et al. 2019): the code moves, and the generator's late
layers adapt to the photo outside.
"""

import dataclasses
import time
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, UInt8

from ganinv_jax.core.configs import check
from ganinv_jax.core.images import fit_hole, read_mask, to_float
from ganinv_jax.editing import StyleDirection, move
from ganinv_jax.inversion import Method, engine
from ganinv_jax.inversion.degradations import Inpainting
from ganinv_jax.inversion.drawing import draw, render
from ganinv_jax.inversion.methods.photo_manipulation import after_edit, photo_manipulation
from ganinv_jax.inversion.networks import Frozen, Networks
from ganinv_jax.metrics.pictures import l1
from ganinv_jax.models.directions import Direction
from ganinv_jax.pipelines.edit import EditResult, names_of, report_of
from ganinv_jax.pipelines.named import find_direction
from ganinv_jax.pipelines.pictures import as_pictures
from ganinv_jax.pipelines.redraw import OWN, restyled
from ganinv_jax.pipelines.state import Codes, check_made_by

if TYPE_CHECKING:
    from ganinv_jax.pipelines.model import Model

Watch = engine.Watch


def edit_adapted(
    model: "Model",
    given: Mapping[str, Any],
    direction: Any,
    strengths: Sequence[float],
    region: Any,
    layers: Collection[int] | None = None,
    steps: int | None = None,
    watch: Watch = lambda progress: False,
    **options: Any,
) -> EditResult:
    """Inversions by name, moved along a direction as `edit` moves them, and adapted to the photos outside of `region`.

    region: True (white) where the edit is to show, as a bool array of the model's square or any mask of which the
        centred square is taken; or a box (x, y, width, height) in pixels of the model's square.
    steps: of each edit of each picture (default: 1000). options: of `photo_manipulation`; of an inversion that has
        factors already, those go on.
    watch: as for `invert`, over all of it; True ends with what is found so far, which the report
        calls `stopped`.
    The report says of each edit how far picture and photo are apart outside of the region before and after adaptation
    (`outside_before`, `outside`: mean absolute difference in levels of 256), and which share of the change inside is
    left (`edit_kept`), both pictures of it drawn by the adapted layers.
    Raises InputError for anything but inversions of photos by one code, and for a bad region or direction.
    """
    found, where = find_direction(model, direction), read_region(region, model.config.resolution)
    names = names_of(strengths)
    method, start = photo_manipulation(**options).scaled(steps), time.perf_counter()
    jobs = _jobs(model, given, strengths)
    images, entries, states, stopped = [], [], {}, False

    def heard(progress: engine.Progress) -> bool:
        nonlocal stopped
        stopped = stopped or watch(progress)
        return stopped

    for index, (picture, source, state, strength) in enumerate(jobs):
        told = _counted(heard, index, len(jobs), method)
        edited, entry, codes = _adapted(model, method, state, found, strength, layers, where, told)
        name = f"edit_{picture:02d}_{names[index % len(names)]}"
        images.append(edited)
        entries.append({"name": f"{name}.png", "source": source, "strength": float(strength)} | entry)
        states[name] = codes
    report = report_of(model, found, layers, time.perf_counter() - start) | {
        "adapted": {"steps": method.stages[0].steps, **{key: str(value) for key, value in options.items()}},
        "stopped": stopped,
        "pictures": entries,
    }
    rows = np.stack(images).reshape(-1, len(strengths), *images[0].shape)
    return EditResult(rows, None, report, states)


def read_region(region: Any, side: int) -> Bool[np.ndarray, "r r"]:
    """The region at the model's square. Raises InputError unless it covers some of it and not all."""
    if isinstance(region, tuple | list):
        box = len(region) == 4 and all(isinstance(value, int | np.integer) for value in region)
        check(box, f"A region must be a mask or a box (x, y, width, height) of whole numbers, but it is {region}.")
        left, top, width, height = region
        inside = 0 <= left < left + width <= side and 0 <= top < top + height <= side
        check(inside, f"The region must lie within the model's {side} x {side} pixels, but the box is {region}.")
        where = np.zeros((side, side), bool)
        where[top : top + height, left : left + width] = True
    else:
        where = fit_hole(read_mask(region, what="region"), side)
    check(0 < where.sum() < where.size, "The region must cover some of the picture and leave some of it known.")
    return where


def _jobs(model: "Model", given: Mapping[str, Any], strengths: Sequence[float]) -> list[tuple[int, str, Codes, float]]:
    """(number of the picture, its source, its state of one row, strength) of every edit."""
    check(bool(np.isfinite(strengths).all()), "Strengths must be finite, but some are not.")
    rows = []
    for source, pictures in given.items():
        state = getattr(pictures, "state", pictures)
        whole = getattr(state, "photos", None) is not None
        check(whole, f"Only inversions of photos can be adapted, but {source} is none; run: ganinv invert PHOTO")
        check_made_by(model, state)
        check(
            not state.composed, f"A picture of several codes cannot be adapted, as {source}; invert by another method."
        )
        rows += [(f"{source}#{row}", _row(state, row)) for row in range(len(state.ws))]
    return [(i, source, state, s) for i, (source, state) in enumerate(rows) for s in strengths]


def _row(state: Any, row: int) -> Codes:
    rows = slice(row, row + 1)
    own = {name: jax.tree.map(lambda x: np.asarray(x)[rows], x) for name, x in state.variables.items() if name in OWN}
    return Codes(state.ws[rows], state.model, state.digest, own, photos=state.photos[rows])


def _counted(watch: Watch, index: int, count: int, method: Method) -> Watch:
    total = sum(stage.steps for stage in method.stages)
    return lambda progress: watch(engine.Progress(index * total + progress.done, count * total, progress.loss))


def _adapted(model: "Model", method: Method, state: Codes, direction, strength, layers, where, watch) -> tuple:
    """The picture of one edit, its figures, and a state from which to edit on."""
    network = model.network("generator")
    networks, frozen = Networks(network.module), Frozen(network.variables)
    plain = {**state.variables, "ws": state.ws}
    moved = {**plain, **_moved(model, plain, direction, strength, layers)}
    region = Inpainting(jnp.asarray(~where[..., None], jnp.float32))
    run = after_edit(method, moved)
    photos = np.asarray(state.photos)
    outcome = engine.run(networks, frozen, run, region, to_float(photos), [0], watch, moved)
    changes = {name: value for name, value in outcome.variables.items() if name.startswith("factor")}
    versions = (plain, moved, {**plain, **changes}, {**moved, **changes})
    drawn = [as_pictures(render(networks, draw, frozen, one).images[:, 0]) for one in versions]
    own = {name: x for name, x in outcome.variables.items() if name in OWN}
    codes = dataclasses.replace(state, ws=np.asarray(moved["ws"]), variables=own)
    return drawn[3][0], _figures(drawn, photos[0], where), codes


def _moved(model: "Model", plain, direction, strength: float, layers) -> dict[str, Any]:
    if isinstance(direction, StyleDirection):
        return {"restyle": restyled(plain.get("restyle", {}), direction.changes(model.config, strength, layers))}
    if isinstance(direction, Direction):
        return {"ws": move(plain["ws"], direction, strength, layers)}
    return {"ws": direction.at(plain["ws"], strength, layers)}


def _figures(
    drawn: Sequence[UInt8[np.ndarray, "1 h w 3"]], photo: UInt8[np.ndarray, "h w 3"], where: Bool[np.ndarray, "h w"]
) -> dict[str, float]:
    """drawn: unedited and edited by the model's own layers, and both by the adapted ones."""
    plain, moved, adapted_plain, adapted = drawn

    def levels(a: Float[Any, "..."], b: Float[Any, "..."], there: Bool[Any, "..."]) -> float:
        return 255 * float(l1(a, b, there)[0])

    figures = {"outside_before": levels(moved, photo, ~where), "outside": levels(adapted, photo, ~where)}
    change = levels(moved, plain[0], where)
    if change > 0:
        figures["edit_kept"] = levels(adapted, adapted_plain[0], where) / change
    return {name: round(value, 3) for name, value in figures.items()}
