"""How a generator's pictures compare with real ones. Any two sets of pictures can be scored."""

import functools
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int, UInt8

from ganinv_jax.evaluation.pieces import Piece, Pieces
from ganinv_jax.evaluation.plots import Scatter
from ganinv_jax.evaluation.sets import Networks, Rows, compare_sets
from ganinv_jax.metrics.extraction import extract
from ganinv_jax.metrics.neighbours import nearest
from ganinv_jax.metrics.networks import Extractor
from ganinv_jax.metrics.ppl import PathLength, trimmed_mean
from ganinv_jax.metrics.sets import mean_pairwise_distance, share_recognized

GENERATED, REAL, REFERENCE, TRAINED_ON = "generated", "real", "other real", "trained on"
AT_A_TIME = 256
IMAGENET = 1000  # classes; Inception's 1008 are numbered otherwise
MOST_PAIRED = 2000  # pictures that the mean distance of all pairs is taken of

Pictures = Callable[[range], Iterable[UInt8[np.ndarray, "h w 3"]]]
"""The pictures of a range of indices, in order; asked for again, they are the same."""


class Scores(NamedTuple):
    """columns: figures by column. plots: by file name. nearest: for each generated picture the index of the nearest one
    that was trained on, by network; empty where those are not known."""

    columns: dict[str, dict[str, Any]]
    plots: dict[str, Scatter]
    nearest: dict[str, Int[np.ndarray, "n"]]


def score_generation(
    generated: Pictures,
    num: int,
    real: Pictures,
    real_num: int,
    networks: Networks,
    pieces: Pieces,
    classes: Collection[int] = (),
    reference: tuple[Pictures, int] | None = None,
    trained_on: tuple[Pictures, int] | None = None,
    report: Callable[[int], None] = lambda done: None,
) -> Scores:
    """What `num` generated pictures score against `real_num` real ones.

    Features come a few hundred pictures at a time and are kept in `pieces`. Of either set: count;
    pairwise_distance_NETWORK, the mean distance of the features of its first 2000 pictures; recognized_NETWORK, the
    share whose likeliest ImageNet class is one of `classes`, where any are given. Of the generated ones against the
    real: see `compare_sets`. reference: more real pictures and their number, which are compared with the real ones as
    the generated ones are. trained_on: the pictures of training and their number, of which the generated and the real
    ones get nearest_NETWORK, the mean distance to the nearest of them: what a generator draws by heart lies nearer than
    real pictures that it has not seen. report: called with the number of pictures looked at, of all sets.
    """
    given = {GENERATED: (generated, num), REAL: (real, real_num), REFERENCE: reference, TRAINED_ON: trained_on}
    sets = {column: pictures for column, pictures in given.items() if pictures}
    columns: dict[str, dict[str, Any]] = {column: {"count": count} for column, (_, count) in sets.items()}
    seen: dict[str, dict[str, Rows]] = {}
    before = 0
    for column, (pictures, count) in sets.items():
        found = []
        for rows in _ranges(count):
            look = functools.partial(_look, pictures, rows, networks.extractors)
            found.append(pieces.get(f"{column}-{rows.start:06}", look))
            report(before + rows.stop)
        before += count
        seen[column] = {name: np.concatenate([piece[name] for piece in found]) for name in found[0]}
        columns[column] |= _of_one_set(seen[column], networks.extractors, classes)
    plots, which = {}, {}
    for extractor in networks.extractors:
        reals, fakes = seen[REAL][extractor.name], seen[GENERATED][extractor.name]
        others = seen[REFERENCE][extractor.name] if reference else None
        columns[GENERATED] |= compare_sets(extractor, reals, fakes, others)
        if others is not None:
            found = compare_sets(extractor, reals, others)
            columns[REFERENCE] |= {name: value for name, value in found.items() if not name.endswith("_ceiling")}
        if trained_on:
            known, figure = seen[TRAINED_ON][extractor.name], extractor.figure("nearest")
            distances, found = nearest(np.concatenate([fakes, reals]), known)
            columns[GENERATED][figure] = float(distances[:num].mean())
            columns[REAL][figure] = float(distances[num:].mean())
            which[extractor.name] = found[:num]
        plots[f"features_{extractor.name}"] = _plot(reals, fakes)
    return Scores(columns, plots, which)


def path_length(path: PathLength, num: int, pieces: Pieces, report: Callable[[int], None] = lambda done: None) -> float:
    """The perceptual path length of paths 0 to `num` - 1, whose single lengths are kept in `pieces`."""
    found = []
    for rows in _ranges(num):
        look = functools.partial(lambda rows: {"lengths": path.lengths(rows)}, rows)
        found.append(pieces.get(f"{path.name}-{rows.start:06}", look)["lengths"])
        report(rows.stop)
    return trimmed_mean(np.concatenate(found))


def _look(pictures: Pictures, rows: range, extractors: Sequence[Extractor]) -> Piece:
    """A piece: of every extractor the features, and where it is a classifier of ImageNet the likeliest classes."""
    piece: Piece = {}
    for name, stages in extract(pictures(rows), extractors, also=("logits",)).items():
        logits = stages.pop("logits", None)
        piece[name] = next(iter(stages.values()))
        if logits is not None and logits.shape[1] == IMAGENET:
            piece[f"{name}/classes"] = logits.argmax(axis=1)
    return piece


def _of_one_set(seen: dict[str, Rows], extractors: Sequence[Extractor], classes: Collection[int]) -> dict[str, Any]:
    figures = {}
    for extractor in extractors:
        rows, guesses = seen[extractor.name][:MOST_PAIRED], seen.get(f"{extractor.name}/classes")
        figures[extractor.figure("pairwise_distance")] = mean_pairwise_distance(rows)
        if classes and guesses is not None:
            figures[extractor.figure("recognized")] = share_recognized(guesses, classes)
    return figures


def _plot(reals: Rows, fakes: Rows) -> Scatter:
    """Both sets along the two directions in which features of real pictures differ most."""
    mean = reals.mean(axis=0)
    axes = np.linalg.svd(reals[:MOST_PAIRED] - mean, full_matrices=False)[2][:2].T
    spots = {name: (rows[:MOST_PAIRED] - mean) @ axes for name, rows in ((REAL, reals), (GENERATED, fakes))}
    series = {name: (rows[:, 0].tolist(), rows[:, 1].tolist()) for name, rows in spots.items()}
    about = "principal component of real pictures"
    return Scatter(f"first {about}", f"second {about}", series)


def _ranges(count: int) -> Iterator[range]:
    for start in range(0, count, AT_A_TIME):
        yield range(start, min(start + AT_A_TIME, count))
