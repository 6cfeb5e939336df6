"""Move pictures along a direction: edit_00_-1.png and so on (picture and strength), strip.png (a row a picture), and
report.json; with --gif also walk.gif.

DIR is what `ganinv inpaint` or `ganinv invert` wrote. The hole of a completion and the rest of it move together, and
strength 0 gives the completion back. Instead of DIR, --seeds draws pictures to edit.

With --adapt an inverted photo is edited within a region, and the photo's own pixels come back around it; every picture
then has a folder with its state, to edit on. Ctrl-C keeps what is found so far and exits with code 3.

--toward moves them to another picture's code instead: strengths 0,0.25,0.5,0.75,1 interpolate, and strength 1 in some
--layers alone is style mixing.
"""

import argparse
import functools
import re
from pathlib import Path
from typing import Any

from ganinv_jax.cli import common
from ganinv_jax.core.errors import InputError, StoppedError

STRENGTHS = [-2.0, -1.0, 0.0, 1.0, 2.0]
SHARES = [0.0, 0.25, 0.5, 0.75, 1.0]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    common.allow_negative_lists(parser)
    parser.add_argument("folder", nargs="?", metavar="DIR", help="what ganinv inpaint or ganinv invert wrote")
    parser.add_argument("--seeds", type=common.seeds, metavar="LIST", help="edit the pictures of seeds, such as 0-3")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument(
        "--direction",
        metavar="NAME|FILE",
        help="one that the model has, a file (FILE:NAME where it holds several), or a style channel: 32.conv1.17",
    )
    where.add_argument("--toward", metavar="DIR|SEED", help="the picture of a folder such as DIR, or of a seed")
    parser.add_argument("--slerp", action="store_true", help="from seeds to a seed, on the great circle in Z")
    parser.add_argument(
        "--strength",
        type=common.numbers,
        metavar="LIST",
        help="how often the direction is added (default: -2,-1,0,1,2; with --toward 0,0.25,0.5,0.75,1)",
    )
    parser.add_argument("--layers", type=common.seeds, metavar="LIST", help="the rows of W+ that move, such as 0-7")
    parser.add_argument("--no-skip", action="store_true", help="leave out the known pixels' features")
    parser.add_argument("--gif", action="store_true", help="also walk from the least strength to the greatest and back")
    parser.add_argument(
        "--adapt",
        metavar="REGION",
        help="adapt to the photo outside of a region: a mask that is white inside, or x,y,w,h in the model's pixels",
    )
    steps = functools.partial(common.whole, least=1, most=10_000_000)
    parser.add_argument("--adapt-steps", type=steps, metavar="N", help="of each adaptation (default: 1000)")
    common.add_class(parser)
    common.add_model(parser)
    common.add_out(parser)


def run(args: argparse.Namespace) -> None:
    out = common.output_folder(args.out)
    if (args.folder is None) == (args.seeds is None):
        raise InputError("What is edited must be given either as DIR or as --seeds.")
    if args.adapt is not None and (args.gif or args.no_skip or args.folder is None):
        raise InputError("--adapt goes with DIR, and not with --gif or --no-skip; leave them out.")
    if args.adapt is None and args.adapt_steps is not None:
        raise InputError("--adapt-steps goes with --adapt, which names the region; give that too.")

    from ganinv_jax.pipelines.edit import edit_all
    from ganinv_jax.pipelines.state import load_states

    states = {} if args.folder is None else load_states(Path(args.folder).expanduser())
    model = common.open_model(args, next((state.model for state in states.values()), None))
    given = states or {"seeds": model.codes(args.seeds, args.class_idx)}
    direction = _great_circle(args, model) if args.slerp else args.direction or _way(args, model)
    strengths = args.strength or (STRENGTHS if args.direction else SHARES)
    if args.adapt is not None:
        result = _adapted(args, model, given, direction, strengths)
    else:
        result = edit_all(model, given, direction, strengths, args.layers, not args.no_skip, args.gif)
    result.save(out)
    count, name = len(result.report["pictures"]), result.report["direction"]
    way = f"along {name}" if args.direction else name
    print(f"Wrote {count} edits {way} to {out} in {result.report['seconds']:.1f} s.")
    if result.report.get("stopped"):
        raise StoppedError(f"Stopped while edits adapted; {out} has them as far as they came.")


def _way(args: argparse.Namespace, model: Any) -> Any:
    """To the picture that --toward names."""
    from ganinv_jax.editing import Towards
    from ganinv_jax.pipelines.state import check_made_by, load_states

    if args.toward.isdecimal() and not Path(args.toward).exists():
        return Towards(model.codes([int(args.toward)], args.class_idx), f"toward seed {args.toward}")
    (state, *more) = load_states(Path(args.toward).expanduser()).values()
    if more:
        raise InputError(f"--toward must name one picture, but {args.toward} holds {1 + len(more)}; name one of them.")
    check_made_by(model, state)
    return Towards(state.ws, f"toward {args.toward}")


def _great_circle(args: argparse.Namespace, model: Any) -> Any:
    """The same for pictures of seeds, in Z."""
    from ganinv_jax.core.rng import seed_z
    from ganinv_jax.editing import AlongGreatCircle

    if args.seeds is None or not (args.toward or "").isdecimal():
        raise InputError("--slerp goes from --seeds --toward a seed, whose latents z are known; leave it out.")
    z, other = (seed_z(seeds, model.config.z_dim) for seeds in (args.seeds, [int(args.toward)]))
    c = model.class_labels(args.class_idx)
    labels = None if c is None else c.repeat(len(z), axis=0)
    return AlongGreatCircle(z, other, lambda z: model.map(z, labels), f"toward seed {args.toward}")


def _adapted(args: argparse.Namespace, model: Any, states: dict[str, Any], direction: Any, strengths: Any) -> Any:
    from ganinv_jax.pipelines.adapt import edit_adapted

    box = re.fullmatch(r"\d+,\d+,\d+,\d+", args.adapt)
    region = tuple(map(int, args.adapt.split(","))) if box else args.adapt
    with common.watched_steps() as watch:
        return edit_adapted(model, states, direction, strengths, region, args.layers, args.adapt_steps, watch)
