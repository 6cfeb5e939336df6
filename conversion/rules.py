"""Tables of rules that say where each tensor of an official file belongs, and take tensors there and back.

A family of files is a table: lines (name in the file, path in our variables, transform) with placeholders such as
`{r}`, filled in by `expand`. What a table brings in is complete by construction: each tensor of the file is used once,
verified against the value that the options fix, or dropped since nothing depends on it; anything else is an
InputError.
"""

import dataclasses
import difflib
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import jax
import ml_dtypes
import numpy as np
from flax import traverse_util
from tqdm import tqdm

from ganinv_jax.core.errors import InputError

_MOST_NUMBERS = 1 << 40  # in one tensor; no published one has more than 1e9


@dataclasses.dataclass(frozen=True)
class Transform:
    """A change of layout, and its inverse."""

    bring: Callable[[np.ndarray], np.ndarray]
    send: Callable[[np.ndarray], np.ndarray]


SAME = Transform(lambda x: x, lambda x: x)
CONV = Transform(lambda x: x.transpose(2, 3, 1, 0), lambda x: x.transpose(3, 2, 0, 1))  # OIHW <-> HWIO
DENSE = Transform(lambda x: x.T, lambda x: x.T)  # [out, in] <-> [in, out]
MAPS = Transform(lambda x: x.transpose(1, 2, 0), lambda x: x.transpose(2, 0, 1))  # CHW <-> HWC
POINTWISE = Transform(lambda x: x[..., 0, 0].T, lambda x: x.T[..., None, None])  # [out, in, 1, 1] <-> [in, out]
PER_MAP = Transform(lambda x: x[:, 0, 0], lambda x: x[:, None, None])  # [c, 1, 1] <-> [c]
SCALAR = Transform(lambda x: x[0], lambda x: x[None])  # [1] <-> []


def batched(transform: Transform) -> Transform:
    """The same for tensors that have a first axis of length one more in the file."""
    return Transform(lambda x: transform.bring(x[0]), lambda x: transform.send(x)[None])


def flattened(side: int) -> Transform:
    """[out, c * side * side] <-> [side, side, c, out]: a fully connected layer that reads whole maps, C slowest."""

    def bring(x):
        return x.reshape(len(x), -1, side, side).transpose(2, 3, 1, 0)

    return Transform(bring, lambda x: x.transpose(3, 2, 0, 1).reshape(x.shape[3], -1))


@dataclasses.dataclass(frozen=True)
class Rule:
    """The tensor `source` of the file is the variable `target` (a path with slashes)."""

    source: str
    target: str
    transform: Transform = SAME


@dataclasses.dataclass(frozen=True)
class Fixed:
    """The tensor `source` has a value that the options decide: verified on the way in, made on the way out."""

    source: str
    value: np.ndarray
    meaning: str


@dataclasses.dataclass(frozen=True)
class Table:
    """All that is known of one network's tensors.

    shapes: every variable that must be filled. rules: those without such a variable do not apply to this network.
    dropped: tensors that may be there and are not looked at.
    """

    shapes: Mapping[str, tuple[int, ...]]
    rules: Sequence[Rule]
    fixed: Sequence[Fixed] = ()
    dropped: frozenset[str] = frozenset()

    def applicable(self) -> list[Rule]:
        """One rule for each variable."""
        rules = [rule for rule in self.rules if rule.target in self.shapes]
        counts = Counter(rule.target for rule in rules)
        faults = [target for target in self.shapes if counts[target] != 1]
        assert not faults, f"the table must have one rule for each of {faults}"
        return rules


def variable_shapes(network: Any, *inputs: Any) -> dict[str, tuple[int, ...]]:
    """Path -> shape of every variable of a Linen module that is called with `inputs`; nothing is computed."""
    try:
        variables = jax.eval_shape(network.init, jax.random.key(0), *inputs)
    except (TypeError, ValueError, OverflowError, ZeroDivisionError) as error:  # widths that do not fit together
        reason = str(error).splitlines()[0]
        raise InputError(f"The file's options must make a network, but they do not ({reason}).") from error
    flat: dict[str, Any] = dict(traverse_util.flatten_dict(variables, sep="/"))
    return {path: leaf.shape for path, leaf in flat.items()}


def expand(lines: Iterable[tuple[str, str, Transform]], bindings: Iterable[Mapping[str, Any]]) -> list[Rule]:
    """Fill the placeholders of each line with each binding; lines that come out the same count once."""
    rules = {}
    for binding in bindings:
        for source, target, transform in lines:
            rules.setdefault(
                source.format(**binding), Rule(source.format(**binding), target.format(**binding), transform)
            )
    return list(rules.values())


def bring(table: Table, tensors: Mapping[str, np.ndarray], where: str) -> dict[str, Any]:
    """The file's tensors as nested float32 variables.

    Raises InputError, with the file's names, where a tensor is unknown, missing, of another shape, not of floats, not
    finite, or differs from a fixed value. `where` names the network in messages.
    """
    rules = {rule.source: rule for rule in table.applicable()}
    fixed = {entry.source: entry for entry in table.fixed}
    tensors = {name: tensor for name, tensor in tensors.items() if name not in table.dropped}
    _check_names(set(tensors), set(rules), set(fixed), where)
    for name, tensor in tensors.items():
        _check_type(name, tensor, where)
    for name, rule in rules.items():
        _check_shape(name, tensors[name], rule.transform, table.shapes[rule.target], where)
    for name in fixed.keys() & tensors.keys():
        _check_value(fixed[name], tensors[name], where)
    brought = {
        name: _float32(rule.transform.bring(tensors[name]))
        for name, rule in tqdm(rules.items(), where, unit=" tensors", leave=False, delay=0.5, disable=None)
    }
    _check_finite(brought, where)
    return traverse_util.unflatten_dict({rules[name].target: leaf for name, leaf in brought.items()}, sep="/")


def send(table: Table, variables: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The inverse of `bring`: nested variables as tensors with the file's names and layouts, fixed ones included.

    Raises InputError for variables that the table does not know, lacks, or has other shapes for.
    """
    flat = traverse_util.flatten_dict(dict(variables), sep="/")
    if flat.keys() != table.shapes.keys():
        odd = sorted(flat.keys() ^ table.shapes.keys())
        raise InputError(f"The variables do not fit the configuration; they differ in {_listed(odd)}.")
    for path, shape in table.shapes.items():
        given = np.shape(flat[path])  # type: ignore[arg-type]
        if given != tuple(shape):
            raise InputError(f"The variable {path} must have shape {list(shape)}, but has shape {list(given)}.")
    tensors = {rule.source: rule.transform.send(np.asarray(flat[rule.target])) for rule in table.applicable()}
    tensors |= {entry.source: entry.value for entry in table.fixed}
    return {name: np.array(tensor, order="C") for name, tensor in tensors.items()}


def _check_names(given: set[str], ruled: set[str], fixed: set[str], where: str) -> None:
    unknown, missing = sorted(given - ruled - fixed), sorted((ruled | fixed) - given)
    if unknown:
        near = difflib.get_close_matches(unknown[0][:80], ruled | fixed, n=1, cutoff=0.0)
        raise InputError(
            f"Every tensor of {where} must be known, but {_listed(unknown)} has no place in this network"
            f" (the nearest that has one is {near[0]!r})"
            + (f", while {_listed(missing)} is missing." if missing else ".")
        )
    if missing:
        raise InputError(f"{where} must hold {_listed(missing)}, which the file lacks; it is not complete.")


def _check_type(name: str, tensor: np.ndarray, where: str) -> None:
    if tensor.dtype not in (np.float16, np.float32, np.float64, ml_dtypes.bfloat16):
        raise InputError(f"{where}.{name} must hold floating-point numbers, but is of type {tensor.dtype}.")


def _check_shape(name: str, tensor: np.ndarray, transform: Transform, target: tuple[int, ...], where: str) -> None:
    if math.prod(target) > _MOST_NUMBERS:
        raise InputError(f"{where}.{name} cannot have the {math.prod(target):.1e} numbers that the options ask for.")
    # A stride-0 array of the target's shape tells the file's shape without allocating it.
    expected = transform.send(np.broadcast_to(np.float32(0), target)).shape
    if tensor.shape != expected:
        raise InputError(f"{where}.{name} must have shape {list(expected)}, but has shape {list(tensor.shape)}.")


def _check_value(entry: Fixed, tensor: np.ndarray, where: str) -> None:
    if tensor.shape != entry.value.shape or not np.allclose(tensor, entry.value, rtol=0, atol=1e-6):
        raise InputError(
            f"{where}.{entry.source} must be {entry.meaning}, but has other values; that is not supported."
        )


def _check_finite(tensors: Mapping[str, np.ndarray], where: str) -> None:
    bad = [name for name, tensor in tensors.items() if not np.isfinite(tensor).all()]
    if bad:
        raise InputError(f"{where} must hold finite numbers, but there are NaN or infinite ones in {_listed(bad)}.")


def _float32(tensor: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):  # what overflows is refused as infinite
        return np.array(tensor, np.float32, order="C")


def _listed(names: Sequence[str], most: int = 4) -> str:
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(repr(name[:80]) for name in names[:most]) + rest
