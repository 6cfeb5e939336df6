"""Writes torch's file formats without torch: Python's own pickler, with stand-ins for the names that torch uses."""

import contextlib
import dataclasses
import io
import pickle
import struct
import sys
import types
import zipfile
from collections import OrderedDict

import numpy as np

KINDS = {
    "float32": "FloatStorage",
    "float64": "DoubleStorage",
    "float16": "HalfStorage",
    "bfloat16": "BFloat16Storage",
    "int64": "LongStorage",
    "int32": "IntStorage",
    "int16": "ShortStorage",
    "int8": "CharStorage",
    "uint8": "ByteStorage",
    "bool": "BoolStorage",
}


@dataclasses.dataclass(eq=False)
class Storage:
    key: str
    data: np.ndarray  # one axis


@dataclasses.dataclass(eq=False)
class Tensor:
    storage: Storage
    offset: int
    size: tuple
    stride: tuple


@dataclasses.dataclass(eq=False)
class Persistent:
    """An object of NVIDIA's torch_utils.persistence."""

    meta: dict


def tensor(array: np.ndarray) -> Tensor:
    """A tensor with a storage of its own."""
    strides = tuple(step // array.itemsize for step in array.strides)
    return Tensor(Storage(str(id(array)), array.reshape(-1)), 0, array.shape, strides)


def legacy_bytes(value) -> bytes:
    """torch.save(value, _use_new_zipfile_serialization=False)."""
    body, storages = _pickled(value)
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    head = [0x1950A86A20F9469CFC6C, 1001, system]
    parts = [pickle.dumps(entry, 2) for entry in head] + [body, pickle.dumps(list(storages), 2)]
    for storage in storages.values():
        parts += [struct.pack("<q", storage.data.size), storage.data.tobytes()]
    return b"".join(parts)


def zip_bytes(value, folder="archive") -> bytes:
    """torch.save(value)."""
    body, storages = _pickled(value)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(f"{folder}/data.pkl", body)
        archive.writestr(f"{folder}/byteorder", "little")
        for key, storage in storages.items():
            archive.writestr(f"{folder}/data/{key}", storage.data.tobytes())
        archive.writestr(f"{folder}/version", "3\n")
    return file.getvalue()


def nested_bytes(value, protocol=4) -> bytes:
    """pickle.dumps(value): each storage is a whole legacy file of its own."""
    file = io.BytesIO()
    with _torch_names() as names:
        _NestedPickler(file, protocol, names).dump(value)
    return file.getvalue()


def _pickled(value) -> tuple[bytes, dict[str, Storage]]:
    file = io.BytesIO()
    with _torch_names() as names:
        pickler = _Pickler(file, 2, names)
        pickler.dump(value)
    return file.getvalue(), pickler.storages


class _Pickler(pickle.Pickler):
    def __init__(self, file, protocol, names):
        super().__init__(file, protocol)
        self.names = names
        self.storages: dict[str, Storage] = {}

    def persistent_id(self, value):
        if not isinstance(value, Storage):
            return None
        self.storages[value.key] = value
        return ("storage", self.names[KINDS[value.data.dtype.name]], value.key, "cpu", value.data.size)

    def reducer_override(self, value):
        if isinstance(value, Tensor):
            args = (value.storage, value.offset, value.size, value.stride, False, OrderedDict())
            return self.names["_rebuild_tensor_v2"], args
        if isinstance(value, Persistent):
            return self.names["_reconstruct_persistent_obj"], (value.meta,)
        return NotImplemented


class _NestedPickler(_Pickler):
    def persistent_id(self, value):
        return None

    def reducer_override(self, value):
        if isinstance(value, Storage):
            return self.names["_load_from_bytes"], (legacy_bytes(value),)
        return super().reducer_override(value)


@contextlib.contextmanager
def _torch_names():
    functions = (
        ("torch._utils", "_rebuild_tensor_v2"),
        ("torch.storage", "_load_from_bytes"),
        ("torch_utils.persistence", "_reconstruct_persistent_obj"),
    )
    packages = {module.split(".")[0] for module, _ in functions}
    modules = {name: types.ModuleType(name) for name in (*packages, *(module for module, _ in functions))}
    names = {kind: type(kind, (), {"__module__": "torch"}) for kind in KINDS.values()}
    for module, name in functions:
        names[name] = types.FunctionType((lambda: None).__code__, {}, name)
        names[name].__module__, names[name].__qualname__ = module, name
    for name, value in names.items():
        setattr(modules[value.__module__], name, value)
    for name in packages:
        modules[name].__path__ = []  # type: ignore[attr-defined]
    before = {name: sys.modules.get(name) for name in modules}
    sys.modules.update(modules)
    try:
        yield names
    finally:
        for name, module in before.items():
            sys.modules.pop(name)
            if module is not None:
                sys.modules[name] = module
