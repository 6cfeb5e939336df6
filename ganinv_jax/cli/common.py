"""Arguments that several verbs share."""

import argparse
import contextlib
import functools
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ganinv_jax.core.errors import InputError

if TYPE_CHECKING:
    from ganinv_jax.inversion.engine import Progress
    from ganinv_jax.pipelines import Model

MOST_SEEDS = 100_000
MOST_PICTURES = 1_000_000
MOST_NUMBERS = 100


def add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model",
        metavar="MODEL",
        help="a model folder, a bundled name or an official file (default: the bundled one)",
    )
    parser.add_argument(
        "--compute",
        choices=("fp32", "bf16", "source"),
        default="fp32",
        help="fp32: the same figures on every machine; source: half precision where the official code uses it",
    )


def add_out(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out", required=True, metavar="DIR", help="where the files go; those of the same names are replaced"
    )


def add_class(parser: argparse.ArgumentParser) -> None:
    index = functools.partial(whole, least=0, most=10**6)
    parser.add_argument("--class-idx", type=index, metavar="I", help="the class, where the model has classes")


def add_reference(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--reference", metavar="PICTURES", help="more real pictures: what they score shows how far figures can go"
    )


def open_model(args: argparse.Namespace, default: str | None = None) -> "Model":
    """The model that --model names, or `default`, with programs kept on disk and host memory kept for the next step."""
    from ganinv_jax.core import devices
    from ganinv_jax.pipelines import load

    devices.enable_compilation_cache()
    devices.keep_host_memory()
    return load(args.model or default, args.compute)


@contextlib.contextmanager
def watched_steps() -> Iterator[Callable[["Progress"], bool]]:
    """A progress bar of an optimisation, which it is to tell of its steps; the answer is whether Ctrl-C was pressed."""
    from tqdm import tqdm

    from ganinv_jax.training.stopping import StopRequest

    with StopRequest() as stop, tqdm(unit="step", leave=False, disable=None) as bar:

        def watch(progress: "Progress") -> bool:
            bar.total = progress.total
            bar.set_postfix(loss=f"{progress.loss:.4g}", refresh=False)
            bar.update(progress.done - bar.n)
            return stop.requested

        yield watch


def output_folder(text: str) -> Path:
    """The folder to write to. Raises InputError, before anything is computed, where a file is in its place."""
    path = Path(text).expanduser()
    for place in (path, *path.parents):
        if place.exists():
            if not place.is_dir():
                raise InputError(f"--out must name a folder, but {place} is a file; give another name.")
            break
    return path


def seeds(text: str) -> list[int]:
    """Seeds such as '0-3,7', in the order given."""
    found: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise argparse.ArgumentTypeError(f"seeds must be whole numbers and ranges such as 0-3,7, but got {text!r}")
        start, stop = int(first), int(last if dash else first)
        if stop < start or stop >= 2**32:
            raise argparse.ArgumentTypeError(f"a range of seeds must rise and stay below 4294967296, but got {part!r}")
        if len(found) + stop - start >= MOST_SEEDS:
            raise argparse.ArgumentTypeError(f"at most {MOST_SEEDS} seeds can be drawn at once, but {text!r} has more")
        found += range(start, stop + 1)
    return found


def seed(text: str) -> int:
    """One seed."""
    return whole(text, 0, 2**32 - 1)


def whole(text: str, least: int, most: int) -> int:
    """A whole number within limits."""
    if not text.isdecimal() or not least <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"must be a whole number from {least} to {most}, but got {text!r}")
    return int(text)


def count(text: str) -> int:
    """A number of pictures, two at least."""
    return whole(text, 2, MOST_PICTURES)


def some(text: str) -> int:
    """A number of things, one at least."""
    return whole(text, 1, MOST_PICTURES)


def number(text: str) -> float:
    """A finite number."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"must be a finite number, but got {text!r}")
    return value


def numbers(text: str) -> list[float]:
    """Finite numbers such as '-2,-1,0.5'; see `allow_negative_lists`."""
    found = [number(part) for part in text.split(",")]
    if len(found) > MOST_NUMBERS:
        raise argparse.ArgumentTypeError(f"at most {MOST_NUMBERS} numbers can be given, but there are {len(found)}")
    return found


def allow_negative_lists(parser: argparse.ArgumentParser) -> None:
    """Have the parser take '-2,-1,0' for a value, not for an option."""
    parser._negative_number_matcher = re.compile(r"-[\d.]")
