"""Files in a folder or a zip under one roof, and what their names say: pictures, the masks of pictures, labels."""

import json
import os
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

import numpy as np

from ganinv_jax.core.errors import BrokenFileError, InputError

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"})
"""The files that count as pictures; whatever else lies beside them (README.txt, index.csv) is passed over."""


class Files(Protocol):
    """Named files; `str()` gives the place that messages name."""

    def names(self) -> list[str]:
        """All files below the root, sorted, as relative POSIX paths."""
        ...

    def read(self, name: str) -> bytes:
        """The content of one file. Raises InputError naming a file that cannot be read: BrokenFileError where its
        content is at fault."""
        ...


class Folder:
    """The files below a folder."""

    def __init__(self, root: Path):
        if not root.is_dir():
            raise InputError(f"The source folder:{root} must be a folder, but it is a file; a zip is named zip:PATH.")
        self._root = root

    def __str__(self) -> str:
        return str(self._root)

    def names(self) -> list[str]:
        return sorted(path.relative_to(self._root).as_posix() for path in self._root.rglob("*") if path.is_file())

    def read(self, name: str) -> bytes:
        try:
            return (self._root / name).read_bytes()
        except OSError as error:
            raise InputError(f"{name} in {self} cannot be read ({error.strerror}); check the file.") from error


class Zip:
    """The files in a zip. `zipfile` locks among threads; each process opens its own handle, since a fork would share
    the position in the file."""

    def __init__(self, path: Path):
        if not zipfile.is_zipfile(path):
            raise InputError(f"The source {path} must be a folder or a whole zip file, but it is neither.")
        self._path = path
        self._handle: tuple[int, zipfile.ZipFile] | None = None

    def __str__(self) -> str:
        return str(self._path)

    def __getstate__(self) -> dict[str, Any]:
        return {"_path": self._path, "_handle": None}

    def names(self) -> list[str]:
        try:
            return sorted(entry.filename for entry in self._zip().infolist() if not entry.is_dir())
        except (zipfile.BadZipFile, OSError) as error:
            raise InputError(f"The zip {self} cannot be read ({error}); copy it anew.") from error

    def read(self, name: str) -> bytes:
        try:
            return self._zip().read(name)
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise BrokenFileError(f"{name} in {self} is broken ({error}); make the zip anew.") from error
        except (OSError, RuntimeError, NotImplementedError) as error:
            raise InputError(f"{name} in {self} cannot be read ({error}); make the zip anew.") from error

    def _zip(self) -> zipfile.ZipFile:
        if self._handle is None or self._handle[0] != os.getpid():
            self._handle = (os.getpid(), zipfile.ZipFile(self._path))
        return self._handle[1]


def picture_names(names: Sequence[str]) -> list[str]:
    """Those that are pictures by their suffix, without hidden files and what macOS adds to zips."""
    paths = [PurePosixPath(name) for name in names]
    return [str(path) for path in paths if path.suffix.lower() in SUFFIXES and not any(map(_hidden, path.parts))]


def pair_masks(pictures: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Tell pictures from masks: (the pictures, {picture: its mask} for those that have one).

    A mask lies in `ROOT/masks/...` where there also are pictures in `ROOT/images/...`; they pair by path and stem.
    """
    roots = {_root(name, "images") for name in pictures} - {None}
    masks = {_stem(name): name for name in pictures if _root(name, "masks") in roots}
    kept = [name for name in pictures if _root(name, "masks") not in roots]
    pairs = {name: masks.get(_mask_stem(name)) for name in kept}
    return kept, {name: mask for name, mask in pairs.items() if mask is not None}


def read_labels(files: Files, names: Sequence[str]) -> np.ndarray | None:
    """The labels in `dataset.json`, float32 [n, c_dim] in the order of `names`; None where it says it has none.

    The format is that of NVIDIA's dataset_tool.py: pairs of a name and either a class, which becomes one-hot, or a
    vector. Raises InputError for another format or a picture without a label.
    """
    try:
        table = json.loads(files.read("dataset.json"))["labels"]
        if table is None:
            return None
        labels = dict(table)
        rows = np.asarray([labels[name] for name in names])
    except KeyError as error:
        raise InputError(f"dataset.json in {files} must label every picture, but it has no {error}; add it.") from error
    except (ValueError, TypeError) as error:
        raise InputError(
            f'dataset.json in {files} must read {{"labels": [[name, class or vector], ...]}}, but it does not '
            f"({error}); write it as NVIDIA's dataset_tool.py does."
        ) from error
    if rows.ndim == 1 and rows.dtype.kind == "i" and rows.min() >= 0:
        return np.eye(rows.max() + 1, dtype=np.float32)[rows]
    if rows.ndim == 2 and rows.dtype.kind in "if":
        return rows.astype(np.float32)
    raise InputError(
        f"The labels in {files} must all be classes from 0 on, or all be vectors of one length; correct them."
    )


def _hidden(part: str) -> bool:
    return part.startswith(".") or part == "__MACOSX"


def _root(name: str, folder: str) -> str | None:
    """What stands before the last folder of that name ('' or a path with its final slash); None without one."""
    before, found, _ = f"/{name}".rpartition(f"/{folder}/")
    return f"{before}/"[1:] if found else None


def _mask_stem(name: str) -> str:
    """What a picture's mask is called, without its suffix; a name that no mask has for a picture outside `images`."""
    root = _root(name, "images")
    return "" if root is None else f"{root}masks/{_stem(name)[len(root) + len('images/') :]}"


def _stem(name: str) -> str:
    return str(PurePosixPath(name).with_suffix(""))
