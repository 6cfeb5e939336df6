"""Move pictures along a direction: edit_00_-1.png and so on (picture and strength), strip.png (a row a picture), and
report.json; with --gif also walk.gif.

DIR is what `ganinv inpaint` or `ganinv invert` wrote. The hole of a completion and the rest of it move together, and
strength 0 gives the completion back. Instead of DIR, --seeds draws pictures to edit.
"""

import argparse
from pathlib import Path
from typing import Any

from ganinv_jax.cli import common
from ganinv_jax.core.errors import InputError

STATE = "state.npz"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    common.allow_negative_lists(parser)
    parser.add_argument("folder", nargs="?", metavar="DIR", help="what ganinv inpaint or ganinv invert wrote")
    parser.add_argument("--seeds", type=common.seeds, metavar="LIST", help="edit the pictures of seeds, such as 0-3")
    parser.add_argument(
        "--direction",
        required=True,
        metavar="NAME|FILE",
        help="one that the model has, a file (FILE:NAME where it holds several), or a style channel: 32.conv1.17",
    )
    parser.add_argument(
        "--strength",
        type=common.numbers,
        default=[-2.0, -1.0, 0.0, 1.0, 2.0],
        metavar="LIST",
        help="how often the direction is added (default: -2,-1,0,1,2)",
    )
    parser.add_argument("--layers", type=common.seeds, metavar="LIST", help="the rows of W+ that move, such as 0-7")
    parser.add_argument("--no-skip", action="store_true", help="leave out the known pixels' features")
    parser.add_argument("--gif", action="store_true", help="also walk from the least strength to the greatest and back")
    common.add_model(parser)
    common.add_out(parser)


def run(args: argparse.Namespace) -> None:
    out = common.output_folder(args.out)
    if (args.folder is None) == (args.seeds is None):
        raise InputError("What is edited must be given either as DIR or as --seeds.")

    from ganinv_jax.core import devices
    from ganinv_jax.core.rng import seed_z
    from ganinv_jax.pipelines import load
    from ganinv_jax.pipelines.edit import edit_all

    devices.enable_compilation_cache()
    devices.keep_host_memory()
    states = {} if args.folder is None else _states(Path(args.folder).expanduser())
    made_by = next((state.model for state in states.values()), None)
    model = load(args.model or made_by, args.compute)
    given = states or {"seeds": model.map(seed_z(args.seeds, model.config.z_dim))}
    result = edit_all(model, given, args.direction, args.strength, args.layers, not args.no_skip, args.gif)
    result.save(out)
    count, name = len(result.report["pictures"]), result.report["direction"]
    print(f"Wrote {count} edits along {name} to {out} in {result.report['seconds']:.1f} s.")


def _states(folder: Path) -> dict[str, Any]:
    """The states of a folder, or of the folders in it, by name."""
    from ganinv_jax.pipelines.state import load_state

    if (folder / STATE).is_file():
        return {folder.name: load_state(folder / STATE)}
    files = sorted(folder.glob(f"*/{STATE}"))
    if not files:
        raise InputError(f"{folder} must hold {STATE}, as ganinv inpaint and ganinv invert write it, but does not.")
    return {file.parent.name: load_state(file) for file in files}
