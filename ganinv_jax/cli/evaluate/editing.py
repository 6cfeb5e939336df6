"""Edit completions of real pictures, and score what each edit changes and what it keeps.

Every photo loses a hole and is completed from seed 0, then edited along each direction at each strength. Figures are of
the edited picture against the one before: the change of attributes (lightness; with --classes the log odds of those
ImageNet classes), identity (cosine of features), and how much the hole and the known pixels change.
"""

import argparse
from typing import Any

from ganinv_jax.cli import common
from ganinv_jax.core.errors import InputError

SHOWN = 6  # photos on the sheet


def add_arguments(parser: argparse.ArgumentParser) -> None:
    common.allow_negative_lists(parser)
    parser.add_argument("--num", type=common.count, default=32, metavar="N", help="real pictures (default: 32)")
    parser.add_argument("--holes", default="large", metavar="NAME|DIR", help="a preset or a folder (default: large)")
    parser.add_argument("--directions", metavar="LIST", help="names or files (default: all that the model brings)")
    parser.add_argument("--strengths", type=common.numbers, default=[-2.0, 2.0], metavar="LIST", help="default: -2,2")
    parser.add_argument("--classes", type=common.seeds, default=[], metavar="LIST", help="ImageNet's, such as 281-293")
    parser.add_argument("--no-skip", action="store_true", help="without the known pixels' own features")


def run(args: argparse.Namespace, job: Any) -> Any:
    import numpy as np

    from ganinv_jax.core.images import grid
    from ganinv_jax.evaluation import editing
    from ganinv_jax.evaluation.report import Report
    from ganinv_jax.evaluation.results import case_at, check_holes
    from ganinv_jax.pipelines.named import find_direction

    check_holes(args.holes)
    model = job.model
    names = [name.strip() for name in args.directions.split(",")] if args.directions else list(model.directions)
    if not names:
        raise InputError(f"--directions must name some, since {model.name} brings none; find some: ganinv directions.")
    directions = [find_direction(model, name) for name in names]
    asked = {"holes": args.holes, "directions": names, "strengths": args.strengths, "skip": not args.no_skip}
    pieces = job.pieces(**asked, classes=args.classes)
    edit, side = _editor(model, directions, args.strengths, not args.no_skip), model.config.resolution

    def at(index: int) -> Any:
        return case_at(job.source, index, side, args.holes)

    with job.bar(job.num, "photos") as done:
        scored = editing.score_edits(at, job.num, edit, _scorers(args, job), job.networks, pieces, done)
    columns, each = scored
    rows = []
    for index in range(min(SHOWN, job.num)):
        plain, moved = edit(at(index))
        rows.append(np.stack([at(index).photo, plain, *moved.values()]))
    told = [editing.told(name) for name in moved]
    notes = [f"On the sheet: the photo, its completion, then {', '.join(told)}."]
    plots = editing.plots_of(columns, list(moved))
    sheet = grid(np.concatenate(rows), columns=len(rows[0]))
    return Report("evaluate editing", job.asked, columns, each, notes, sheet, plots)


def _editor(model: Any, directions: list[Any], strengths: list[float], skip: bool) -> Any:
    """What completes a case from seed 0, and edits the completion in all ways."""

    def edit(case: Any) -> Any:
        completion = model.inpaint(case.photo, case.hole, samples=1)
        moved = {}
        for direction in directions:
            images = model.edit(completion, direction, strengths, skip=skip)[0]
            moved |= {(direction.name, strength): image for strength, image in zip(strengths, images, strict=True)}
        return completion.images[0], moved

    return edit


def _scorers(args: argparse.Namespace, job: Any) -> dict[str, Any]:
    """Lightness, and the odds of classes through every network that knows ImageNet's."""
    from ganinv_jax.evaluation.editing import lightness
    from ganinv_jax.evaluation.generation import IMAGENET
    from ganinv_jax.metrics.editing import class_scorer

    known = {extractor.name: extractor.features for extractor in job.networks.extractors if args.classes}
    known = {name: features for name, features in known.items() if features.channels.get("logits") == IMAGENET}
    scorers = {f"classes_{name}": class_scorer(features, args.classes) for name, features in known.items()}
    return {"lightness": lightness, **scorers}
