"""Torch storages and tensors as numpy arrays: views of the file's bytes, never past a storage's end."""

import dataclasses
import math
from typing import Any

import ml_dtypes
import numpy as np

from ganinv_jax.core.errors import InputError
from ganinv_jax.core.torchfile import limits
from ganinv_jax.core.torchfile.records import Global

_BYTES = np.dtype(np.uint8)
STORAGES = {  # torch's names of storages -> types of elements
    "FloatStorage": np.dtype(np.float32),
    "DoubleStorage": np.dtype(np.float64),
    "HalfStorage": np.dtype(np.float16),
    "BFloat16Storage": np.dtype(ml_dtypes.bfloat16),
    "LongStorage": np.dtype(np.int64),
    "IntStorage": np.dtype(np.int32),
    "ShortStorage": np.dtype(np.int16),
    "CharStorage": np.dtype(np.int8),
    "ByteStorage": _BYTES,
    "BoolStorage": np.dtype(np.bool_),
    "UntypedStorage": _BYTES,
}
_DTYPES = {"bfloat16": np.dtype(ml_dtypes.bfloat16), "bool": np.dtype(np.bool_)} | {
    name: np.dtype(name)
    for name in (
        "float16",
        "float32",
        "float64",
        "uint8",
        "int8",
        "int16",
        "int32",
        "int64",
        "uint16",
        "uint32",
        "uint64",
    )
}


@dataclasses.dataclass(frozen=True)
class StorageKey:
    """A torch storage as a pickle refers to it: which record holds it, how many elements, of which type."""

    key: str
    dtype: np.dtype
    count: int
    view: tuple[str, int, int] | None = None  # key, offset and count where it is a part of another (old files)

    @property
    def nbytes(self) -> int:
        """Size in bytes."""
        return self.count * self.dtype.itemsize


def storage_key(key: Any) -> StorageKey:
    """Check torch's persistent tuple ('storage', type, key, location, count[, view]). Raises InputError."""
    if not isinstance(key, tuple) or len(key) not in (5, 6) or key[0] != "storage":
        raise InputError(f"A persistent id must be torch's tuple ('storage', ...), but is {str(key)[:80]}.")
    _, kind, name, _, count, *view = key
    if not isinstance(name, str) or not name.isalnum() and not name.replace("_", "").isalnum():
        raise InputError(f"The name of a storage must be letters and digits, but is {str(name)[:80]!r}.")
    if not _is_count(count):
        raise InputError(f"The storage {name!r} must have a count of elements, but has {count!r}.")
    return StorageKey(name, _storage_dtype(kind), count, _view(view[0] if view else None, name))


def storage_array(key: StorageKey, data: memoryview) -> np.ndarray:
    """The elements of a storage whose bytes are `data`; raises InputError unless there are exactly enough."""
    if len(data) != key.nbytes:
        raise InputError(
            f"The storage {key.key!r} needs {key.nbytes} bytes for {key.count} elements of {key.dtype}, "
            f"but its record has {len(data)}; fetch the file again."
        )
    if key.dtype == np.bool_:
        return np.frombuffer(data, np.uint8) != 0  # a byte other than 0 and 1 is no valid numpy bool
    return np.frombuffer(data, key.dtype)


def rebuild(storage: Any, offset: Any, size: Any, stride: Any, dtype: np.dtype | None = None) -> np.ndarray:
    """The tensor of `size` and `stride` (in elements) that starts at element `offset`: a read-only view."""
    if not isinstance(storage, np.ndarray) or storage.ndim != 1:
        raise InputError("A tensor of the file is not built on a storage.")
    if dtype is not None:
        storage = _retyped(storage, dtype)
    what = f"A tensor of size {str(size)[:80]}, stride {str(stride)[:80]} and offset {offset}"
    counts = isinstance(size, tuple) and isinstance(stride, tuple) and all(map(_is_count, (*size, *stride, offset)))
    if not counts or len(size) != len(stride) or len(size) > limits.AXES:
        raise InputError(f"{what} is not possible: these must be counts, as many strides as axes.")
    end = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True)) + 1 if 0 not in size else offset
    if end > storage.size:
        raise InputError(f"{what} reaches past the end of its storage of {storage.size} elements.")
    elements = math.prod(max(n, 1) for n in size)
    if elements > max(storage.size, limits.EXPANDED_ELEMENTS):
        raise InputError(f"{what} has {elements} elements, all from a storage of {storage.size}; that is no weight.")
    if 0 in size:
        return np.zeros(size, storage.dtype)
    steps = [step * storage.itemsize if n > 1 else storage.itemsize for n, step in zip(size, stride, strict=True)]
    return np.lib.stride_tricks.as_strided(storage[offset:], size, steps, writeable=False)


def torch_dtype(value: Any) -> np.dtype:
    """numpy's type for `torch.float32` and the like."""
    name = value.name if isinstance(value, Global) else str(value)
    if name not in _DTYPES:
        raise InputError(f"A tensor has type {name!r}, which is not supported; supported: {', '.join(_DTYPES)}.")
    return _DTYPES[name]


def _storage_dtype(kind: Any) -> np.dtype:
    name = kind.name if isinstance(kind, Global) else str(kind)[:80]
    if name not in STORAGES:
        raise InputError(f"A storage has type {name!r}, which is not supported; supported: {', '.join(STORAGES)}.")
    return STORAGES[name]


def _view(view: Any, name: str) -> tuple[str, int, int] | None:
    if view is None:
        return None
    if isinstance(view, tuple) and len(view) == 3 and isinstance(view[0], str) and all(map(_is_count, view[1:])):
        return view
    raise InputError(f"The storage {name!r} is a malformed view of another.")


def _retyped(storage: np.ndarray, dtype: np.dtype) -> np.ndarray:
    if storage.dtype != _BYTES or storage.size % dtype.itemsize:
        raise InputError(f"A storage of {storage.size} elements of {storage.dtype} cannot hold {dtype}.")
    return storage.view(dtype)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
