"""Complete real pictures with a hole each in several ways, and score the completions.

What is kept of the known pixels, how near the whole comes to the photo, how much completions differ inside of the hole
and outside, and how far the first completions are from the photos as sets; and, on generated pictures, how much the
random code has to say. DIR/holes and DIR/completions keep what was scored: --holes DIR/holes gives another program the
same holes, and --results scores its completions, STEM.png or STEM_00.png, STEM_01.png, … for a photo STEM.
"""

import argparse
from pathlib import Path
from typing import Any

from ganinv_jax.cli import common
from ganinv_jax.core.errors import InputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--num", type=common.count, metavar="N", help="real pictures (default: all)")
    parser.add_argument("--holes", default="large", metavar="NAME|DIR", help="a preset or a folder (default: large)")
    parser.add_argument("--samples", type=common.some, default=4, metavar="N", help="completions each (default: 4)")
    common.add_reference(parser)
    parser.add_argument("--results", metavar="DIR", help="score all completions in this folder, not a model's")


def run(args: argparse.Namespace, job: Any) -> Any:
    import numpy as np

    from ganinv_jax.cli.evaluate.job import extremes
    from ganinv_jax.core.images import grid
    from ganinv_jax.evaluation import inpainting
    from ganinv_jax.evaluation.report import Report
    from ganinv_jax.evaluation.results import case_at, check_holes

    check_holes(args.holes)
    draw, side, listening = _others(args, job) if args.results else _model(args, job)
    reference = job.reference(side)
    pieces = job.pieces(holes=args.holes)

    def at(index: int) -> Any:
        return case_at(job.source, index, side, args.holes)

    with job.bar(job.num, "photos") as done:
        columns, each = inpainting.score_cases(at, job.num, draw, job.networks, pieces, reference, done)
    columns |= listening()
    shown = [at(index) for index in extremes({i: found[inpainting.DRAWN]["psnr"] for i, found in enumerate(each)})]
    rows = [inpainting.case_row(case, draw(case)) for case in shown]
    width = min(map(len, rows))
    sheet = grid(np.concatenate([row[:width] for row in rows]), columns=width)
    pictures, plots = inpainting.picture_figures(each), inpainting.plots_of(each)
    return Report("evaluate inpainting", job.asked, columns, pictures, sheet=sheet, plots=plots)


def _model(args: argparse.Namespace, job: Any) -> tuple[Any, int, Any]:
    """What completes a case and keeps the completions, the side of the square, and the figures of generated ones."""
    from ganinv_jax.evaluation import inpainting
    from ganinv_jax.evaluation.results import write_hole, write_results

    model = job.model
    job.asked["samples"] = args.samples
    modules, variables = model.inpainter
    complete = inpainting.completer(modules, variables, args.samples)

    def draw(case: Any) -> Any:
        drawn = complete(case)
        write_hole(job.out / "holes", case)
        write_results(job.out / "completions", case.name, drawn[inpainting.DRAWN])
        return drawn

    def listening() -> dict[str, Any]:
        figures = inpainting.evaluate_listening(modules, variables, inpainting.UNSEEN_SEEDS, args.holes)
        return {"generated pictures": figures} if figures else {}

    return draw, model.config.resolution, listening


def _others(args: argparse.Namespace, job: Any) -> tuple[Any, int, Any]:
    from ganinv_jax.evaluation.inpainting import DRAWN
    from ganinv_jax.evaluation.results import read_results, results_like, stem_of

    folder = Path(args.results).expanduser()
    if not folder.is_dir():
        raise InputError(f"--results must name a folder of completions, but {folder} is none; name another.")
    samples, side = results_like(folder, stem_of(job.source[0]["name"]))
    job.asked |= {"results": args.results, "samples": samples}
    return lambda case: {DRAWN: read_results(folder, case.name, side, samples)}, side, dict
