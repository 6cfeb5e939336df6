"""Fill a hole in a photo in several ways: completion_00.png and so on, grid.png (photo | erased | completions),
state.npz to go on from, and report.json.

The centred square of the photo is completed, at the model's resolution. Completion j comes from seed SEED + j.

Without PHOTO and without a hole, scikit-image's photo of the cat Chelsea (CC0) is the example. It shows less than the
pictures of whole heads that the bundled model knows, so it is laid on a larger canvas, and the missing ears and
surroundings are drawn. DIR/patch gets a second example, with a patch of the face erased as well.
"""

import argparse
import functools
from collections.abc import Iterator
from typing import Any

from ganinv_jax.cli import common
from ganinv_jax.core.errors import InputError

CHELSEA = "Chelsea (scikit-image, CC0)"
# Left, top and side in pixels of the 451x300 photo: eyes and nose then lie where they lie in AFHQ's cats on average.
CHELSEA_FRAME = (-11, -141, 517)
CHELSEA_PATCH = (250, 80, 120, 120)  # left, top, width, height: one eye and the cheek below it


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("photo", nargs="?", metavar="PHOTO", help="a picture file (default: the example)")
    holes = parser.add_mutually_exclusive_group()
    holes.add_argument("--hole", metavar="HOLE.png", help="of the photo's size, white where pixels are missing")
    holes.add_argument("--hole-box", type=_box, metavar="X,Y,W,H", help="a box, in pixels of the photo")
    holes.add_argument(
        "--hole-preset",
        metavar="NAME",
        help="a drawn hole: small, large, box, center, half, border, lama-thick, …",
    )
    seed = common.seed
    parser.add_argument("--hole-seed", type=seed, default=0, metavar="N", help="which hole of the preset (default: 0)")
    samples = functools.partial(common.whole, least=1, most=1000)
    parser.add_argument("--samples", type=samples, default=4, metavar="N", help="how many completions (default: 4)")
    parser.add_argument("--seed", type=seed, default=0, metavar="SEED", help="of the first completion (default: 0)")
    parser.add_argument("--composite", action="store_true", help="paste the known pixels over the completions")
    common.add_model(parser)
    common.add_out(parser)


def run(args: argparse.Namespace) -> None:
    out = common.output_folder(args.out)
    chosen = args.hole or args.hole_box or args.hole_preset
    if args.photo and not chosen:
        raise InputError("A photo needs a hole; give --hole, --hole-box or --hole-preset.")

    model = common.open_model(args)
    side = model.config.resolution
    for folder, photo, hole in [_given(args, side)] if chosen else _examples(side):
        result = model.inpaint(photo, hole, args.samples, args.seed, args.composite)
        result.save(out / folder)
        print(_summary(result.report, out / folder))


def _given(args: argparse.Namespace, side: int) -> tuple[str, Any, Any]:
    """(folder below DIR, photo, hole) as the arguments say; `side` is the model's resolution."""
    from ganinv_jax.core.images import fit_square, read_photo

    photo = read_photo(args.photo or _chelsea(), args.photo or CHELSEA)
    if args.hole_preset:
        return "", fit_square(photo, side), _drawn(args.hole_preset, side, args.hole_seed)
    return "", photo, args.hole or _boxed(args.hole_box, photo.shape[:2])


def _examples(side: int) -> Iterator[tuple[str, Any, Any]]:
    """Chelsea on the larger canvas: with all of the photo known, and with a patch of it erased."""
    from ganinv_jax.core.images import frame, resize_hole, resize_photo

    photo = _chelsea()
    canvas, beyond = frame(photo, CHELSEA_FRAME)
    patch, _ = frame(_boxed(CHELSEA_PATCH, photo.shape[:2])[..., None], CHELSEA_FRAME)
    square = resize_photo(canvas, (side, side)).copy()
    square[resize_hole(beyond, (side, side))] = 255
    yield "", square, resize_hole(beyond, (side, side))
    yield "patch", square, resize_hole(beyond | patch[..., 0], (side, side))


def _chelsea() -> Any:
    from skimage import data

    return data.chelsea()


def _drawn(preset: str, side: int, seed: int) -> Any:
    import numpy as np

    from ganinv_jax.data.holes import sample_hole

    return sample_hole(preset, side, np.random.default_rng(seed))


def _boxed(box: tuple[int, int, int, int], size: tuple[int, int]) -> Any:
    """The hole of a photo of `size` (height, width); what of the box lies beyond it is left out."""
    import numpy as np

    left, top, width, height = box
    hole = np.zeros(size, bool)
    hole[max(top, 0) : max(top + height, 0), max(left, 0) : max(left + width, 0)] = True
    if not hole.any():
        raise InputError(f"The hole's box must overlap the photo of {size[1]}x{size[0]} pixels, but {box} does not.")
    return hole


def _box(text: str) -> tuple[int, int, int, int]:
    try:
        left, top, width, height = (int(part) for part in text.split(","))
    except ValueError:
        width = height = 0
    if width < 1 or height < 1:
        raise argparse.ArgumentTypeError(f"must be left,top,width,height in whole pixels, as 10,20,64,48, not {text!r}")
    return left, top, width, height  # type: ignore[possibly-unbound]


def _summary(report: dict[str, Any], folder: Any) -> str:
    pictures = report["pictures"]
    known = sum(entry["psnr_known"] for entry in pictures) / len(pictures)
    text = f"Wrote {len(pictures)} completions to {folder} in {report['seconds']:.1f} s: known pixels {known:.1f} dB"
    if "diversity_hole" not in pictures[0]:
        return text + "."
    hole, rest = (sum(p[key] for p in pictures) / len(pictures) for key in ("diversity_hole", "diversity_known"))
    return f"{text}, feature distance {hole:.4f} inside of the hole and {rest:.4f} outside."
