"""NVIDIA's persistent objects (torch_utils/persistence.py) as a tree of modules; their source text is not looked at."""

import dataclasses
import difflib
from collections.abc import Iterator
from typing import Any

import numpy as np

from ganinv_jax.core.errors import InputError
from ganinv_jax.core.torchfile import Call

_RECONSTRUCT = "torch_utils.persistence._reconstruct_persistent_obj"
_VERSION = "6"  # the only one that the published code defines

# The classes of stylegan2-ada-pytorch's `training.networks` and of stylegan3's `training.networks_stylegan2`.
_CLASSES = {
    "Conv2dLayer",
    "Discriminator",
    "DiscriminatorBlock",
    "DiscriminatorEpilogue",
    "FullyConnectedLayer",
    "Generator",
    "MappingNetwork",
    "MinibatchStdLayer",
    "SynthesisBlock",
    "SynthesisLayer",
    "SynthesisNetwork",
    "ToRGBLayer",
}
_ALIAS_FREE = "SynthesisInput"  # only the generator of stylegan3's `training.networks_stylegan3` has one


@dataclasses.dataclass(frozen=True)
class Module:
    """A torch module as it was pickled: `name` is its dotted path, '' for the network itself."""

    name: str
    kind: str
    attributes: dict[str, Any]
    parameters: dict[str, np.ndarray]
    buffers: dict[str, np.ndarray]
    children: dict[str, "Module"]

    def walk(self) -> Iterator["Module"]:
        """This module and all below it."""
        yield self
        for child in self.children.values():
            yield from child.walk()

    def tensors(self) -> dict[str, np.ndarray]:
        """All parameters and buffers by dotted name; frozen layers keep their weights as buffers."""
        found = {}
        for module in self.walk():
            for key, tensor in (module.parameters | module.buffers).items():
                found[_joined(module.name, key)] = tensor
        return found


def is_persistent(value: Any) -> bool:
    """Whether `value` is the record of a persistent object."""
    return isinstance(value, Call) and value.function.path == _RECONSTRUCT


def module_tree(record: Call, where: str) -> Module:
    """The tree of a pickled network. Raises InputError for an unknown class, version or structure."""
    if any(kind == _ALIAS_FREE for kind in _class_names(record)):
        raise InputError(
            f"{where} is an alias-free StyleGAN3 generator, which is not supported; "
            "StyleGAN2 networks are, those that the stylegan3 code wrote (--cfg=stylegan2) too."
        )
    return _module(record, "", where)


def _class_names(record: Any) -> Iterator[str]:
    if is_persistent(record):
        meta = record.args[0] if record.args and isinstance(record.args[0], dict) else {}
        yield str(meta.get("class_name"))
        state = meta.get("state")
        modules = state.get("_modules") if isinstance(state, dict) else None
        for child in modules.values() if isinstance(modules, dict) else ():
            yield from _class_names(child)


def _module(record: Any, name: str, where: str) -> Module:
    place = _joined(where, name)
    meta = record.args[0] if is_persistent(record) and len(record.args) == 1 else None
    if not isinstance(meta, dict) or str(meta.get("type")) != "class" or not isinstance(meta.get("state"), dict):
        raise InputError(f"{place} must be a persistent object of NVIDIA's code, but is something else.")
    if str(meta.get("version")) != _VERSION:
        raise InputError(f"{place} has persistence version {str(meta.get('version'))[:80]!r}; {_VERSION} is supported.")
    kind = str(meta.get("class_name"))[:80]
    if kind not in _CLASSES:
        near = difflib.get_close_matches(kind, _CLASSES, n=1)
        hint = f"; the nearest known one is {near[0]!r}" if near else ""
        raise InputError(f"{place} has the unknown class {kind!r}{hint}. StyleGAN2 networks of NVIDIA are supported.")
    state = meta["state"]
    children = {key: child for key, child in _table(state, "_modules", place).items() if child is not None}
    return Module(
        name,
        kind,
        {key: value for key, value in state.items() if key not in ("_parameters", "_buffers", "_modules")},
        _arrays(state, "_parameters", place),
        _arrays(state, "_buffers", place),
        {key: _module(child, _joined(name, key), where) for key, child in children.items()},
    )


def _arrays(state: dict, part: str, place: str) -> dict[str, np.ndarray]:
    arrays = {key: value for key, value in _table(state, part, place).items() if value is not None}
    for key, value in arrays.items():
        if not isinstance(value, np.ndarray):
            raise InputError(f"{place}.{key} must be a tensor, but is something else.")
    return arrays


def _table(state: dict, part: str, place: str) -> dict[str, Any]:
    table = state.get(part, {})
    if not isinstance(table, dict) or not all(isinstance(key, str) for key in table):
        raise InputError(f"{place}.{part} must be a table of names, but is something else.")
    return table


def _joined(*parts: str) -> str:
    return ".".join(part for part in parts if part)
