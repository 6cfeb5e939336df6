"""Variants of a method through several tasks: how near the whole picture comes of which only a part is seen."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, UInt8

from ganinv_jax.evaluation.inversion import Inverted, Pictures
from ganinv_jax.evaluation.pieces import Piece, Pieces
from ganinv_jax.evaluation.plots import Lines
from ganinv_jax.metrics.pictures import psnr, ssim


class Solved(NamedTuple):
    """What came of a task. images: un-composited. seen: where it is a picture. figures: of each picture, and `before`
    those of what was seen."""

    images: Pictures
    seen: Pictures | None
    figures: dict[str, Float[np.ndarray, " n"]]
    before: dict[str, Float[np.ndarray, " n"]]


def solve(
    invert: Callable[[Pictures], Inverted],
    photos: UInt8[np.ndarray, "n r r 3"],
    pieces: Pieces,
    batch: int,
    report: Callable[[int], None] = lambda done: None,
) -> Solved:
    """Invert photos, `batch` at a time: psnr (dB), ssim, and what the method says of parts, such as psnr_hole.

    report: called with the number of pictures done.
    """
    found = []
    for start in range(0, len(photos), batch):
        few = photos[start : start + batch]
        found.append(pieces.get(f"{start:05}", lambda few=few: _piece(invert(few))))
        report(start + len(few))
    columns = {name: np.concatenate([piece[name] for piece in found]) for name in found[0]}
    images, seen = columns.pop("images"), columns.pop("seen", None)
    before = {} if seen is None else _distortion(seen, photos)
    return Solved(images, seen, {**_distortion(images, photos), **columns}, before)


def knowledge(columns: Mapping[str, Mapping[str, float]], grid: Mapping[str, tuple[int, str]]) -> dict[str, Lines]:
    """Curves of quality over the layer of composition, a panel a task or part of it, a curve a number of codes.

    columns: figures by variant, of which those of the PSNR are shown. grid: (layer, which curve) by variant.
    """
    names = dict.fromkeys(name for figures in columns.values() for name in figures if "psnr" in name)
    panels = {}
    for name in names:
        series: dict[str, tuple[list[float], list[float]]] = {}
        for variant, (layer, curve) in grid.items():
            if name in columns.get(variant, {}):
                x, y = series.setdefault(curve, ([], []))
                x.append(layer)
                y.append(columns[variant][name])
        panels[name.replace("_", " ")] = Lines("composed at", "dB", series, doubling=True)
    return panels


def _piece(inverted: Inverted) -> Piece:
    seen = {} if inverted.seen is None else {"seen": inverted.seen}
    return {"images": inverted.images, **seen, **{name: np.asarray(x) for name, x in inverted.parts.items()}}


def _distortion(images: Pictures, photos: Pictures) -> dict[str, Any]:
    everywhere = np.ones(photos.shape[1:3], bool)
    pairs: Sequence[Any] = list(zip(images, photos, strict=True))
    return {
        "psnr": np.array([psnr(image[None], photo, everywhere)[0] for image, photo in pairs], np.float64),
        "ssim": np.array([ssim(image[None], photo)[0] for image, photo in pairs], np.float64),
    }
