"""What an inversion is asked for: a method and a task with their options, and photos."""

import inspect
import itertools
import os
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float, UInt8

from ganinv_jax.core.configs import check, coerce, unknown_key
from ganinv_jax.core.images import fit_square, read_photo
from ganinv_jax.inversion import METHODS, TASKS, UNFIT, Method
from ganinv_jax.inversion.degradations import Degradation
from ganinv_jax.inversion.schedule import Look
from ganinv_jax.pipelines.given import for_photos, given_codes
from ganinv_jax.pipelines.networks import can_encode
from ganinv_jax.pipelines.task_options import READERS

GIVEN = "given"
"""What methods that can start from codes that there are call that start; asked for by the codes themselves."""


class Request(NamedTuple):
    """method, degradation: with their options. names: of the photos, no two equal. squares: of the photos, as the model
    sees them. given: the codes to start from, if any."""

    method: Method
    degradation: Degradation
    names: list[str]
    squares: UInt8[np.ndarray, "b r r 3"]
    given: Float[np.ndarray, "b l w"] | None


def read_request(
    model: Any, photos: Any, method: str, task: str, steps: int | None, seed: int, options: Mapping[str, Any]
) -> Request:
    """What `invert` was asked for. Raises InputError as that does."""
    given, options = _taken(model, method, options)
    configured, degrade, for_task = configuration(method, task, options)
    if configured.needs_encoder and configured.without_encoder and not can_encode(model):
        configured = configured.without_encoder
    configured, side = configured.scaled(steps), model.config.resolution
    names, squares, size = _read(photos, side)
    for_task |= {name: READERS[name](value, size, side) for name, value in for_task.items() if name in READERS}
    degradation = degrade(side, seed, **for_task)
    _check_fit(configured, degradation, method, task)
    return Request(configured, degradation, names, squares, None if given is None else for_photos(given, len(names)))


def configuration(
    method: str, task: str, options: Mapping[str, Any]
) -> tuple[Method, Callable[..., Degradation], dict[str, Any]]:
    """(the method for the task, what makes the task's degradation, the options of that), from names and options.

    A method whose defaults depend on the task is told it. Raises InputError for unknown names and bad options.
    """
    configure, degrade = _method(method), _named(TASKS, task, "task")
    for_method, for_task = _sorted_options(configure, degrade, options, f"{method} with the task {task}")
    if "task" in inspect.signature(configure).parameters:
        for_method["task"] = task
    return configure(**for_method), degrade, for_task


def _method(name: str) -> Callable[..., Method]:
    check(name not in UNFIT, UNFIT.get(name, ""))
    return _named(METHODS, name, "method")


def _named(known: Mapping[str, Callable[..., Any]], name: str, what: str) -> Callable[..., Any]:
    if name not in known:
        raise unknown_key(name, known, f"The list of {what}s")
    return known[name]


def _taken(model: Any, method: str, options: Mapping[str, Any]) -> tuple[Any, Mapping[str, Any]]:
    """The codes that the option `start` gives, and the options with its name for them."""
    starts = typing.get_args(typing.get_type_hints(_method(method)).get("start"))
    if "start" not in options or GIVEN not in starts:
        return None, options
    codes = given_codes(model, options["start"], [name for name in starts if name != GIVEN])
    return codes, options if codes is None else {**options, "start": GIVEN}


def _sorted_options(configure, degrade, options: Mapping[str, Any], where: str) -> tuple[dict, dict]:
    """The options that are the method's, and those that are the task's."""
    of_method = list(inspect.signature(configure).parameters)
    parameters = list(inspect.signature(degrade).parameters.values())[2:]  # after the side and the seed
    of_task = [parameter.name for parameter in parameters]
    for name in options:
        if name not in of_method and name not in of_task:
            raise unknown_key(name, [*of_method, *of_task], f"The method {where}")
    for parameter in parameters:
        given = parameter.name in options or parameter.default is not parameter.empty
        check(given, f"The method {where} needs the option {parameter.name}; give it.")
    hints = {**typing.get_type_hints(degrade), **typing.get_type_hints(configure)}
    typed = {name: _typed(name, value, hints[name]) for name, value in options.items()}
    return (
        {name: value for name, value in typed.items() if name in of_method},
        {name: value for name, value in typed.items() if name in of_task},
    )


def _typed(name: str, value: Any, hint: Any) -> Any:
    """The value of an option, as its function takes it."""
    if name in READERS:
        return value  # what it may be, its reader judges
    if name == "look" and isinstance(value, str):
        return Look(value)
    return coerce(hint, value.item() if isinstance(value, np.generic) else value, name)


def _read(photos: Any, side: int) -> tuple[list[str], UInt8[np.ndarray, "b r r 3"], tuple[int, int]]:
    """Names, of which no two are equal, the photos' squares, and the size of the first photo.

    One photo after the other, so that no two large ones are held at once.
    """
    batched = isinstance(photos, np.ndarray | jax.Array) and photos.ndim == 4
    many = batched or isinstance(photos, list | tuple)
    photos = list(photos) if many else [photos]
    check(bool(photos), "At least one photo must be given, but there is none.")
    names: list[str] = []
    squares, sizes = [], []
    for index, photo in enumerate(photos):
        name = Path(photo).stem if isinstance(photo, str | os.PathLike) else f"photo{index:02d}"
        names.append(name if name not in names else _unused(name, names))
        picture = read_photo(photo)
        squares.append(fit_square(picture, side))
        sizes.append(picture.shape[:2])
    return names, np.stack(squares), sizes[0]


def _unused(name: str, names: list[str]) -> str:
    return next(other for number in itertools.count(1) if (other := f"{name}_{number}") not in names)


def _check_fit(method: Method, degradation: Degradation, name: str, task: str) -> None:
    what = "its distance looks at pictures" if method.looks else "its encoder reads pictures"
    fits = degradation.pictures or not (method.looks or method.encodes)
    check(fits, f"{name} cannot do {task}, since {what} and there is none to be seen; choose csgm, or another task.")
    check(
        method.encodes or not degradation.begins,
        f"{name} cannot do {task}, since it begins elsewhere than at the encoder's code, which alone keeps the photo; "
        f"choose idinvert, or start=encoder where {name} has it.",
    )
