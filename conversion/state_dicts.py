"""What the families of plain state dicts share: files that hold one network's tensors by name and nothing else."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import jax
import numpy as np
from flax import linen as nn

from conversion.rules import Rule, variable_shapes
from ganinv_jax.core.errors import InputError

Tensors = Mapping[str, np.ndarray]

# Counts of the batches seen in training, beside each batch normalisation's statistics; nothing depends on them.
COUNTER = "num_batches_tracked"


def is_state_dict(content: Any) -> bool:
    """Whether a file's content is a table of tensors by name."""
    return (
        isinstance(content, dict)
        and bool(content)
        and all(isinstance(name, str) and isinstance(tensor, np.ndarray) for name, tensor in content.items())
    )


def tensors_of(table: Any, where: str) -> dict[str, np.ndarray]:
    """A state dict, checked to be one. Raises InputError for anything but a table of named tensors."""
    if not isinstance(table, dict) or not all(isinstance(name, str) for name in table):
        raise InputError(f"{where} must be a table of named tensors, but is something else.")
    for name, value in table.items():
        if not isinstance(value, np.ndarray):
            raise InputError(f"{where}.{name[:80]} must be a tensor, but is something else.")
    return dict(table)


def shape_of(tensors: Tensors, name: str, axes: int, where: str) -> tuple[int, ...]:
    """The shape of a tensor that sizes are derived from. Raises InputError where it is missing or has other axes."""
    if name not in tensors:
        raise InputError(f"{where} must hold {name!r}, which the file lacks; it is not complete.")
    shape = tensors[name].shape
    if len(shape) != axes or 0 in shape:
        raise InputError(f"{where}.{name} must have {axes} axes, none of them empty, but has shape {list(shape)}.")
    return shape


def count_of(tensors: Tensors, pattern: str) -> int:
    """How many texts stand in the first group of the pattern; gaps are found when the tensors are brought in."""
    return len({found[1] for name in tensors if (found := re.match(pattern, name))})


def counters(rules: Iterable[Rule]) -> frozenset[str]:
    """The names of the counters that lie beside the batch statistics of these rules."""
    norms = {rule.source.rpartition(".")[0] for rule in rules if rule.source.endswith(".running_mean")}
    return frozenset(f"{norm}.{COUNTER}" for norm in norms)


def dropped_counters(tensors: Tensors, where: str = "") -> dict[str, str]:
    """What to say of the counters, where there are any; `where` is the prefix that the file has before their names."""
    some = any(name.endswith(f".{COUNTER}") for name in tensors)
    return {f"{where}*.{COUNTER}": "how many batches were seen; used in training only"} if some else {}


def picture_shapes(module: nn.Module, size: int) -> dict[str, tuple[int, ...]]:
    """Path -> shape of every variable of a network that looks at pictures of side `size`; nothing is computed."""
    return variable_shapes(module, jax.ShapeDtypeStruct((1, size, size, 3), np.float32))
