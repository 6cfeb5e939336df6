"""Find directions to edit along: NAME.npz for each, which `ganinv edit --direction` takes, sheet.png (a row a
direction, strengths -3 to 3) to see what they do, and report.json. Strength 1 is one standard deviation of W.

sefa: what changes the styles of LAYERS most, from the weights alone. ganspace: the principal components of W.
ganspace-features: those of the features at a resolution. interfacegan: towards pictures with high scores, from a file
with the scores of seeds 0, 1, ... or as pictures of some of ImageNet's classes.
"""

import argparse
import functools
from typing import Any

from ganinv_jax.cli import common
from ganinv_jax.core.errors import InputError

METHODS = ("sefa", "ganspace", "ganspace-features", "interfacegan")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    count = functools.partial(common.whole, least=1, most=1000)
    parser.add_argument("--method", choices=METHODS, default="sefa", help="(default: sefa)")
    parser.add_argument("--count", type=count, default=8, metavar="N", help="how many directions (default: 8)")
    parser.add_argument("--layers", type=common.seeds, metavar="LIST", help="the rows of W+ that move, such as 0-7")
    parser.add_argument("--resolution", type=count, default=8, metavar="R", help="of ganspace-features (default: 8)")
    scores = parser.add_mutually_exclusive_group()
    scores.add_argument(
        "--scores", metavar="FILE", help="interfacegan: .npy or text, a score for each of seeds 0, 1, ..."
    )
    scores.add_argument(
        "--classes", type=common.seeds, metavar="LIST", help="interfacegan: ImageNet's, such as 281-285"
    )
    parser.add_argument("--share", type=common.number, default=0.02, help="interfacegan: of scores at each end (0.02)")
    parser.add_argument(
        "--against",
        action="append",
        default=[],
        metavar="NAME|FILE",
        help="interfacegan: a direction of what must stay",
    )
    parser.add_argument(
        "--seeds", type=common.seeds, default=[0, 1], metavar="LIST", help="on the sheet (default: 0,1)"
    )
    parser.add_argument("--seed", type=common.seed, default=0, help="of the samples (default: 0)")
    common.add_class(parser)
    common.add_model(parser)
    common.add_out(parser)


def run(args: argparse.Namespace) -> None:
    out = common.output_folder(args.out)

    from ganinv_jax.pipelines.directions import find_directions
    from ganinv_jax.pipelines.named import find_direction
    from ganinv_jax.pipelines.searches import Search, class_score

    model = common.open_model(args)
    search = Search(
        method=args.method,
        count=args.count,
        layers=args.layers,
        seed=args.seed,
        class_idx=args.class_idx,
        resolution=args.resolution,
        scores=class_score(args.classes) if args.classes else args.scores and _read_scores(args.scores),
        share=args.share,
        against=[find_direction(model, name) for name in args.against],
    )
    found = find_directions(model, search, args.seeds)
    found.save(out)
    for entry in found.report["directions"]:
        print("  ".join([f"{entry['name']:<20}", *(f"{k} {v:g}" for k, v in entry.items() if k != "name")]))
    print(f"Wrote {len(found.directions)} directions and sheet.png to {out}.")


def _read_scores(path: str) -> Any:
    """A number for each seed, in one column, or the last of several; lines that start with # do not count."""
    import numpy as np

    try:
        if path.endswith(".npy"):
            return np.load(path, allow_pickle=False).astype(np.float64).reshape(-1)
        return np.loadtxt(path, delimiter="," if path.endswith(".csv") else None, ndmin=2)[:, -1]
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path} must hold a number for each seed, but cannot be read ({error}).") from error
