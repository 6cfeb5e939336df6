"""Frozen dataclasses from and to plain dictionaries, checked where they enter."""

import dataclasses
import difflib
import math
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from ganinv_jax.core.errors import InputError

Config = TypeVar("Config")


def from_dict(cls: type[Config], values: Mapping[str, Any]) -> Config:
    """Build the frozen dataclass `cls` from a plain dictionary such as a model folder's `config.json`.

    Nested dataclasses are built from nested dictionaries, tuples from lists. Raises InputError for an unknown key
    (naming the nearest known one), a missing key, or a value of another type.
    """
    if not isinstance(values, Mapping):
        raise InputError(f"{cls.__name__} must be given as a table of options, but got {values!r}.")
    hints = typing.get_type_hints(cls)
    fields = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    for key in values:
        if key not in fields:
            raise unknown_key(key, fields, cls.__name__)
    for name, field in fields.items():
        required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if required and name not in values:
            raise InputError(f"{cls.__name__} needs the option {name!r}, which is missing.")
    return cls(**{key: coerce(hints[key], value, f"{cls.__name__}.{key}") for key, value in values.items()})


def to_dict(config: Any) -> dict[str, Any]:
    """The plain, JSON-ready dictionary of a (nested) dataclass; tuples become lists."""
    return {field.name: _plain(getattr(config, field.name)) for field in dataclasses.fields(config)}


def differences(given: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """Where plain options differ, as "mapping.num_layers is 8 instead of 2, ..."; '' where they do not."""
    return ", ".join(
        f"{key} is {a!r} instead of {b!r}" for key, (a, b) in sorted(_pairs(given, wanted).items()) if a != b
    )


def coerce(hint: Any, value: Any, where: str) -> Any:
    """The value as what its type hint asks for: a float of an int, a tuple of a list, a dataclass of a table.

    Raises InputError for a value of another type; `where` names it there.
    """
    if hint is Any:
        return value
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return _coerce_union(hint, value, where)
    if dataclasses.is_dataclass(hint):
        return value if isinstance(value, hint) else from_dict(hint, value)  # type: ignore[arg-type]
    if origin is tuple:
        return _coerce_tuple(hint, value, where)
    if origin is dict and isinstance(value, Mapping):
        kind = typing.get_args(hint)[1]
        return {key: coerce(kind, item, f"{where}.{key}") for key, item in value.items()}
    if origin is typing.Literal:
        options = typing.get_args(hint)
        check(value in options, f"{where} must be one of {', '.join(map(repr, options))}, but got {value!r}.")
        return value
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    expected = origin or hint
    good = (
        isinstance(value, expected) and (hint is bool or not isinstance(value, bool))
        if isinstance(expected, type)
        else True
    )
    check(good, f"{where} must be of type {getattr(hint, '__name__', hint)}, but got {value!r}.")
    return value


def unknown_key(key: str, known: Iterable[str], where: str) -> InputError:
    """The error for an option that `where` does not have, with the nearest known name."""
    known = sorted(known)
    near = difflib.get_close_matches(key, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known options: {', '.join(known)}."
    return InputError(f"{where} has no option {key!r}; {hint}")


def check(condition: bool, message: str) -> None:
    """Raise InputError(message) unless `condition` holds; for the `__post_init__` of configs."""
    if not condition:
        raise InputError(message)


def check_positive(config: Any, *names: str, where: str = "") -> None:
    """Raise InputError unless these options of `config` are finite and above 0, each of them where they are lists.

    None passes: another check is for options that it is not among. `where` stands before the name.
    """
    _check_numbers(config, names, where, "positive", lambda number: number > 0)


def check_not_negative(config: Any, *names: str, where: str = "") -> None:
    """Likewise for options that may be 0."""
    _check_numbers(config, names, where, "at least 0", lambda number: number >= 0)


def _check_numbers(config: Any, names: Iterable[str], where: str, wanted: str, good: Callable[[float], bool]) -> None:
    for name in names:
        value = getattr(config, name)
        numbers = value if isinstance(value, tuple | list) else () if value is None else (value,)
        fine = all(math.isfinite(number) and good(number) for number in numbers)
        check(fine, f"{where}{name} must be {wanted}, but it is {value}.")


def _pairs(given: Any, wanted: Any) -> dict[str, tuple[Any, Any]]:
    """Leaves of two nested dictionaries by dotted name; None stands for one that is missing."""
    found = {}
    for key in given.keys() | wanted.keys():
        a, b = given.get(key), wanted.get(key)
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            found |= {f"{key}.{name}": pair for name, pair in _pairs(a, b).items()}
        else:
            found[key] = (a, b)
    return found


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return to_dict(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


def _coerce_union(hint: Any, value: Any, where: str) -> Any:
    error: InputError | None = None
    for option in typing.get_args(hint):
        if option is type(None):
            if value is None:
                return None
            continue
        try:
            return coerce(option, value, where)
        except InputError as caught:
            error = error or caught
    raise error or InputError(f"{where} has a value of the wrong type: {value!r}.")


def _coerce_tuple(hint: Any, value: Any, where: str) -> tuple:
    check(isinstance(value, tuple | list), f"{where} must be a list, but got {value!r}.")
    inner = typing.get_args(hint)
    if len(inner) == 2 and inner[1] is Ellipsis:
        return tuple(coerce(inner[0], item, f"{where}[{i}]") for i, item in enumerate(value))
    check(len(value) == len(inner), f"{where} must have {len(inner)} entries, but got {value!r}.")
    return tuple(coerce(kind, item, f"{where}[{i}]") for i, (kind, item) in enumerate(zip(inner, value, strict=True)))
