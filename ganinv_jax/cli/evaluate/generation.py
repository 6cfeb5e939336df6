"""Score generated pictures, those of seeds 0, 1, …, against real ones.

How far the sets are apart (Frechet and kernel distance, precision and recall, U-IDS), how much the pictures of each
differ among themselves, and how often they are recognised as one of CLASSES. --ppl adds the perceptual path length, of
the ends of paths in W and of whole paths in Z (official figures: of 50000). --trained-on tells whether pictures were
learned by heart: the generated ones would lie nearer to those of training than other real ones do; the sheet then shows
each generated picture beside the nearest of training. --results scores somebody else's pictures.
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
        "--noise-mode",
        choices=("const", "random", "none"),
        default="random",
        help="default: random, drawn from the seed, as the official metrics do; that of generate and --ppl is const",
    )
    parser.add_argument(
        "--ppl", type=common.count, metavar="N", help="perceptual path length of N paths (default: none)"
    )
    common.add_reference(parser)
    parser.add_argument("--trained-on", metavar="PICTURES", help="how near generated pictures come to these")
    parser.add_argument("--results", metavar="PICTURES", help="score these pictures, a folder or a zip, not a model's")


def run(args: argparse.Namespace, job: Any) -> Any:
    import numpy as np

    from ganinv_jax.core.images import grid
    from ganinv_jax.evaluation.generation import GENERATED, path_length, score_generation
    from ganinv_jax.evaluation.report import Report
    from ganinv_jax.evaluation.results import Squares

    generated, num, side = _others(args, job) if args.results else _model(args, job)
    others = job.reference(side)
    reference = (_in_ranges(others), len(others)) if others else None
    known = job.trained_on(side)
    trained_on = (_in_ranges(known), len(known)) if known else None
    paths = _paths(args, job) if args.ppl else []
    pieces = job.pieces(generated=num, classes=args.classes, ppl=args.ppl)
    with job.bar(num + job.num + len(others) + len(known), "pictures") as done:
        sets = (generated, num, _in_ranges(Squares(job.source, job.num, side)), job.num)
        more = reference, trained_on, done
        columns, plots, nearest = score_generation(*sets, job.networks, pieces, args.classes, *more)
    for path in paths:
        with job.bar(args.ppl, f"paths of {path.name}") as done:
            columns[GENERATED][path.name] = path_length(path, args.ppl, pieces, done)
    shown = list(generated(range(min(num, IN_SHEET))))
    if nearest:  # through the first network
        pairs = zip(shown[: IN_SHEET // 2], next(iter(nearest.values())), strict=False)
        shown = [picture for drawn, index in pairs for picture in (drawn, known[int(index)])]
    return Report("evaluate generation", job.asked, columns, sheet=grid(np.stack(shown), columns=8), plots=plots)


def _model(args: argparse.Namespace, job: Any) -> tuple[Any, int, int]:
    """What draws the pictures of a range, their number, and their side."""
    model, psi, noise = job.model, args.truncation_psi, args.noise_mode
    job.asked |= {"truncation_psi": psi, "noise_mode": noise}
    return lambda rows: model.draw(rows, psi, noise_mode=noise), args.generated or job.num, model.config.resolution


def _paths(args: argparse.Namespace, job: Any) -> list[Any]:
    """Path lengths of the model through every network that compares two pictures."""
    from ganinv_jax.metrics.ppl import PathLength

    if args.results or args.compute != "fp32":
        raise InputError("--ppl needs a model at --compute fp32, since its steps are tiny; leave one of them out.")
    model = job.model
    shared, ways = (model.map, model.synthesize), (("w", "end"), ("z", "full"))
    distances = job.networks.distances
    return [PathLength(*shared, distance, model.config.z_dim, *way) for distance in distances for way in ways]


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
