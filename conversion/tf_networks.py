"""NVIDIA's pickled TensorFlow networks (dnnlib/tflib/network.py), plainly; the source text in them is not looked at."""

import dataclasses
import math
from typing import Any

import numpy as np

from conversion.state_dicts import shape_of
from ganinv_jax.core.errors import InputError
from ganinv_jax.core.torchfile import Call

_NETWORK = "dnnlib.tflib.network.Network"
_VERSIONS = (4, 5)
_PROGRESSIVE = ("ToRGB_lod", "FromRGB_lod")  # one output layer a level of detail, blended while the network grows


@dataclasses.dataclass(frozen=True)
class TfNetwork:
    """A network with its components.

    name: what messages call it. version: of its state, 4 for stylegan2 and 5 for stylegan2-ada. options: those that it
    was made with, by name. tensors: by name, a component's after the component's own name and a slash.
    """

    name: str
    version: int
    options: dict[str, Any]
    tensors: dict[str, np.ndarray]

    def shape(self, tensor: str, axes: int) -> tuple[int, ...]:
        """The shape of a tensor that sizes are derived from. Raises InputError where there is none of `axes` axes."""
        return shape_of(self.tensors, tensor, axes, self.name)


def is_network(value: Any) -> bool:
    """Whether `value` is the record of a TensorFlow network."""
    return isinstance(value, Call) and value.function.path == _NETWORK


def read_network(record: Call, name: str) -> TfNetwork:
    """A pickled network. Raises InputError for a version, an architecture or a structure that is not supported."""
    state = _state(record, name)
    tensors = _variables(state, name)
    for part, component in _table(state, "components", name).items():
        inner = _state(component, f"{name}.{part}")
        if _table(inner, "components", f"{name}.{part}"):
            raise InputError(f"{name}.{part} must have no components of its own, but has some.")
        tensors |= {f"{part}/{key}": value for key, value in _variables(inner, f"{name}.{part}").items()}
    growing = [key for key in tensors if any(layer in key for layer in _PROGRESSIVE)]
    if growing:
        raise InputError(
            f"{name} was grown progressively (it holds {growing[0]!r}; configurations A to D), which is not supported; "
            "stylegan2's configurations E and F are, and stylegan2-ada's networks."
        )
    options = {key: _option(value, key, name) for key, value in _table(state, "static_kwargs", name).items()}
    return TfNetwork(name, state["version"], options, tensors)


def _state(record: Any, place: str) -> dict[str, Any]:
    state = record.state if is_network(record) else None
    if not isinstance(state, dict):
        raise InputError(f"{place} must be a network of NVIDIA's TensorFlow code with a state, but is something else.")
    version = state.get("version")
    if not isinstance(version, int) or version not in _VERSIONS:
        raise InputError(
            f"{place} has state version {version!r}; 4 (stylegan2) and 5 (stylegan2-ada) are supported, "
            "the earlier ones of StyleGAN and Progressive GAN are not."
        )
    return state


def _variables(state: dict[str, Any], place: str) -> dict[str, np.ndarray]:
    pairs = state.get("variables")
    if not isinstance(pairs, list | tuple) or not all(isinstance(p, list | tuple) and len(p) == 2 for p in pairs):
        raise InputError(f"{place} must list its variables as pairs of name and value, but does not.")
    tensors = {}
    for key, value in pairs:
        if not isinstance(key, str) or not isinstance(value, np.ndarray | np.generic):
            raise InputError(f"{place} must hold arrays by name, but {str(key)[:80]!r} is something else.")
        if key in tensors:
            raise InputError(f"{place} must hold each variable once, but {key!r} comes twice.")
        tensors[key] = np.asarray(value)
    return tensors


def _table(state: dict[str, Any], part: str, place: str) -> dict[str, Any]:
    table = state.get(part, {})
    if not isinstance(table, dict) or not all(isinstance(key, str) for key in table):
        raise InputError(f"{place} must have a table of names as {part!r}, but has something else.")
    return table


def _option(value: Any, key: str, place: str) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    if not all(map(_is_plain, value if isinstance(value, list | tuple) else [value])):
        raise InputError(f"{place} must have a plain value as option {key!r}, but has {str(value)[:80]}.")
    return value


def _is_plain(value: Any) -> bool:
    finite = not isinstance(value, float) or math.isfinite(value)
    return isinstance(value, bool | int | float | str | None) and finite
