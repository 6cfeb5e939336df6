"""What the families of plain state dicts share: files that hold one network's tensors by name and nothing else."""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from flax import linen as nn

from conversion.rules import variable_shapes
from ganinv_jax.core.errors import InputError

Tensors = Mapping[str, np.ndarray]

_COUNTER = ".num_batches_tracked"


def is_state_dict(content: Any) -> bool:
    """Whether a file's content is a table of tensors by name."""
    return (
        isinstance(content, dict)
        and bool(content)
        and all(isinstance(name, str) and isinstance(tensor, np.ndarray) for name, tensor in content.items())
    )


def without_counters(tensors: Tensors) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The tensors but for the counters of batch normalisation, and what was dropped, and why."""
    kept = {name: tensor for name, tensor in tensors.items() if not name.endswith(_COUNTER)}
    reason = "how many batches the network has seen in training; used to train on only"
    return kept, {} if len(kept) == len(tensors) else {f"*{_COUNTER}": reason}


def width(tensors: Tensors, name: str, axes: int, where: str) -> int:
    """The number of outputs of the layer whose weight is `name`, with so many axes. Raises InputError without it."""
    if name not in tensors:
        raise InputError(f"{where} must hold {name!r}, which the file lacks; it is not complete.")
    if tensors[name].ndim != axes:
        raise InputError(f"{where}.{name} must have {axes} axes, but has shape {list(tensors[name].shape)}.")
    return tensors[name].shape[0]


def picture_shapes(module: nn.Module, size: int) -> dict[str, tuple[int, ...]]:
    """Path -> shape of every variable of a network that looks at pictures of side `size`; nothing is computed."""
    return variable_shapes(module, jax.ShapeDtypeStruct((1, size, size, 3), np.float32))
