"""Opens a weight file: a plain pickle, a torch zip, or torch's older format of several pickles in a row."""

import mmap
import os
from pathlib import Path
from typing import Any

import numpy as np

from ganinv_jax.core.errors import InputError
from ganinv_jax.core.torchfile import legacy, limits, zipped
from ganinv_jax.core.torchfile.hints import other_format
from ganinv_jax.core.torchfile.opcodes import interpret
from ganinv_jax.core.torchfile.values import resolve


def read(source: str | os.PathLike | bytes) -> Any:
    """Read a pickle or torch weight file into plain values, without torch and without running anything it names.

    Tensors and arrays become numpy arrays (bf16 as `ml_dtypes.bfloat16`), read-only views with the strides they were
    stored with; OrderedDict, EasyDict and Namespace become dicts. NVIDIA's persistent objects and TensorFlow networks
    stay `Call` records. The file is memory-mapped, and its tensors are views of it.

    Raises InputError for anything else: another kind of file, a damaged one, a name or a size that no weight needs.
    """
    data = memoryview(source) if isinstance(source, bytes | bytearray) else _mapped(Path(source))
    hint = other_format(data)
    if hint:
        raise InputError(hint)
    if bytes(data[:2]) == b"PK":
        return zipped.load(data, lambda content: _nested(content, 1))
    return _load_pickles(data, depth=0)


def _mapped(path: Path) -> memoryview:
    try:
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_size == 0:  # an empty file cannot be mapped
                return memoryview(b"")
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except OSError as error:
        raise InputError(f"The file {str(path)!r} cannot be read: {error.strerror or error}.") from error


def _load_pickles(data: memoryview, depth: int) -> Any:
    """A plain pickle, or the older torch format, which starts with the pickle of an integer."""

    def nested(content: bytes | memoryview) -> np.ndarray:
        return _nested(content, depth + 1)

    value, end = interpret(data)
    if isinstance(value, int) and not isinstance(value, bool):
        return legacy.load(data, value, end, nested)
    if end != len(data):
        raise InputError(f"The file goes on after its pickle ends (byte {end} of {len(data)}); it was refused.")
    return resolve(value, _no_storage, nested)


def _nested(content: bytes | memoryview, depth: int) -> np.ndarray:
    if depth > limits.NESTED_FILES:
        raise InputError("A storage inside the file holds another file; no weight file needs that.")
    value = _load_pickles(memoryview(content), depth)
    if not isinstance(value, np.ndarray):
        raise InputError("A storage inside the file is something else than a storage.")
    return value


def _no_storage(key: Any) -> np.ndarray:
    raise InputError(
        f"The pickle refers to data outside itself (persistent id {str(key)[:60]}), which a plain pickle cannot have."
    )
