"""Turns the records of known calls (containers, numpy, torch tensors) into plain values; other records stay."""

from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from ganinv_jax.core.errors import InputError
from ganinv_jax.core.torchfile import numpy_values, tensors
from ganinv_jax.core.torchfile.records import Call, Persistent


def resolve(root: Any, storage: Callable[[Any], np.ndarray], nested: Callable[[bytes | memoryview], np.ndarray]) -> Any:
    """Replace every record that has a plain value, bottom up; shared parts are made once and stay shared.

    storage: gives the array of a persistent id. nested: reads a torch file that is kept as bytes.
    The root must have passed `checks.check_shape`, which bounds the recursion here.
    """
    return _Resolver(storage, nested).value(root)


class _Resolver:
    def __init__(self, storage: Callable[[Any], np.ndarray], nested: Callable[[bytes | memoryview], np.ndarray]):
        self.storage = storage
        self.nested = nested
        self.made: dict[int, Any] = {}  # by identity of the record; the caller keeps the records alive

    def value(self, record: Any) -> Any:
        if not isinstance(record, list | tuple | dict | Call | Persistent):
            return record
        if id(record) not in self.made:
            self.made[id(record)] = self.make(record)
        return self.made[id(record)]

    def make(self, record: Any) -> Any:
        if isinstance(record, dict):
            return {key: self.value(item) for key, item in record.items()}
        if isinstance(record, Persistent):
            return self.storage(record.key)
        if isinstance(record, Call):
            return self.call(record)
        return type(record)(map(self.value, record))

    def call(self, record: Call) -> Any:
        args, state, items = self.value(record.args), self.value(record.state), self.value(record.items)
        path = record.function.path
        if path == "torch.storage._load_from_bytes":
            if len(args) != 1 or not isinstance(args[0], bytes | memoryview):
                raise InputError(f"The pickle is malformed: {path} is given something else than bytes.")
            return self.nested(args[0])
        make = _MAKERS.get(path)
        return Call(record.function, args, state, items) if make is None else make(args, state, items)


def _mapping(args: tuple, state: Any, items: dict) -> dict:
    pairs = args[0] if args else []  # OrderedDict of Python 2 gets its items as a list of pairs
    if isinstance(pairs, dict):
        return pairs | items
    pairwise = isinstance(pairs, list | tuple) and all(isinstance(p, list | tuple) and len(p) == 2 for p in pairs)
    if not pairwise:
        raise InputError("The pickle is malformed: a dictionary is not made of pairs.")
    if not all(isinstance(key, str | int) for key, _ in pairs):
        raise InputError("The pickle is malformed: a dictionary has keys that are not text or numbers.")
    return dict(pairs) | items


def _members(args: tuple, state: Any, items: dict) -> set:
    members = args[0] if args else []
    if not isinstance(members, list | tuple | set) or not all(isinstance(m, str | int | float) for m in members):
        raise InputError("The pickle is malformed: a set is not made of plain values.")
    return set(members)


def _namespace(args: tuple, state: Any, items: dict) -> dict:
    return state if isinstance(state, dict) else {}


def _bytes(args: tuple, state: Any, items: dict) -> bytes | memoryview:
    if not args:
        return b""
    if isinstance(args[0], bytes | memoryview):
        return args[0]
    return _encoded(args, state, items)


def _encoded(args: tuple, state: Any, items: dict) -> bytes:
    encoding = args[1] if len(args) == 2 else "latin-1"
    if not args or not isinstance(args[0], str) or encoding not in ("latin1", "latin-1", "iso-8859-1"):
        raise InputError("The pickle is malformed: bytes are not written as latin-1 text.")
    try:
        return args[0].encode("latin-1")
    except UnicodeEncodeError as error:
        raise InputError("The pickle is malformed: bytes are not written as latin-1 text.") from error


def _path(args: tuple, state: Any, items: dict) -> str:
    return str(PurePosixPath(*map(str, args)))


def _device(args: tuple, state: Any, items: dict) -> str:
    return ":".join(str(part) for part in args)


def _size(args: tuple, state: Any, items: dict) -> tuple:
    return tuple(args[0]) if args and isinstance(args[0], list | tuple) else ()


def _tensor(args: tuple, state: Any, items: dict) -> np.ndarray:
    if len(args) < 4:
        raise InputError("The pickle is malformed: a tensor needs a storage, an offset, a size and a stride.")
    return tensors.rebuild(*args[:4])


def _typed_tensor(args: tuple, state: Any, items: dict) -> np.ndarray:
    if len(args) < 7:
        raise InputError("The pickle is malformed: a tensor of version 3 needs its type.")
    return tensors.rebuild(*args[:4], dtype=tensors.torch_dtype(args[6]))


def _parameter(args: tuple, state: Any, items: dict) -> np.ndarray:
    if not args or not isinstance(args[0], np.ndarray):
        raise InputError("The pickle is malformed: a parameter holds no tensor.")
    return args[0]


def _array(args: tuple, state: Any, items: dict) -> np.ndarray:
    return numpy_values.array(state)


def _buffer_array(args: tuple, state: Any, items: dict) -> np.ndarray:
    if len(args) != 4:
        raise InputError("A numpy array of the file is malformed.")
    return numpy_values.from_bytes(*args)


_MAKERS: dict[str, Callable[[tuple, Any, dict], Any]] = {
    "_codecs.encode": _encoded,
    "argparse.Namespace": _namespace,
    "builtins.bytearray": _bytes,
    "builtins.bytes": _bytes,
    "builtins.frozenset": _members,
    "builtins.set": _members,
    "collections.OrderedDict": _mapping,
    "dnnlib.util.EasyDict": _mapping,
    "numpy._core.multiarray._reconstruct": _array,
    "numpy._core.multiarray.scalar": lambda args, state, items: numpy_values.scalar(args),
    "numpy._core.numeric._frombuffer": _buffer_array,
    "numpy.dtype": lambda args, state, items: numpy_values.dtype(args, state),
    "pathlib.PosixPath": _path,
    "pathlib.PurePosixPath": _path,
    "pathlib.PureWindowsPath": _path,
    "pathlib.WindowsPath": _path,
    "torch.Size": _size,
    "torch._utils._rebuild_parameter": _parameter,
    "torch._utils._rebuild_parameter_with_state": _parameter,
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _typed_tensor,
    "torch.device": _device,
}
