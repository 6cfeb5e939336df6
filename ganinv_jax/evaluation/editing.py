"""What edits of completed pictures change, and what they keep.

An edit is a direction at a strength. Pictures are scored before and after it; what was in the hole and what was known
are to move together, and what the picture shows is to stay the same.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import UInt8

from ganinv_jax.evaluation.pieces import Piece, Pieces
from ganinv_jax.evaluation.plots import Lines
from ganinv_jax.evaluation.results import Case
from ganinv_jax.evaluation.sets import Networks, features_of
from ganinv_jax.metrics.editing import Scorer, cosine, known_kept

AT_A_TIME = 8
LUMA = (0.299, 0.587, 0.114)  # Rec. 601

Edit = tuple[str, float]
"""The direction's name and the strength."""
Edited = tuple[UInt8[np.ndarray, "r r 3"], Mapping[Edit, UInt8[np.ndarray, "r r 3"]]]
"""A case's picture before any edit, and after each."""


def lightness(pictures: UInt8[np.ndarray, "k h w 3"]) -> np.ndarray:
    """A scorer: mean luma, of 255."""
    return (pictures @ np.array(LUMA)).mean(axis=(1, 2))


def score_edits(
    case_at: Callable[[int], Case],
    num: int,
    edit: Callable[[Case], Edited],
    scorers: Mapping[str, Scorer],
    networks: Networks,
    pieces: Pieces,
    report: Callable[[int], None] = lambda done: None,
) -> tuple[dict[str, dict[str, Any]], list[dict[str, Any]]]:
    """Score the edits of cases 0 to `num` - 1: (figures by edit, figures of every case).

    Of the picture after the edit against the one before: attribute_SCORER, the change of an attribute in the scorer's
    unit; identity_NETWORK, the cosine of their features; change_hole and change_known, mean absolute differences of
    values of 255 inside of the hole and outside; kept_known (dB), the PSNR of the known pixels. Where there is no hole
    all of the picture counts as known, and change_hole is missing.
    """

    def score(rows: range) -> Piece:
        return _score([case_at(index) for index in rows], edit, scorers, networks)

    found = []
    for start in range(0, num, AT_A_TIME):
        rows = range(start, min(start + AT_A_TIME, num))
        found.append(pieces.get(f"{start:06}", functools.partial(score, rows)))
        report(rows.stop)
    columns: dict[str, dict[str, Any]] = {}
    each: list[dict[str, Any]] = [{"name": case_at(index).name} for index in range(num)]
    for path in found[0]:
        column, _, figure = path.rpartition("/")
        values = np.concatenate([piece[path] for piece in found])
        columns.setdefault(column, {})[figure] = float(values.mean())
        for entry, value in zip(each, values.tolist(), strict=True):
            entry.setdefault(column, {})[figure] = value
    return columns, each


def plots_of(columns: Mapping[str, Mapping[str, float]], edits: Sequence[Edit]) -> dict[str, Lines]:
    """How what is changed and what is kept go with the strength, a curve a direction."""
    figures = {name: None for figures in columns.values() for name in figures}
    directions = list(dict.fromkeys(name for name, _ in edits))

    def curve(direction: str, figure: str) -> tuple[list[float], list[float]]:
        strengths = sorted(strength for name, strength in edits if name == direction)
        return strengths, [columns[told((direction, strength))][figure] for strength in strengths]

    return {figure: Lines("strength", figure, {name: curve(name, figure) for name in directions}) for figure in figures}


def told(edit: Edit) -> str:
    """An edit's column, such as 'smile +1'."""
    return f"{edit[0]} {edit[1]:+g}"


def _score(
    cases: Sequence[Case], edit: Callable[[Case], Edited], scorers: Mapping[str, Scorer], networks: Networks
) -> Piece:
    """A piece: for every 'COLUMN/FIGURE' a value a case."""
    edited = [edit(case) for case in cases]
    before, holes = np.stack([plain for plain, _ in edited]), np.stack([case.hole for case in cases])
    features, attributes = features_of(before, networks), {label: score(before) for label, score in scorers.items()}
    piece: Piece = {}
    for name in edited[0][1]:
        after = np.stack([moved[name] for _, moved in edited])
        seen = features_of(after, networks)
        figures = {
            **{f"attribute_{label}": scorers[label](after) - had for label, had in attributes.items()},
            **{f"identity_{network}": cosine(rows, seen[network]) for network, rows in features.items()},
            **_moved(before, after, holes),
        }
        piece |= {f"{told(name)}/{figure}": np.asarray(values) for figure, values in figures.items()}
    return piece


def _moved(before: np.ndarray, after: np.ndarray, holes: np.ndarray) -> dict[str, np.ndarray]:
    change = np.abs(after.astype(np.float64) - before).mean(axis=-1)
    inside = {"change_hole": _mean_within(change, holes)} if holes.any() else {}
    return {**inside, "change_known": _mean_within(change, ~holes), "kept_known": known_kept(before, after, ~holes)}


def _mean_within(values: np.ndarray, where: np.ndarray) -> np.ndarray:
    return (values * where).sum(axis=(1, 2)) / where.sum(axis=(1, 2))
