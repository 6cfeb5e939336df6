"""The study of which part of a picture each of mGANprior's codes answers for."""

import argparse
import dataclasses
from collections import Counter
from pathlib import Path
from typing import Any

from ganinv_jax.cli.evaluate.inversion import Task, real_pictures, steps_of

SHOWN = 8  # photos on the sheet, the first ones


def study_regions(job: Any, args: argparse.Namespace) -> Any:
    """The report on the codes' regions, and where --segments has classes on what they are of."""
    import numpy as np

    from ganinv_jax.core.images import labelled_grid
    from ganinv_jax.evaluation.plots import Lines
    from ganinv_jax.evaluation.report import Report

    task = Task(args.task, dict(args.task_option))
    steps = steps_of(("mganprior", {}), task, args.steps_share)
    real = real_pictures(job)
    asked = {"study": args.study, "task": task.name, "task_options": task.told, "segments": args.segments}
    pieces = job.pieces(**asked, steps_share=args.steps_share, batch=args.batch)
    segments = _segments(args.segments, [name for name, _ in real], job.model.config.resolution)
    pictures, rows = [], []
    with job.bar(len(real), "pictures") as done:
        for start in range(0, len(real), args.batch):
            photos = np.stack([photo for _, photo in real[start : start + args.batch]])
            piece = pieces.get(f"{start:05}", lambda photos=photos: _left_out(job.model, photos, task, steps))
            for row, (whole, without) in enumerate(zip(piece["images"], piece["without"], strict=True), start):
                name, photo = real[row]
                entry, cells = _scored(whole, without, segments.get(name))
                pictures.append({"name": name, **entry})
                rows.append([photo, whole, *cells])
            done(start + len(photos))
    told = [key for key in ("covered", "overlap", "share") if pictures[0][key] is not None]  # one code overlaps nothing
    figures = {key: float(np.mean([entry[key] for entry in pictures])) for key in told}
    if segments:
        figures["best_iou"] = float(np.mean([entry["iou"] for entry in pictures]))
    ranked = [sorted(entry["share"], reverse=True) for entry in pictures[:SHOWN]]
    order = list(range(1, len(ranked[0]) + 1))
    plots = {
        "regions": Lines("codes, from the largest region on", "share of the picture", _series(order, ranked, real))
    }
    titles = ["photo", "inverted", *map(str, order)]
    sheet = labelled_grid(np.concatenate(rows[:SHOWN]), [name for name, _ in real[:SHOWN]], titles)
    notes = ["On the sheet: the photo, its inversion, and the region of each code in orange."]
    return Report("evaluate ablation", job.asked, {"mganprior": figures}, pictures, notes, sheet, plots)


def _segments(folder: str | None, names: list[str], side: int) -> dict[str, Any]:
    from ganinv_jax.evaluation.regions import read_segments

    return {name: read_segments(Path(folder), name, side) for name in names} if folder else {}


def _left_out(model: Any, photos: Any, task: Task, steps: int | None) -> Any:
    """A piece: inversions [b, h, w, 3], and what they are without each of their codes [b, n, h, w, 3]."""
    import numpy as np

    found = model.invert(photos, "mganprior", task.name, steps=steps, **task.options)
    channels, anywhere = np.asarray(found.variables["channels"]), np.ones(model.config.w_dim, np.float32)
    without = []
    for code in range(channels.shape[1]):
        rest = np.where(np.arange(channels.shape[1])[:, None] == code, 0, channels)
        state = dataclasses.replace(found.state, variables={**found.variables, "channels": rest})
        without.append(model.edit(state, anywhere, 0.0))
    return {"images": found.images, "without": np.stack(without, axis=1)}


def _scored(whole: Any, without: Any, segments: Any) -> tuple[dict[str, Any], list[Any]]:
    """A picture's figures, and its regions to look at."""
    import numpy as np

    from ganinv_jax.evaluation import regions

    found = np.stack([regions.region_of(whole, each) for each in without])
    entry = regions.region_figures(found)
    if segments is not None:
        best = regions.best_classes(found, segments)
        entry |= {"class": [name for name, _ in best], "iou": [score for _, score in best]}
        entry["codes_by_class"] = dict(Counter(entry["class"]).most_common())
    return entry, [regions.overlay(whole, region) for region in found]


def _series(order: list[int], ranked: list[list[float]], real: Any) -> dict[str, Any]:
    return {name: (order, shares) for (name, _), shares in zip(real, ranked, strict=False)}
