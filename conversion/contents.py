"""What any supported file holds, as plain values: pickles and torch files, and NumPy's .npy and .npz."""

import io
import math
import os
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from ganinv_jax.core import torchfile
from ganinv_jax.core.errors import InputError
from ganinv_jax.core.torchfile.limits import AXES

# NumPy files are directions here, of at most some hundred kilobytes; a large collection of them fits.
LARGEST_ARRAYS = 64 << 20
MOST_ARRAYS = 1000

_MAGIC = b"\x93NUMPY"
_NUMBERS = "fiub"  # kinds of numpy types: floats, integers, truth values
# What reading a damaged header or archive can end in.
_HEADER_FAULTS = (ValueError, SyntaxError, TypeError, OverflowError, RecursionError, MemoryError, tokenize.TokenError)
_ZIP_FAULTS = (
    *(zipfile.BadZipFile, zlib.error, EOFError, OSError),
    *(NotImplementedError, RuntimeError, ValueError, OverflowError),
)


def read(path: str | os.PathLike) -> Any:
    """The content of a file: an array for .npy, a table of arrays for .npz, else what `torchfile.read` gives.

    The kind is told by the content, not by the name; nothing is unpickled. Raises InputError for a file of another
    kind, a damaged one, or NumPy files that hold objects or more than 64 MiB.
    """
    path = Path(path).expanduser()
    try:
        with open(path, "rb") as file:
            start = file.read(len(_MAGIC))
    except OSError as error:
        raise InputError(f"The file {str(path)!r} cannot be read: {error.strerror or error}.") from error
    if start == _MAGIC:
        _check_size(path.stat().st_size, path.name)
        return _array(path.read_bytes(), path.name)
    if start[:2] == b"PK":
        arrays = _archive(path)
        if arrays is not None:
            return arrays
    return torchfile.read(path)


def _archive(path: Path) -> dict[str, np.ndarray] | None:
    """The arrays of an .npz by name; None for a zip file of another kind."""
    try:
        archive = zipfile.ZipFile(path)
    except _ZIP_FAULTS:
        return None  # torch files are zip files too; their reader says what is wrong
    try:
        with archive:
            members = archive.infolist()
            if not members or not all(member.filename.endswith(".npy") for member in members):
                return None
            if len(members) > MOST_ARRAYS:
                raise InputError(f"{path.name} must hold at most {MOST_ARRAYS} arrays, but holds {len(members)}.")
            _check_size(sum(member.file_size for member in members), path.name)
            return {
                member.filename.removesuffix(".npy"): _array(archive.read(member), f"{path.name}/{member.filename}")
                for member in members
            }
    except _ZIP_FAULTS as error:
        raise InputError(f"{path.name} must be a whole zip file, but is damaged ({error}); fetch it again.") from error


def _array(content: bytes, name: str) -> np.ndarray:
    """The array of an .npy file: a read-only view of its bytes."""
    file = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(file)
        read_header = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }.get(version)
        if read_header is None:
            raise InputError(f"{name} must be of NumPy's format 1 or 2, but is of {version[0]}; save it again.")
        shape, fortran_order, dtype = read_header(file)
    except _HEADER_FAULTS as error:
        raise InputError(f"{name} must be a whole NumPy file, but is damaged; fetch it again.") from error
    if dtype.hasobject:
        raise InputError(f"{name} must hold numbers, but holds pickled objects, which are never read; save an array.")
    if dtype.kind not in _NUMBERS:
        raise InputError(f"{name} must hold numbers, but is of type {dtype}.")
    data = content[file.tell() :]
    whole = min(shape, default=1) > 0 and math.prod(shape) * dtype.itemsize == len(data)
    if not whole or len(shape) > AXES:
        raise InputError(f"{name} is empty, truncated or damaged: {len(data)} bytes of numbers for a shape {shape}.")
    array = np.frombuffer(data, dtype)
    return array.reshape(shape, order="F" if fortran_order else "C")


def _check_size(size: int, name: str) -> None:
    if size > LARGEST_ARRAYS:
        raise InputError(f"{name} must be at most {LARGEST_ARRAYS >> 20} MiB as arrays, but needs {size >> 20} MiB.")
