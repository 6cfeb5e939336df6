"""Draw pictures from seeds: seed0000.png and so on, and a grid of the first 64.

Seed i gives the picture that NVIDIA's generate.py gives for it, whatever other seeds are drawn with it.
"""

import argparse
import functools

from ganinv_jax.cli import common

IN_GRID = 64  # of a thousand pictures at 1024 px the grid alone would take gigabytes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    index = functools.partial(common.whole, least=0, most=2**31 - 1)
    parser.add_argument("--seeds", required=True, type=common.seeds, metavar="LIST", help="such as 0-3,7")
    parser.add_argument(
        "--truncation-psi",
        type=common.number,
        default=1.0,
        metavar="PSI",
        help="below 1: nearer the mean (default: 1)",
    )
    parser.add_argument("--truncation-cutoff", type=index, metavar="N", help="truncate the first N rows of W+ only")
    parser.add_argument("--noise-mode", choices=("const", "random", "none"), default="const")
    common.add_class(parser)
    common.add_model(parser)
    common.add_out(parser)


def run(args: argparse.Namespace) -> None:
    out = common.output_folder(args.out)

    import numpy as np

    from ganinv_jax.core.images import grid, write_png

    model = common.open_model(args)
    pictures = model.draw(args.seeds, args.truncation_psi, args.truncation_cutoff, args.noise_mode, args.class_idx)
    first = []
    for seed, picture in zip(args.seeds, pictures, strict=True):
        write_png(out / f"seed{seed:04d}.png", picture)
        first += [picture] if len(first) < IN_GRID else []
    write_png(out / "grid.png", grid(np.stack(first), columns=int(np.ceil(np.sqrt(len(first))))))
    print(f"Wrote {len(args.seeds)} pictures and grid.png to {out}.")
