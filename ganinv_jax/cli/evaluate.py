"""Compute a model's figures against real pictures: report.json and a sheet of pictures.

generation: how often the pictures of seeds 0, 1, ... are recognised as one of CLASSES by a classifier that training
never looked through, and how much they differ, beside the same of real pictures; and how far both sets are apart, as
Frechet distance, kernel distance, precision and recall.
inpainting: real pictures with a hole each, completed in several ways: what is kept of the known pixels, and how much
the completions differ inside of the hole and outside; and how much the random code has to say, on generated pictures.

All figures are of un-composited pictures. The figures' names say through which network they were computed.
"""

import argparse
import functools
import itertools
import json
from typing import Any

from ganinv_jax.cli import common
from ganinv_jax.core.errors import InputError

UNSEEN_SEEDS = range(1_000_000, 1_000_256)
SHEET_ROWS = 4  # of the best, of the median and of the worst pictures
IN_GRID = 64


def add_arguments(parser: argparse.ArgumentParser) -> None:
    count = functools.partial(common.whole, least=2, most=1_000_000)
    parser.add_argument("protocol", choices=("generation", "inpainting"))
    parser.add_argument("--data", required=True, metavar="PICTURES", help="real pictures: a folder, a zip or tfds:NAME")
    parser.add_argument("--num", type=count, metavar="N", help="how many of them, and of generated ones (default: all)")
    parser.add_argument("--classes", type=common.seeds, default=[], metavar="LIST", help="ImageNet's, such as 281-293")
    parser.add_argument("--holes", default="large", metavar="NAME", help="the holes' preset (default: large)")
    parser.add_argument("--samples", type=count, default=4, metavar="N", help="completions a picture (default: 4)")
    common.add_model(parser)
    common.add_out(parser)


def run(args: argparse.Namespace) -> None:
    out = common.output_folder(args.out)

    from ganinv_jax.core import devices
    from ganinv_jax.core.files import atomic_files
    from ganinv_jax.core.images import write_png
    from ganinv_jax.data.holes import HOLE_PRESETS
    from ganinv_jax.data.sources import open_source
    from ganinv_jax.pipelines import load

    if args.holes not in HOLE_PRESETS:
        raise InputError(f"--holes must be one of {', '.join(HOLE_PRESETS)}, but it is {args.holes!r}.")
    devices.enable_compilation_cache()
    devices.keep_host_memory()
    source, model = open_source(args.data), load(args.model, args.compute)
    num = args.num or len(source)
    if num > len(source) or num < 2:
        raise InputError(f"{args.data} holds {len(source)} pictures, but {max(num, 2)} are needed; give --num or more.")
    figures, sheet = _PROTOCOLS[args.protocol](args, model, source, num)
    asked = {"command": f"evaluate {args.protocol}", "model": model.name, "data": args.data, "num": num}
    report = asked | figures
    with atomic_files(out) as folder:
        write_png(folder / "sheet.png", sheet)
        text = json.dumps(report, indent=2, allow_nan=False) + "\n"
        (folder / "report.json").write_text(text, encoding="utf-8")
    for name, value in _flat(figures):
        print(f"{name:<50} {value}")
    print(f"Wrote report.json and sheet.png to {out}.")


def _generation(args: argparse.Namespace, model: Any, source: Any, num: int) -> tuple[dict[str, Any], Any]:
    import numpy as np

    from ganinv_jax.core.images import grid
    from ganinv_jax.evaluation.generation import evaluate_generation

    fakes = np.stack(list(model.draw(range(num))))
    reals = np.stack([photo for _, photo in _photos(source, num, model.config.resolution)])
    figures = evaluate_generation(fakes, reals, _networks(), args.classes)
    return {"classes": args.classes, **figures}, grid(fakes[:IN_GRID], columns=8)


def _inpainting(args: argparse.Namespace, model: Any, source: Any, num: int) -> tuple[dict[str, Any], Any]:
    import numpy as np
    from tqdm import tqdm

    from ganinv_jax.core.images import grid
    from ganinv_jax.evaluation.inpainting import evaluate_listening, evaluate_photos
    from ganinv_jax.losses.perceptual import PerceptualDistance

    modules, variables = model.inpainter
    distances = [PerceptualDistance(network, size=network.size // 32 * 32) for network in _networks()]
    photos = _photos(source, num, model.config.resolution)
    with tqdm(total=num, unit=" photos", leave=False, disable=None) as bar:

        def done(count: int) -> None:
            bar.update()

        found = evaluate_photos(modules, variables, photos, args.holes, args.samples, distances, done)
    listening = evaluate_listening(modules, variables, UNSEEN_SEEDS, args.holes)
    order = sorted(range(num), key=lambda i: -found.each[i]["psnr_known"])
    middle = max(0, num // 2 - SHEET_ROWS // 2)
    shown = dict.fromkeys([*order[:SHEET_ROWS], *order[middle : middle + SHEET_ROWS], *order[-SHEET_ROWS:]])
    sheet = grid(np.concatenate([found.rows[i] for i in shown]), columns=args.samples + 2)
    asked = {"holes": args.holes, "samples": args.samples}
    return {**asked, "photos": found.means, "generated": listening, "each": found.each}, sheet


_PROTOCOLS = {"generation": _generation, "inpainting": _inpainting}


def _networks() -> list[Any]:
    """EfficientNet-Lite2, which no training looks through, and Lite0, which some does."""
    from ganinv_jax.models.features import load_features

    return [load_features(name) for name in ("efficientnet_lite2", "efficientnet_lite0")]


def _photos(source: Any, num: int, side: int) -> Any:
    """(name, picture at the model's resolution) of the first pictures."""
    from ganinv_jax.core.images import fit_square

    for index in itertools.islice(range(len(source)), num):
        example = source[index]
        yield example["name"], fit_square(example["image"], side)


def _flat(figures: dict[str, Any], prefix: str = "") -> Any:
    """Single figures by their path, without lists."""
    for name, value in figures.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        elif not isinstance(value, list):
            yield prefix + name, value
