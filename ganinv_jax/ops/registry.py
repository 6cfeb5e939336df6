"""Choosing among the implementations of an op."""

import functools
import json
import math
import os
from collections.abc import Callable, Mapping
from importlib import resources

import jax

from ganinv_jax.core.configs import check, unknown_key
from ganinv_jax.core.devices import target

VARIABLE = "GANINV_IMPLEMENTATION"
CHOICES = ("auto", "lax", "pallas")
UNMEASURED = "unmeasured"


def select(op: str, implementations: Mapping[str, Callable], name: str, auto: str) -> Callable:
    """The implementation called `name`; 'auto' stands for `auto`. Raises InputError for an unknown name.

    The environment's GANINV_IMPLEMENTATION ('lax' or 'pallas'), read when a program is traced, takes the place of
    'auto' in all ops that have such an implementation.
    """
    if name == "auto":
        asked = os.environ.get(VARIABLE, "auto")
        check(asked in CHOICES, f"{VARIABLE} must be one of {', '.join(CHOICES)}, but it is {asked!r}.")
        name = asked if asked in implementations else auto
    if name not in implementations:
        raise unknown_key(name, [*implementations, "auto"], f"op {op!r}")
    return implementations[name]


def measured_best(op: str, shape: str, dtype) -> str:
    """'pallas' where `measured.json` says that its kernel ran faster than `lax` on this kind of device, else 'lax'.

    shape: the class of shapes, as the op names it in that table.
    """
    rows = _measurements()
    seconds = rows.get((op, target().kind, shape, jax.numpy.dtype(dtype).name))
    if seconds is None or UNMEASURED in seconds.values():
        return "lax"
    return min(seconds, key=seconds.__getitem__)


def shape_class(kind: str, side: int, *channels: int) -> str:
    """Calls alike, the side and channels rounded up to powers of two: ('3x3', 60, 96, 64) is '3x3 64px 128-64'."""
    side, *channels = (2 ** math.ceil(math.log2(max(n, 1))) for n in (side, *channels))  # type: ignore[assignment]
    return f"{kind} {side}px {'-'.join(map(str, channels))}"


@functools.cache
def _measurements() -> dict[tuple[str, str, str, str], dict[str, float | str]]:
    """(op, kind of device, shape class, type) -> seconds by implementation, or 'unmeasured'."""
    table = json.loads(resources.files("ganinv_jax.ops").joinpath("measured.json").read_text(encoding="utf-8"))
    return {(row["op"], row["device"], row["shape"], row["dtype"]): row["seconds"] for row in table["rows"]}
