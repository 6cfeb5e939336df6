"""Files and folders that are written whole or not at all."""

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from ganinv_jax.core.errors import InputError


@contextlib.contextmanager
def atomic_file(path: str | os.PathLike) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` when the block ends well, remove it otherwise.

    The temporary name keeps the suffix, since NumPy and Pillow go by it. Missing parent folders are made, and an
    existing file is replaced. Raises InputError where the disk is full, the place is not writable, or `path` is a
    folder.
    """
    path = Path(path).absolute()
    with _writing(path):
        if path.is_dir():
            raise InputError(f"A file was to be written to {path}, but that is a folder; give a file's name.")
        with _temporary_beside(path) as temporary:
            yield temporary
            os.replace(temporary, path)


@contextlib.contextmanager
def atomic_folder(path: str | os.PathLike, overwrite: bool = False) -> Iterator[Path]:
    """Yield an empty temporary folder beside `path`; it becomes `path` when the block ends well, else it is removed.

    A `path` that holds something is replaced only with `overwrite`; the old folder is moved aside first and comes back
    if the new one cannot take its place. Raises InputError as `atomic_file` does, and where `path` holds something
    and `overwrite` is not set.
    """
    path = Path(path).absolute()
    with _writing(path):
        if path.exists() and not path.is_dir():
            raise InputError(f"A folder was to be written to {path}, but that is a file; give another name.")
        if path.exists() and any(path.iterdir()) and not overwrite:
            raise InputError(f"The folder {path} already holds something; empty it or give another name.")
        with _temporary_beside(path) as temporary:
            temporary.mkdir()
            yield temporary
            _swap(temporary, path)


@contextlib.contextmanager
def atomic_files(path: str | os.PathLike) -> Iterator[Path]:
    """Yield an empty temporary folder beside the folder `path`; its files move there when the block ends well.

    Files of the same names are replaced, others stay. If the block fails, nothing has changed in `path`. Raises
    InputError as `atomic_file` does, and where `path` is a file.
    """
    path = Path(path).absolute()
    with _writing(path), _temporary_beside(path) as temporary:
        temporary.mkdir()
        try:
            yield temporary
        except InputError as error:  # of a file inside, which has a name that nobody gave
            raise InputError(str(error).replace(str(temporary), str(path))) from error
        if path.exists() and not path.is_dir():
            raise InputError(f"Files were to be written into {path}, but that is a file; give a folder's name.")
        path.mkdir(exist_ok=True)
        for file in sorted(temporary.iterdir()):
            os.replace(file, path / file.name)


@contextlib.contextmanager
def _temporary_beside(path: Path) -> Iterator[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _hidden(path)
    try:
        yield temporary
    finally:  # After a good end the name is gone already. A failure to tidy up must not hide what went wrong.
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        # Writing to a full disk names no file at all; an error about some other file is not about this one.
        if error.filename is not None and not _concerns(Path(os.fsdecode(error.filename)), path):
            raise
        remedy = "free some space" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "choose another place"
        raise InputError(f"{path} must be writable, but it is not ({error.strerror or error}); {remedy}.") from error


def _concerns(name: Path, path: Path) -> bool:
    """Whether `name` is `path`, a folder above it, or its temporary name or something inside that."""
    temporary = any(part.startswith(f".{path.stem}.") for part in name.parts)
    return temporary or path.is_relative_to(name)


def _swap(new: Path, path: Path) -> None:
    if not path.exists():
        os.replace(new, path)
        return
    old = _hidden(path)
    os.replace(path, old)
    try:
        os.replace(new, path)
    except BaseException:
        os.replace(old, path)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _hidden(path: Path) -> Path:
    return path.with_name(f".{path.stem}.{secrets.token_hex(4)}{path.suffix}")
