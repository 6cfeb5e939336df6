"""Look through pictures to train on: how many, how large, what is made of unusual ones, and which are broken.

With a second argument they are also written as a TFDS data set of ArrayRecord files, which --config.data.source then
takes as tfds:NAME/SPLIT. Folders named train, validation and test become splits; else all pictures are 'train'.
"""

import argparse
from typing import TYPE_CHECKING

from ganinv_jax.core.errors import InputError

if TYPE_CHECKING:
    from ganinv_jax.data.survey import Survey

SIDES = (32, 64, 128, 256, 512, 1024)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("pictures", metavar="PICTURES", help="a folder or a zip")
    parser.add_argument(
        "to", nargs="?", metavar="tfds:NAME", help="the data set to write; tfds:DIR/NAME for another place than TFDS's"
    )


def run(args: argparse.Namespace) -> None:
    from ganinv_jax.data.sources import FileSource, open_source
    from ganinv_jax.data.survey import survey

    source = open_source(args.pictures)
    if not isinstance(source, FileSource):
        raise InputError(f"The pictures must lie in one folder or one zip, but got {args.pictures}.")
    found = survey(source)
    print(f"{args.pictures}: {_pictures(len(source))}.")
    print("\n".join(_told(found)))
    if not len(found.sides):
        raise InputError(f"Some picture in {source} must be whole, but all are broken; name another folder or zip.")
    if args.to:
        from ganinv_jax.data.tfds_builder import prepare

        for split, count in prepare(source, args.to).items():
            print(f"Wrote {_pictures(count)}: --config.data.source={args.to}/{split}")


def _told(found: "Survey") -> list[str]:
    what = {
        "with shades of gray alone, trained on as RGB": found.gray,
        "transparent in part, laid over white": found.transparent,
        "turned upright as their EXIF data says": found.turned,
        "animated, of which the first frame counts": found.animated,
        "broken and left out": len(found.broken),
    }
    lines = [f"  {count:>6} {text}" for text, count in what.items() if count]
    lines += [f"         {sentence}" for sentence in found.broken]
    if len(found.sides):
        lines += [f"The largest centred square of each is taken: {found.sides.min()} to {found.sides.max()} px wide."]
    enlarged = {side: int((found.sides < side).sum()) for side in SIDES}
    some = [f"{count} at {side} px" for side, count in enlarged.items() if 0 < count < len(found.sides)]
    if some:
        lines += [f"Smaller ones are enlarged in training: {', '.join(some)}."]
    return lines


def _pictures(count: int) -> str:
    return f"{count:,} picture{'' if count == 1 else 's'}"
