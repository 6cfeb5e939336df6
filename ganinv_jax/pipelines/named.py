"""Which direction is meant: one that came with the model, one out of a file, a style channel, or an array."""

import dataclasses
import difflib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from ganinv_jax.core.errors import InputError
from ganinv_jax.editing import AnyDirection, channel_deviations, channel_direction
from ganinv_jax.models.directions import Direction
from ganinv_jax.models.stylegan2 import Layer, styles_of
from ganinv_jax.pipelines.searches import sample_w

if TYPE_CHECKING:
    from ganinv_jax.pipelines.model import Model

STYLE_SAMPLES = 2048  # codes that a style channel's deviation is measured on


def find_direction(model: "Model", direction: Any) -> AnyDirection:
    """What `edit` takes as a direction, as one. Raises InputError, naming those that exist, where there is none."""
    if isinstance(direction, AnyDirection):
        return direction
    if not isinstance(direction, str | os.PathLike):
        return Direction(np.array(direction, np.float32))
    name = os.fspath(direction)
    if name in model.directions:
        return model.directions[name]
    channel = re.fullmatch(r"(\d+)\.([a-z]+\d?)\.(\d+)", name)
    if channel:
        layer = int(channel[1]), channel[2]
        return channel_direction(_deviations(model), layer, int(channel[3]))
    found = _from_file(name)
    if found is None:
        raise _refuse(model, name)
    return found


def _from_file(name: str) -> Direction | None:
    # Conversion stands beside the package; only those who open such a file load it.
    from conversion.directions import read_direction

    path, _, inner = name.rpartition(":")
    if Path(name).expanduser().exists():
        found = read_direction(name)
        return dataclasses.replace(found, name=Path(name).stem) if found.name == "direction" else found
    return read_direction(path, inner) if path and Path(path).expanduser().exists() else None


def _refuse(model: "Model", name: str) -> InputError:
    if not model.directions:
        return InputError(f"{model.name} has no directions, and there is no file {name!r}; run: ganinv directions")
    near = difflib.get_close_matches(name, model.directions, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    known = ", ".join(model.directions)
    return InputError(f"There is no direction {name!r}; {hint}{model.name} has {known}; or give a file.")


def _deviations(model: "Model") -> dict[Layer, Float[np.ndarray, " c"]]:
    network, w = model.network("generator"), sample_w(model, STYLE_SAMPLES)
    ws = np.repeat(w[:, None], network.config.num_ws, axis=1)
    return channel_deviations(styles_of(network.config, network.variables, ws))
