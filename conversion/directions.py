"""Directions that others found: InterFaceGAN's .npy [1, w], .npz and .pt files of one or several, in W or W+."""

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from conversion import contents
from conversion.families import Converted, description
from ganinv_jax.core import folders
from ganinv_jax.core.configs import check, unknown_key
from ganinv_jax.core.errors import InputError
from ganinv_jax.models.directions import Direction

NAME = "direction"
TITLE = "editing direction"

# GANSpace's own .npz, and its components as e4e hands them on.
_COMPONENTS = ({"act_comp", "lat_comp"}, {"comp", "mean", "std"})


@dataclasses.dataclass(frozen=True)
class DirectionConfig:
    """names: the directions that the part `direction` of a folder holds, as params/NAME."""

    names: tuple[str, ...]


def read_direction(path: str | os.PathLike, name: str | None = None) -> Direction:
    """The direction in a file (.npy, .npz, .pt) or in a folder that `convert` made of one.

    name: which one, where there are several. Raises InputError where there is none, or several and no `name`, or where
    it is not finite floating-point numbers of shape [w] or [l, w] (after leading axes of 1).
    """
    path = Path(path).expanduser()
    found = read_directions(path)
    if name is None and len(found) == 1:
        return next(iter(found.values()))
    check(name is not None, f"{path} holds {len(found)} directions, so one must be named: {', '.join(found)}.")
    if name not in found:
        raise unknown_key(str(name), found, f"{path}")
    return found[str(name)]


def read_directions(path: str | os.PathLike) -> dict[str, Direction]:
    """All directions in a file or a folder by name; one that has no name is called 'direction'."""
    path = Path(path)
    if path.is_dir():
        _, arrays = folders.load(path)
        check("direction" in arrays, f"{path} must hold a direction, but holds {', '.join(arrays) or 'nothing'}.")
        return {name: Direction(vector, name) for name, vector in arrays["direction"].get("params", {}).items()}
    content = contents.read(path)
    check(recognise(content), f"{path.name} must be an {TITLE}, but is {description(content)}.")
    return _directions(content)[0]


def recognise(content: Any) -> bool:
    """Whether a file's content is an array, or a table of arrays under plain names, perhaps beside plain values."""
    if isinstance(content, np.ndarray):
        return True
    return (
        isinstance(content, dict)
        and all(isinstance(name, str) and name.isprintable() and name and not set(name) & set("./") for name in content)
        and all(isinstance(value, np.ndarray | str | int | float | None) for value in content.values())
        and any(isinstance(value, np.ndarray) for value in content.values())
    )


def convert(content: Any, raw: bool = False) -> Converted:
    """The directions as the part `direction`. Raises InputError as `read_direction` does."""
    found, dropped = _directions(content)
    config, params = DirectionConfig(tuple(found)), {name: direction.vector for name, direction in found.items()}
    return Converted(NAME, TITLE, {"direction": config}, {"direction": {"params": params}}, dropped)


def _directions(content: Any) -> tuple[dict[str, Direction], dict[str, str]]:
    """The directions by name, and what else a file holds, and why that was dropped."""
    if isinstance(content, np.ndarray):
        return {NAME: _direction(NAME, content)}, {}
    _refuse_components(content)
    vectors = {name: value for name, value in content.items() if isinstance(value, np.ndarray) and value.size > 1}
    check(bool(vectors), f"The file must hold a direction, but has single numbers only: {', '.join(content)}.")
    dropped = {name: "a single value, not a direction" for name in content.keys() - vectors.keys()}
    return {name: _direction(name, value) for name, value in vectors.items()}, dropped


def _direction(name: str, array: np.ndarray) -> Direction:
    if not np.issubdtype(array.dtype, np.floating) and array.dtype.name != "bfloat16":
        raise InputError(f"The direction {name!r} must be of floating-point numbers, but is of {array.dtype}.")
    while array.ndim > 1 and len(array) == 1:  # InterFaceGAN keeps [1, w]
        array = array[0]
    with np.errstate(over="ignore"):  # what overflows is refused as infinite
        return Direction(np.array(array, np.float32, order="C"), name)


def _refuse_components(content: Mapping[str, Any]) -> None:
    if any(keys <= content.keys() for keys in _COMPONENTS):
        raise InputError(
            "The file holds GANSpace's components, which are not supported as they are; save the one that you want, "
            "times its deviation, as a .npy of [w]."
        )
