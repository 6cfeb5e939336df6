"""The things that can be trained, by name; each is imported when it is asked for."""

import importlib
from typing import Any

from ganinv_jax.core.configs import unknown_key
from ganinv_jax.core.errors import InputError

TASKS = {
    "encode": "ganinv_jax.training.tasks.encode:EncodeTask",
    "gan": "ganinv_jax.training.tasks.gan:GanTask",
    "inpaint": "ganinv_jax.training.tasks.inpaint:InpaintTask",
    "layers": "ganinv_jax.training.tasks.layers:LayersTask",
}


def task_class(name: str) -> Any:
    """The `training.task.Task` class called `name`: a key of TASKS, or 'module:Class' for one of the user's own.

    Raises InputError where there is none.
    """
    place = TASKS.get(name, name)
    module, colon, attribute = place.partition(":")
    if not colon:
        raise unknown_key(name, TASKS, "config.task")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (AttributeError, ModuleNotFoundError) as error:
        if isinstance(error, ModuleNotFoundError) and error.name != module:
            raise  # Something that the module needs is missing, which is another matter.
        raise InputError(f"config.task must name a task, but there is no {place}.") from error
