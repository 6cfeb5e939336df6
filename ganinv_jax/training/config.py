"""Recipes: `configs/NAME.py` and overrides from the command line, converted once to frozen dataclasses."""

import ast
import copy
import dataclasses
import math
import runpy
import typing
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import ml_collections

from ganinv_jax.core.configs import check, from_dict, unknown_key
from ganinv_jax.core.errors import InputError
from ganinv_jax.training import auto, tasks
from ganinv_jax.training.task import Task


@dataclasses.dataclass(frozen=True)
class LoopSettings:
    """How long to train and how often to do what, in thousands of images (kimg). None of it changes the training."""

    total_kimg: float
    log_kimg: float = 1.0
    snapshot_kimg: float = 20.0
    checkpoint_kimg: float = 20.0
    export_kimg: float = 100.0
    """How often the model folder is written; like the others it is written at the end in any case."""
    keep: int = 3
    """How many checkpoints stay."""
    best: str = ""
    """A metric whose mean since the checkpoint before tells how good one is; the best stays, too, and `model_best/` is
    made of it. The highest is best, or with '-' before the name the lowest. '': none."""

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            positive = field.name == "best" or (value > 0 and math.isfinite(value))
            check(positive, f"loop.{field.name} must be positive, but it is {value}.")

    def steps(self, batch_size: int) -> int:
        """The number of steps in the whole run."""
        return math.ceil(self.total_kimg * 1000 / batch_size)


@dataclasses.dataclass(frozen=True)
class Recipe:
    """One training as a recipe file and overrides describe it."""

    task: str
    config: Any
    loop: LoopSettings

    def make(self) -> Task:
        """The task, which opens its data."""
        return tasks.task_class(self.task)(self.config)


def load(recipe: str, overrides: Sequence[str] = (), hardware: auto.Hardware | None = None) -> Recipe:
    """Read the recipe at the path `recipe`, or the installed one of that name, and apply `overrides`.

    A recipe's `get_config()` returns an `ml_collections.ConfigDict` with `task` (the name of a task), `loop`
    (LoopSettings) and the task's own options. An override is 'config.a.b=value', with or without leading dashes. With
    `auto` among the options, `auto.fill_in` chooses what recipe and overrides leave open; `hardware` is for it.
    Raises InputError for a recipe that does not exist, an option that does not exist (naming the nearest) or a value
    of another type.
    """
    values = read(recipe)
    changes = [_split(override) for override in overrides]
    values.update({path[0]: value for path, value in changes if path == ("task",)})
    check(isinstance(values.get("task"), str), f"The recipe {recipe} must name its task, as in config.task = 'gan'.")
    name = values.pop("task")
    options = tasks.task_class(name).Config
    for path, value in changes:
        if path != ("task",):
            _override(values, path, value, options)
    loop = from_dict(LoopSettings, values.pop("loop", {}))
    return Recipe(name, from_dict(options, auto.fill_in(values, options, hardware)), loop)


def read(recipe: str) -> dict[str, Any]:
    """The plain options in the recipe of that path or name, and its `task` and `loop`, as `load` begins with them."""
    config = runpy.run_path(str(_find(recipe))).get("get_config")
    check(callable(config), f"The recipe {recipe} must define get_config(), but it does not.")
    values = config()  # type: ignore[misc]
    return values.to_dict() if isinstance(values, ml_collections.ConfigDict) else copy.deepcopy(dict(values))


def beside(file: str, name: str) -> Any:  # An ml_collections.ConfigDict, whose options no type checker knows.
    """The config of the recipe `name` in the folder of the recipe `file`, for one recipe to build upon another."""
    return runpy.run_path(str(Path(file).with_name(f"{name}.py")))["get_config"]()


def _find(recipe: str) -> Path:
    path = Path(recipe)
    if path.is_file():
        return path
    known = {file.stem: file for file in _installed() if file.stem != "__init__"}
    if recipe.removesuffix(".py") in known:
        return known[recipe.removesuffix(".py")]
    raise InputError(f"There is no recipe {recipe}; give the path of a file, or one of: {', '.join(sorted(known))}.")


def _installed() -> Iterable[Path]:
    """The recipes that came with the package: `ganinv_jax.configs` when installed, `configs/` in a checkout."""
    package = Path(str(resources.files("ganinv_jax")))
    return [*(package.parent / "configs").glob("*.py"), *(package / "configs").glob("*.py")]


def _split(override: str) -> tuple[tuple[str, ...], str]:
    name, equals, value = override.lstrip("-").partition("=")
    parts = tuple(name.split("."))
    if not equals or parts[0] != "config" or len(parts) < 2 or not all(parts):
        raise InputError(f"Options of the recipe are given as --config.NAME=VALUE, but got {override!r}.")
    return parts[1:], value


def _override(values: dict[str, Any], path: tuple[str, ...], text: str, options: type) -> None:
    """Set one option in the plain dictionary; `options` is the dataclass that the task's part of it becomes."""
    hint: Any = options
    for depth, key in enumerate(path):
        hint = _hint(hint, key, ".".join(("config", *path[:depth])), extra={} if depth else {"loop": LoopSettings})
    for key in path[:-1]:
        if not isinstance(values.get(key), dict):
            values[key] = {}
        values = values[key]
    values[path[-1]] = _parse(text, hint)


def _hint(outer: Any, key: str, where: str, extra: dict[str, Any]) -> Any:
    """The type of the option `key` inside the type `outer`; Any inside free-form tables."""
    for kind in (outer, *typing.get_args(outer)):
        if dataclasses.is_dataclass(kind):
            known = typing.get_type_hints(kind) | extra
            if key not in known:
                raise unknown_key(key, known, where)
            return known[key]
    if outer is Any or typing.get_origin(outer) in (dict, Mapping) or outer in (dict, Mapping):
        return Any
    raise InputError(f"{where} is a single value and has no option {key!r}.")


def _parse(text: str, hint: Any) -> Any:
    """A Python literal, or the text itself where the option takes text; `from_dict` checks the type afterwards."""
    kinds = _kinds(hint)
    if type(None) in kinds and text.lower() == "none":
        return None
    if bool in kinds and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if str in kinds:
        return text
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _kinds(hint: Any) -> set[Any]:
    if typing.get_origin(hint) is typing.Literal:
        return {type(option) for option in typing.get_args(hint)}
    return {hint}.union(*(_kinds(inner) for inner in typing.get_args(hint) if typing.get_origin(hint) is not tuple))
