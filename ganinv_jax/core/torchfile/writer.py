"""Writes state dicts as torch's zip files, without torch.

Source: `_save` in torch/serialization.py and caffe2/serialize/inline_container.cc. The pickle is of protocol 2 and
names nothing but what `torch.load(weights_only=True)` allows.
"""

import os
import struct
import zipfile
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ganinv_jax.core.errors import InputError
from ganinv_jax.core.files import atomic_file
from ganinv_jax.core.torchfile.tensors import STORAGES

_FOLDER = "archive"
_ALIGNMENT = 64  # of the first byte of each member's data, as torch's own files have it; memory-mapping wants it
_LOCAL_HEADER = 30
_PADDING_FIELD = b"FB"  # the zip extra field that torch pads with
_KINDS = {dtype: name for name, dtype in reversed(STORAGES.items())}  # uint8 is ByteStorage, listed first


def write(path: str | os.PathLike, content: Mapping[str, Any]) -> None:
    """Write nested tables of arrays to `path` as a torch file, whole or not at all.

    content: dictionaries with text as keys, whose leaves are numpy arrays of types that torch has storages for; arrays
    of any strides are stored in C order. Raises InputError for other content, or where `path` cannot be written.
    """
    pickle = _Pickle(content)
    with atomic_file(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        _add(archive, "data.pkl", pickle.data)
        _add(archive, "byteorder", b"little")
        for key, array in enumerate(pickle.arrays):
            _add(archive, f"data/{key}", array.reshape(-1).view(np.uint8).data if array.size else b"")
        _add(archive, "version", b"3\n")


def _add(archive: zipfile.ZipFile, name: str, data: bytes | memoryview) -> None:
    """Add a member whose data begin at a multiple of the alignment."""
    info = zipfile.ZipInfo(f"{_FOLDER}/{name}")
    assert archive.fp is not None
    start = archive.fp.tell() + _LOCAL_HEADER + len(info.filename) + 4  # 4: the extra field's own header
    padding = -start % _ALIGNMENT
    info.extra = _PADDING_FIELD + struct.pack("<H", padding) + b"Z" * padding
    archive.writestr(info, data)  # type: ignore[arg-type]  # any buffer of bytes will do


class _Pickle:
    """The pickle `data` of the nested tables, and the `arrays` that it refers to, in the order of their keys."""

    def __init__(self, content: Mapping[str, Any]):
        self.arrays: list[np.ndarray] = []
        self.data = b"".join((b"\x80\x02", *self._value(content), b"."))

    def _value(self, value: Any) -> Iterable[bytes]:
        if isinstance(value, Mapping):
            yield from (b"}", b"(")
            for key, item in value.items():
                yield _text(key)
                yield from self._value(item)
            yield b"u"
        elif isinstance(value, np.ndarray) and value.dtype in _KINDS:
            yield self._tensor(value)
        else:
            what = f"an array of {value.dtype}" if isinstance(value, np.ndarray) else type(value).__name__
            raise InputError(f"A torch file can hold arrays of {', '.join(map(str, _KINDS))}, but was given {what}.")

    def _tensor(self, array: np.ndarray) -> bytes:
        """`_rebuild_tensor_v2(storage, offset, size, stride, requires_grad, backward_hooks)` as a call."""
        array = np.asarray(array, order="C")
        self.arrays.append(array)
        storage = _tuple(
            _text("storage"),
            _global("torch", _KINDS[array.dtype]),
            _text(str(len(self.arrays) - 1)),
            _text("cpu"),
            _number(array.size),
        )
        hooks = _global("collections", "OrderedDict") + b")R"
        strides = [step // array.itemsize for step in array.strides]
        return (
            _global("torch._utils", "_rebuild_tensor_v2")
            + _tuple(
                storage + b"Q",
                _number(0),
                _tuple(*map(_number, array.shape)),
                _tuple(*map(_number, strides)),
                b"\x89",
                hooks,
            )
            + b"R"
        )


def _text(text: Any) -> bytes:
    if not isinstance(text, str):
        raise InputError(f"The names in a torch file must be text, but one is {text!r}.")
    encoded = text.encode()
    return b"X" + struct.pack("<I", len(encoded)) + encoded


def _number(number: int) -> bytes:
    """LONG1: an integer of any size."""
    encoded = number.to_bytes(number.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(encoded)]) + encoded


def _tuple(*items: bytes) -> bytes:
    return b"".join((b"(", *items, b"t"))


def _global(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()
