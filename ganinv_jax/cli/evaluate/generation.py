"""Score generated pictures, those of seeds 0, 1, …, against real ones.

How far the sets are apart (Frechet and kernel distance, precision and recall, U-IDS), how much the pictures of each
differ among themselves, and how often they are recognised as one of CLASSES. --results scores somebody else's pictures.
"""

import argparse
from typing import Any

from ganinv_jax.cli import common
from ganinv_jax.core.errors import InputError

IN_SHEET = 64


def add_arguments(parser: argparse.ArgumentParser) -> None:
    count = common.count
    parser.add_argument("--num", dest="generated", type=count, metavar="N", help="generated ones (default: as many)")
    parser.add_argument("--real", dest="num", type=count, metavar="N", help="real pictures (default: all)")
    parser.add_argument("--classes", type=common.seeds, default=[], metavar="LIST", help="ImageNet's, such as 281-293")
    parser.add_argument("--truncation-psi", type=common.number, default=1.0, metavar="PSI", help="default: 1")
    parser.add_argument(
        "--path-length", type=count, metavar="N", help="also perceptual path length in W and in Z, over N paths"
    )
    common.add_reference(parser)
    parser.add_argument("--results", metavar="PICTURES", help="score these pictures, a folder or a zip, not a model's")


def run(args: argparse.Namespace, job: Any) -> Any:
    import numpy as np

    from ganinv_jax.core.images import grid
    from ganinv_jax.evaluation.generation import score_generation
    from ganinv_jax.evaluation.report import Report
    from ganinv_jax.evaluation.results import Squares

    if args.results and args.path_length:
        raise InputError("--path-length is a figure of a model's, not of pictures'; leave it or --results out.")
    generated, num, side = _others(args, job) if args.results else _model(args, job)
    others = job.reference(side)
    reference = (_in_ranges(others), len(others)) if others else None
    pieces = job.pieces(generated=num, classes=args.classes, path_length=args.path_length)
    with job.bar(num + job.num + len(others), "pictures") as done:
        sets = (generated, num, _in_ranges(Squares(job.source, job.num, side)), job.num)
        columns, plots = score_generation(*sets, job.networks, pieces, args.classes, reference, done)
    if args.path_length:
        columns["generated"] |= _path_lengths(args, job, pieces)
    shown = np.stack(list(generated(range(min(num, IN_SHEET)))))
    return Report("evaluate generation", job.asked, columns, sheet=grid(shown, columns=8), plots=plots)


def _model(args: argparse.Namespace, job: Any) -> tuple[Any, int, int]:
    """What draws the pictures of a range, their number, and their side."""
    model, psi = job.model, args.truncation_psi
    job.asked["truncation_psi"] = psi
    return lambda rows: model.draw(rows, psi), args.generated or job.num, model.config.resolution


def _path_lengths(args: argparse.Namespace, job: Any, pieces: Any) -> dict[str, float]:
    """Of the ends of paths, through every network that compares two pictures."""
    from ganinv_jax.evaluation.generation import score_paths
    from ganinv_jax.metrics.ppl import PathLength

    model, spaces = job.model, ("w", "z")
    given = [(distance, space) for distance in job.networks.distances for space in spaces]
    paths = [PathLength(model.map, model.synthesize, d, model.config.z_dim, space) for d, space in given]
    with job.bar(args.path_length * len(paths), "paths") as done:
        return score_paths(paths, args.path_length, pieces, done)


def _others(args: argparse.Namespace, job: Any) -> tuple[Any, int, int]:
    from ganinv_jax.cli.evaluate.job import check_enough
    from ganinv_jax.data.sources import open_source
    from ganinv_jax.evaluation.results import Squares

    source = open_source(args.results)
    num, side = args.generated or len(source), min(source[0]["image"].shape[:2])
    check_enough(source, args.results, num)
    job.asked["results"] = args.results
    return _in_ranges(Squares(source, num, side)), num, side


def _in_ranges(pictures: Any) -> Any:
    """What gives the pictures of a range."""
    return lambda rows: (pictures[index] for index in rows)
