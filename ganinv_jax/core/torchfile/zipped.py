"""torch's file format since 1.6: a zip archive whose members are stored as they are.

Source: caffe2/serialize/inline_container.cc and `_save` in torch/serialization.py.
"""

import io
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from ganinv_jax.core.errors import InputError
from ganinv_jax.core.torchfile.opcodes import interpret
from ganinv_jax.core.torchfile.tensors import storage_array, storage_key
from ganinv_jax.core.torchfile.values import resolve

_LOCAL_HEADER = 30  # bytes before the member's name
_ENCRYPTED = 1


def load(data: memoryview, nested: Callable[[bytes | memoryview], np.ndarray]) -> Any:
    """The object of a torch zip. Storages are views of `data`, read when they are referred to. Raises InputError."""
    members = _members(data)
    if "data.pkl" in members and any(name == "constants.pkl" or name.startswith("code/") for name in members):
        raise InputError(
            "The file is a TorchScript program, not a weight file; save its `state_dict()` instead, or for FID's "
            "Inception-v3 give pytorch-fid's pt_inception-2015-12-05-6726825d.pth."
        )
    if "data.pkl" not in members:
        raise InputError("The zip file holds no data.pkl, so it is no torch file; unpack it and give what is in it.")
    if "byteorder" in members and bytes(_content(data, members["byteorder"])) != b"little":
        raise InputError("The torch file was written on a big-endian machine; save it again on a little-endian one.")
    pickle = _content(data, members["data.pkl"])
    value, end = interpret(pickle)
    if end != len(pickle):
        raise InputError("The torch file's data.pkl goes on after its pickle ends; it was refused.")
    arrays: dict[str, np.ndarray] = {}

    def storage(key: Any) -> np.ndarray:
        reference = storage_key(key)
        name = f"data/{reference.key}"
        if name not in members:
            raise InputError(f"The torch file refers to the storage record {name!r}, which it does not hold.")
        if name not in arrays:
            arrays[name] = storage_array(reference, _content(data, members[name]))
        array = arrays[name]
        if array.dtype != reference.dtype or array.size != reference.count:
            raise InputError(f"The storage {name!r} is used with two types or sizes.")
        return array

    return resolve(value, storage, nested)


def _members(data: memoryview) -> dict[str, zipfile.ZipInfo]:
    """The members of torch's folder, which may be called anything, by their names in it."""
    try:
        infos = zipfile.ZipFile(_Reader(data)).infolist()
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, ValueError, OverflowError, EOFError) as error:
        raise InputError("The zip file is truncated or damaged: it has no directory; fetch it again.") from error
    members: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        name = info.filename
        if name.startswith("/") or ".." in name.split("/") or "\\" in name:
            raise InputError(f"The zip file has a member named {name!r}, which leaves the archive; refused.")
        if name in members:
            raise InputError(f"The zip file has two members {name!r}: a duplicate, so it was refused.")
        members[name] = info
    top = next(
        (name.split("/")[0] + "/" for name in members if name.count("/") == 1 and name.endswith("/data.pkl")), ""
    )
    return {name.removeprefix(top): info for name, info in members.items() if name.startswith(top)}


def _content(data: memoryview, info: zipfile.ZipInfo) -> memoryview:
    """The bytes of a member, not copied, checked against its CRC-32."""
    name = info.filename
    if info.flag_bits & _ENCRYPTED:
        raise InputError(f"The zip member {name!r} is encrypted; torch writes none such.")
    if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
        raise InputError(f"The zip member {name!r} is compressed; torch stores members as they are, so it was refused.")
    header = data[info.header_offset : info.header_offset + _LOCAL_HEADER]
    if len(header) < _LOCAL_HEADER or bytes(header[:4]) != b"PK\x03\x04":
        raise InputError(f"The zip member {name!r} is not where the directory says; the file is truncated or damaged.")
    lengths = [int.from_bytes(header[at : at + 2], "little") for at in (26, 28)]  # of the name and the extra field
    start = info.header_offset + _LOCAL_HEADER + sum(lengths)
    content = data[start : start + info.file_size]
    if len(content) != info.file_size:
        raise InputError(f"The zip member {name!r} reaches past the end of the file, which is truncated or damaged.")
    if zlib.crc32(content) != info.CRC:
        raise InputError(f"The zip member {name!r} is damaged: its CRC-32 differs; fetch the file again.")
    return content


class _Reader(io.RawIOBase):
    """A file over bytes in memory, not copied, for `zipfile` to read the directory from."""

    def __init__(self, data: memoryview):
        super().__init__()
        self.data = data
        self.position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self.position, io.SEEK_END: len(self.data)}[whence]
        if base + offset < 0:
            raise OSError("a position before the start")
        self.position = base + offset
        return self.position

    def readinto(self, buffer: Any) -> int:
        piece = self.data[self.position : self.position + len(buffer)]
        buffer[: len(piece)] = piece
        self.position += len(piece)
        return len(piece)
