"""torch's file format before 1.6: pickles in a row (magic, protocol, system, the object, storage keys), then raw data.

Source: `_legacy_save` in torch/serialization.py.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ganinv_jax.core.errors import InputError
from ganinv_jax.core.torchfile.checks import persistent
from ganinv_jax.core.torchfile.cursor import Cursor
from ganinv_jax.core.torchfile.opcodes import interpret
from ganinv_jax.core.torchfile.tensors import StorageKey, storage_array, storage_key
from ganinv_jax.core.torchfile.values import resolve

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001


def load(data: memoryview, magic: int, position: int, nested: Callable[[bytes | memoryview], np.ndarray]) -> Any:
    """The object of a legacy file, whose first pickle (`magic`) ended at `position`. Raises InputError."""
    if magic != _MAGIC:
        raise InputError(f"The file is no weight file: it starts with {magic} instead of torch's magic number.")
    protocol, position = interpret(data, position)
    if protocol != _PROTOCOL:
        raise InputError(f"The torch file has protocol {str(protocol)[:40]}; {_PROTOCOL} is the only one.")
    system, position = interpret(data, position)
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise InputError("The torch file was written on a big-endian machine; save it again on a little-endian one.")
    value, position = interpret(data, position)
    keys, position = interpret(data, position)
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys) or len(set(keys)) < len(keys):
        raise InputError("The torch file is malformed: its list of storages is not a list of different names.")
    references = [storage_key(reference.key) for reference in persistent(value)]
    storages = _read_storages(Cursor(data, position), keys, references)

    def storage(key: Any) -> np.ndarray:
        reference = storage_key(key)
        return _view_of(storages[reference.key], reference)

    return resolve(value, storage, nested)


def _read_storages(cursor: Cursor, keys: list[str], references: list[StorageKey]) -> dict[str, np.ndarray]:
    """The storages that follow the pickles in the order of `keys`; their types are known from the references."""
    known = {reference.key: reference for reference in references}
    if set(known) != set(keys):
        odd = sorted(set(known) ^ set(keys))[0]
        raise InputError(f"The torch file is malformed: the storage {odd!r} is referred to or listed, but not both.")
    storages = {}
    for key in keys:
        reference = known[key]
        count = cursor.number("<q")
        left = len(cursor.data) - cursor.position
        if count != reference.count:
            raise InputError(f"The storage {key!r} has {count} elements where {reference.count} were announced.")
        if reference.nbytes > left:
            raise InputError(
                f"The file is truncated: the storage {key!r} needs {reference.nbytes} bytes, but {left} are left."
            )
        storages[key] = storage_array(reference, cursor.take(reference.nbytes))
    if cursor.position != len(cursor.data):
        raise InputError("The torch file goes on after its last storage; it was refused.")
    return storages


def _view_of(array: np.ndarray, reference: StorageKey) -> np.ndarray:
    if array.dtype != reference.dtype:
        raise InputError(f"The storage {reference.key!r} is used with two types, {array.dtype} and {reference.dtype}.")
    if reference.view is None:
        return array
    _, offset, count = reference.view
    if offset + count > array.size:
        raise InputError(f"A view reaches past the end of its storage {reference.key!r} of {array.size} elements.")
    return array[offset : offset + count]
