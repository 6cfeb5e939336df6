"""numpy's pickled types, arrays and scalars, checked before numpy sees them."""

import math
import re
from typing import Any

import numpy as np

from ganinv_jax.core.errors import InputError
from ganinv_jax.core.torchfile import limits

_NAME = re.compile(r"([<>|=]?)(b1|[iu][1248]|f[248]|[US][1-9]\d{0,5})")


def dtype(args: tuple, state: Any) -> np.dtype:
    """`numpy.dtype(name, align, copy)` with its state (version, byte order, ...): plain numbers and text only."""
    name = args[0] if args else None
    match = _NAME.fullmatch(name) if isinstance(name, str) else None
    if match is None:
        kind = "object" if isinstance(name, str) and name.startswith("O") else name
        kind = "complex" if isinstance(name, str) and name.startswith("c") else kind
        raise InputError(f"A numpy array has type {kind!r} ({name!r}); weights are plain numbers.")
    order = match[1] or "="
    if state is not None:
        if not isinstance(state, tuple) or len(state) < 5 or any(part is not None for part in state[2:5]):
            raise InputError(f"The numpy type {name!r} has parts; weights are plain numbers.")
        order = state[1]
    if order not in ("<", ">", "|", "="):
        raise InputError(f"The numpy type {name!r} has the byte order {order!r}, which does not exist.")
    return np.dtype(match[2]).newbyteorder(order)


def array(state: Any) -> np.ndarray:
    """The state of an ndarray: (version, shape, dtype, Fortran order, bytes)."""
    if not isinstance(state, tuple) or len(state) != 5:
        raise InputError("A numpy array of the file has no contents.")
    _, shape, kind, fortran, data = state
    return from_bytes(data, kind, shape, "F" if fortran else "C")


def from_bytes(data: Any, kind: Any, shape: Any, order: Any) -> np.ndarray:
    """An array from its bytes; raises InputError unless there are exactly enough for `shape`."""
    if isinstance(data, str):  # written by Python 2
        data = _latin(data)
    if not isinstance(kind, np.dtype) or not isinstance(data, bytes | memoryview) or order not in ("C", "F"):
        raise InputError("A numpy array of the file is malformed.")
    counts = isinstance(shape, tuple) and all(isinstance(n, int) and n >= 0 for n in shape)
    fits = counts and len(shape) <= limits.AXES and math.prod(shape) * kind.itemsize == len(data)
    if not fits or math.prod(max(n, 1) for n in shape) > max(len(data), limits.EXPANDED_ELEMENTS):
        raise InputError(
            f"A numpy array of shape {str(shape)[:80]} and type {kind} does not fit its {len(data)} bytes."
        )
    return np.frombuffer(data, kind).reshape(shape, order=order) if data else np.zeros(shape, kind)


def scalar(args: tuple) -> Any:
    """`scalar(dtype, bytes)`: one number, as numpy keeps it."""
    if len(args) != 2:
        raise InputError("A numpy number of the file is malformed.")
    return from_bytes(args[1], args[0], (), "C")[()]


def _latin(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError as error:
        raise InputError("A numpy array of the file is malformed: its text is not bytes.") from error
