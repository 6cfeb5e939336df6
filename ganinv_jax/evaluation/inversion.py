"""Methods of inversion against each other: how near the picture comes, how real it looks, how well its code is edited.

Real pictures and generated ones are inverted; of the latter the true code is known.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, UInt8

from ganinv_jax.evaluation.pieces import Piece, Pieces
from ganinv_jax.evaluation.plots import Scatter
from ganinv_jax.evaluation.sets import Networks, distance_name, features_of
from ganinv_jax.metrics.distances import kernel_distance
from ganinv_jax.metrics.pictures import l1, perceptual, psnr, ssim

Pictures = UInt8[np.ndarray, "b r r 3"]

RECOVERED = 0.01
"""The error in any coordinate of z below which z counts as found; of z's standard deviation."""


class Inverted(NamedTuple):
    """What a method made of some pictures. ws: their codes. redraw: the pictures with an offset [l, w] added to every
    code, and whatever else the method found (noise, weights) as it is. seconds: for all of them. seen: what a task left
    of them, where that is a picture. parts: figures of parts of the pictures, such as the hole. z: where the method
    looks for it. memory: in bytes, as `Memory` has it."""

    images: Pictures
    ws: Float[np.ndarray, "b l w"]
    redraw: Callable[[Float[np.ndarray, "l w"]], Pictures]
    seconds: float
    seen: Pictures | None = None
    parts: Mapping[str, Float[np.ndarray, " b"]] = MappingProxyType({})
    z: Float[np.ndarray, "b z"] | None = None
    memory: int = 0


class Known(NamedTuple):
    """Generated pictures, and the codes [b, l, w] and latents [b, z] of each."""

    images: Pictures
    ws: Float[np.ndarray, "b l w"]
    z: Float[np.ndarray, "b z"] | None = None


class Edits(NamedTuple):
    """What edits of codes are judged by. offsets: directions [l, w] times their strengths. changes: by extractor, for
    every offset the mean change [c] of the features of generated pictures."""

    offsets: Sequence[Float[np.ndarray, "l w"]]
    changes: Mapping[str, Sequence[Float[np.ndarray, " c"]]]


class Method(NamedTuple):
    """What came of a method. figures: means. each: a real picture's. images: the inversions of the real pictures. seen:
    what there was to be seen of those, where it is a picture."""

    figures: dict[str, float]
    each: list[dict[str, Any]]
    images: Pictures
    seen: Pictures | None


def edits_of(
    redraw: Callable[[Float[np.ndarray, "l w"]], Pictures],
    offsets: Sequence[Float[np.ndarray, "l w"]],
    networks: Networks,
) -> Edits:
    """What edits do to generated pictures, which `redraw` draws with an offset added to their codes."""
    plain, *moved = (features_of(redraw(offset), networks) for offset in (np.zeros_like(offsets[0]), *offsets))
    changes = {name: [(each[name] - plain[name]).mean(axis=0) for each in moved] for name in plain}
    return Edits(offsets, changes)


def score_method(
    invert: Callable[[Pictures], Inverted],
    real: Sequence[tuple[str, UInt8[np.ndarray, "r r 3"]]],
    known: Known,
    average: Float[np.ndarray, " w"],
    edits: Edits,
    networks: Networks,
    pieces: Pieces,
    batch: int,
    report: Callable[[int], None] = lambda done: None,
) -> Method:
    """Invert real pictures, given with their names, and generated ones, `batch` at a time, and score the results:

    - psnr (dB), ssim, l1, lpips_… or distance_NETWORK: distortion, against the whole picture, however little of it the
      method was shown; of the generated ones psnr (`generated_psnr`); figures of parts, such as psnr_hole;
    - kd_… (kid_…): perception, the kernel distance of the inversions of real pictures from those pictures as sets;
    - editability_NETWORK: the mean change of features by an edit along the change that the same edit makes in
      generated pictures, as a share of that change: 1 if it does what it does there, 0 if it does nothing or else;
    - w_error: distance of the generated ones' codes from the true ones, as a share of the average w's distance;
    - z_error, z_recovered: of methods that look for z, see `_z_figures`;
    - memory_mb: of the largest compiled program, with all pictures of a batch in it;
    - seconds: a picture, the median of batches of a size that was seen before, so that no compilation is in it; where
      there is none, for pictures are few, seconds_with_compilation.

    average: the generator's average w. report: called with the number of pictures done.
    """
    compiled: set[int] = set()  # the sizes of batches that there are programs for

    def look(few: Pictures) -> Piece:
        inverted, ready = invert(few), len(few) in compiled
        compiled.add(len(few))
        return _score(inverted, few, edits, networks) | {"ready": np.array(ready)}

    found = []
    for start in range(0, len(real), batch):
        few = np.stack([picture for _, picture in real[start : start + batch]])
        found.append(pieces.get(f"real-{start:05}", functools.partial(look, few)))
        report(start + len(few))
    columns = {name: np.concatenate([piece[name] for piece in found]) for name, x in found[0].items() if x.ndim}
    images, seen = columns.pop("images"), columns.pop("seen", None)
    features = {name: columns.pop(f"features/{name}") for name in edits.changes}
    photos = features_of(np.stack([picture for _, picture in real]), networks)
    kernels = {e.figure("kd"): kernel_distance(photos[e.name], features[e.name]) for e in networks.extractors}
    figures = {name: float(values.mean()) for name, values in columns.items()} | kernels
    each = [{"name": name} | {key: float(x[i]) for key, x in columns.items()} for i, (name, _) in enumerate(real)]
    figures |= _of_known(invert, known, average, pieces, batch, lambda done: report(len(real) + done))
    memory = max(int(piece["memory"]) for piece in found)
    figures |= _seconds(found) | ({"memory_mb": memory / 1e6} if memory else {})
    return Method(figures, each, images, seen)


def tradeoff(columns: Mapping[str, Mapping[str, float]], networks: Networks) -> dict[str, Scatter]:
    """Distortion, perception and editability of methods, through the first network that there is for each."""
    first = networks.extractors[0]
    x, y, z = (
        distance_name(networks.distances[0]) if networks.distances else "l1",
        first.figure("kd"),
        first.figure("editability"),
    )
    series = {method: ([figures[x]], [figures[y]]) for method, figures in columns.items()}
    colours = (f"editability ({first.name})", [figures[z] for figures in columns.values()])
    told = (f"distortion ({x})", f"perception ({y})")
    return {"tradeoff": Scatter(*told, series, labelled=True, colours=colours)}


def _score(inverted: Inverted, photos: Pictures, edits: Edits, networks: Networks) -> Piece:
    """A piece: of every picture its inversion, its figures and its features."""
    images, everywhere = inverted.images, np.ones(photos.shape[1:3], bool)
    piece: Piece = {
        "seconds": np.array(inverted.seconds / len(photos)),
        "memory": np.array(inverted.memory),
        "images": images,
        "psnr": _one_by_one(psnr, images, photos, everywhere),
        "ssim": _one_by_one(ssim, images, photos),
        "l1": _one_by_one(l1, images, photos, everywhere),
        **inverted.parts,
    }
    if inverted.seen is not None:
        piece["seen"] = inverted.seen
    for distance in networks.distances:
        piece[distance_name(distance)] = _one_by_one(functools.partial(perceptual, distance), images, photos)
    plain = features_of(images, networks)
    moved = [features_of(inverted.redraw(offset), networks) for offset in edits.offsets]
    for extractor in networks.extractors:
        name = extractor.name
        gains = [_along(each[name] - plain[name], d) for each, d in zip(moved, edits.changes[name], strict=True)]
        piece[extractor.figure("editability")] = np.mean(gains, axis=0)
    return piece | {f"features/{name}": rows for name, rows in plain.items()}


def _seconds(found: Sequence[Piece]) -> dict[str, float]:
    ready = [piece["seconds"] for piece in found if piece["ready"]]
    name, values = ("seconds", ready) if ready else ("seconds_with_compilation", [piece["seconds"] for piece in found])
    return {name: float(np.median(values))}


def _of_known(invert, known: Known, average, pieces: Pieces, batch: int, report) -> dict[str, float]:
    """Figures of generated pictures, whose codes are known."""

    def score(rows: slice) -> Piece:
        inverted = invert(known.images[rows])
        errors, far = (np.linalg.norm(known.ws[rows] - x, axis=(1, 2)) for x in (inverted.ws, average))
        everywhere = np.ones(known.images.shape[1:3], bool)
        kept = _one_by_one(psnr, inverted.images, known.images[rows], everywhere)
        recovery = _z_figures(inverted.z, known.z[rows]) if inverted.z is not None and known.z is not None else {}
        return {"generated_psnr": kept, "w_error": errors / far, **recovery}

    found = []
    for start in range(0, len(known.images), batch):
        rows = slice(start, start + batch)
        found.append(pieces.get(f"generated-{start:05}", lambda rows=rows: score(rows)))
        report(min(rows.stop, len(known.images)))
    return {name: float(np.concatenate([piece[name] for piece in found]).mean()) for name in (found or [{}])[0]}


def _z_figures(found: Float[np.ndarray, "b z"], true: Float[np.ndarray, "b z"]) -> Piece:
    """z_error: the root mean square of the coordinates' errors, 1.4 for unrelated ones. z_recovered: whether none is as
    large as RECOVERED. A mapping network sees the direction of z alone, so both are brought to the same length."""
    found, true = (z / np.sqrt(np.mean(z**2, axis=1, keepdims=True)) for z in (found, true))
    errors = np.abs(found - true)
    return {
        "z_error": np.sqrt(np.mean(errors**2, axis=1)),
        "z_recovered": (errors.max(axis=1) < RECOVERED).astype(np.float64),
    }


def _one_by_one(figure: Callable[..., np.ndarray], images: Pictures, photos: Pictures, *rest: Any) -> np.ndarray:
    """A figure of each picture against its own photo."""
    pairs = zip(images, photos, strict=True)
    return np.array([figure(image[None], photo, *rest)[0] for image, photo in pairs], np.float64)


def _along(changes: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    return changes @ wanted / np.sum(wanted**2)
