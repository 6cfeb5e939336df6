"""Find the codes of photos: DIR/PHOTO/{reconstruction.png, state.npz, losses.csv, losses.png} for every photo, grid.png
(photo | what the task leaves of it | reconstruction) and report.json.

The centred square of each photo is inverted, at the model's resolution. Ctrl-C writes the best so far and exits with
code 3. With --save-video, DIR/PHOTO/video.gif shows the way there. To go on from codes that there are already, give
--option start=DIR, which is what `ganinv invert` or `ganinv inpaint` wrote.
"""

import argparse
import ast
import functools
from typing import Any

from ganinv_jax.cli import common
from ganinv_jax.core.errors import StoppedError

# What `pipelines.invert.invert` takes beside them.
NO_OPTIONS = ("model", "photos", "method", "task", "steps", "seed", "class_idx", "watch", "video")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("photos", nargs="+", metavar="PHOTO", help="picture files")
    parser.add_argument(
        "--method",
        default="projector",
        metavar="NAME",
        help="encoder, projector, image2stylegan, image2stylegan++, mganprior, idinvert, pti, csgm, partial, lipton, "
        "creswell, igan, layerwise or photo-manipulation (default: projector)",
    )
    parser.add_argument(
        "--task",
        default="inversion",
        metavar="NAME",
        help="inversion, inpainting, colorization, super-resolution, denoising, partial or random-projection: what the "
        "method gets to see of the photo; diffusion, crossover or scribble: with which other picture it is joined "
        "(default: inversion, all of the photo)",
    )
    steps = functools.partial(common.whole, least=0, most=10_000_000)
    parser.add_argument("--steps", type=steps, metavar="N", help="in all (default: the published number)")
    parser.add_argument(
        "--seed", type=common.seed, default=0, metavar="SEED", help="of the random numbers (default: 0)"
    )
    parser.add_argument(
        "--option",
        action="append",
        default=[],
        type=option,
        metavar="NAME=VALUE",
        help="of the method or the task, such as codes=10, hole=HOLE.png or region=20,30,64,48; may be repeated",
    )
    common.add_class(parser)
    parser.add_argument(
        "--save-video",
        action="store_true",
        help="also video.gif, the photo beside what is drawn from step to step, in 120 frames at most",
    )
    common.add_model(parser)
    common.add_out(parser)


def run(args: argparse.Namespace) -> None:
    out = common.output_folder(args.out)

    from ganinv_jax.pipelines.invert import invert

    model = common.open_model(args)
    with common.watched_steps() as watch:
        given = (args.photos, args.method, args.task, args.steps, args.seed, args.class_idx)
        result = invert(model, *given, watch=watch, video=args.save_video, **dict(args.option))
        result.save(out)
    print(_summary(result.report, out))
    for entry in result.report["pictures"]:
        if "diverged" in entry:
            told = f"{entry['name']} diverged at step {entry['diverged']}; its best before that was kept."
            print(f"{told} Another seed or start, or a lower rate where the method has one, may do better.")
    if result.report["stopped"]:
        raise StoppedError(f"Stopped after {result.report['steps']} steps; {out} has the best so far.")


def option(text: str) -> tuple[str, Any]:
    """A Python literal where it is one, else the text."""
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise argparse.ArgumentTypeError(f"must be NAME=VALUE, as codes=10, not {text!r}")
    if name in NO_OPTIONS:
        raise argparse.ArgumentTypeError(f"must name an option of the method or the task, not {name!r}; see --help")
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value


def _summary(report: dict[str, Any], out: Any) -> str:
    pictures = report["pictures"]
    mean = sum(entry["psnr"] for entry in pictures) / len(pictures)
    count = f"{len(pictures)} photo{'s' if len(pictures) > 1 else ''}"
    spent = f"{report['seconds']:.1f} s: {mean:.1f} dB after {report['steps']} steps"
    return f"Wrote the codes of {count} to {out} in {spent}."
