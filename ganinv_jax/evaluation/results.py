"""Folders of results and of holes: what one program writes and another can score."""

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, UInt8

from ganinv_jax.core.errors import InputError
from ganinv_jax.core.images import fit_square, read_hole, read_photo, write_png
from ganinv_jax.data.holes import HOLE_PRESETS, hole_batch
from ganinv_jax.data.sources import Source

HOLE_SEED = 0
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")


class Case(NamedTuple):
    """A photo at the scored square, and its hole (True where pixels are missing)."""

    name: str
    photo: UInt8[np.ndarray, "r r 3"]
    hole: Bool[np.ndarray, "r r"]


def stem_of(name: str) -> str:
    """The name that a picture's results go by: without its suffix, folders joined by '_'."""
    return "_".join(PurePosixPath(name).with_suffix("").parts)


def photo_at(source: Source, index: int, side: int) -> tuple[str, UInt8[np.ndarray, "r r 3"]]:
    """(stem, square) of a picture."""
    example = source[index]
    return stem_of(example["name"]), fit_square(example["image"], side)


class Squares(Sequence[UInt8[np.ndarray, "r r 3"]]):
    """The first `count` pictures of a source as squares, each read when it is asked for."""

    def __init__(self, source: Source, count: int, side: int):
        self._source, self._count, self._side = source, count, side

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index):  # of one picture
        return photo_at(self._source, range(self._count)[index], self._side)[1]


def case_at(source: Source, index: int, side: int, holes: str) -> Case:
    """A photo with its hole.

    holes: a preset, whose hole i is drawn with seed 0 and i; or a folder that holds `STEM.png` for each photo, white
    where pixels are missing. Raises InputError where a hole is missing or of another size than the square.
    """
    stem, photo = photo_at(source, index, side)
    if holes in HOLE_PRESETS:
        return Case(stem, photo, hole_batch(holes, HOLE_SEED, [index], side)[0, ..., 0] > 0)
    file = Path(holes).expanduser() / f"{stem}.png"
    if not file.is_file():
        raise InputError(f"Every photo must have its hole, but there is no {file}; name a folder that has all.")
    return Case(stem, photo, read_hole(file, (side, side), str(file)))


def check_holes(holes: str) -> str:
    """`holes` as it is if it is a preset or a folder. Raises InputError otherwise."""
    if holes in HOLE_PRESETS or Path(holes).expanduser().is_dir():
        return holes
    raise InputError(f"--holes must be a folder of holes or one of {', '.join(HOLE_PRESETS)}, but it is {holes!r}.")


def write_hole(folder: Path, case: Case) -> None:
    """Keep a case's hole in a folder that `case_at` reads."""
    write_png(folder / f"{case.name}.png", case.hole)


def write_results(folder: Path, stem: str, pictures: UInt8[np.ndarray, "k r r 3"]) -> None:
    """Keep a photo's completions as STEM_00.png, STEM_01.png, …, and no others of an earlier time."""
    for index, picture in enumerate(pictures):
        write_png(folder / f"{stem}_{index:02}.png", picture)
    more = (folder / f"{stem}_{index:02}.png" for index in itertools.count(len(pictures)))
    for file in itertools.takewhile(Path.is_file, more):
        file.unlink()


def read_results(folder: Path, stem: str, side: int, count: int) -> UInt8[np.ndarray, "k r r 3"]:
    """Somebody's results for a photo: STEM_00.png, STEM_01.png, …, or the one STEM.png (or .jpg, .webp).

    Raises InputError where there are not `count`, or where one is not of the square's size.
    """
    files = _results(folder, stem)
    if len(files) != count:
        raise InputError(f"Photos must have equally many results, {count}, but {folder} has {len(files)} for {stem}.")
    pictures = [read_photo(file) for file in files]
    for file, picture in zip(files, pictures, strict=True):
        if picture.shape != (side, side, 3):
            size = f"{picture.shape[1]}x{picture.shape[0]}"
            raise InputError(f"Results must all be of one size, {side}x{side}, but {file} is {size}; write them so.")
    return np.stack(pictures)


def results_like(folder: Path, stem: str) -> tuple[int, int]:
    """(how many results a photo has, their side): what those of all others must have too.

    Raises InputError where there are none, or where the first is no square.
    """
    files = _results(folder, stem)
    height, width = read_photo(files[0]).shape[:2]
    if height != width:
        raise InputError(f"Results must be squares, but {files[0]} is {width}x{height}; score what the model drew.")
    return len(files), height


def check_names(names: Iterable[str]) -> None:
    """Raise InputError where two photos would go by one name, as a.png and a.jpg do: holes and results are by name."""
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise InputError(f"Photos must differ in more than their suffix, but two go by {twice[0]}; rename one.")


def _results(folder: Path, stem: str) -> list[Path]:
    whole = _picture(folder, stem)
    every = (_picture(folder, f"{stem}_{index:02}") for index in itertools.count())
    numbered = [file for file in itertools.takewhile(bool, every) if file]
    if whole and numbered:  # whose is cat_01.png where there are photos cat.png and cat_01.png?
        raise InputError(
            f"A photo must have one result or numbered ones, but {folder} has {whole.name} and "
            f"{numbered[0].name}; rename them."
        )
    if not whole and not numbered:
        raise InputError(f"Every photo must have results, but {folder} has no {stem}.png and no {stem}_00.png.")
    return [whole] if whole else numbered


def _picture(folder: Path, stem: str) -> Path | None:
    files = (folder / f"{stem}{suffix}" for suffix in SUFFIXES)
    return next((file for file in files if file.is_file()), None)
