"""Moving codes along a direction, in all rows of W+ or in some."""

from collections.abc import Collection
from typing import Any

import numpy as np
from jaxtyping import Float

from ganinv_jax.core.configs import check
from ganinv_jax.models.directions import Direction


def move(
    ws: Float[Any, "k l w"], direction: Direction, strength: float, layers: Collection[int] | None = None
) -> Float[np.ndarray, "k l w"]:
    """ws + strength * direction, in the rows `layers` (default: all); strength 0 gives the very codes back.

    Raises InputError where the direction does not fit the codes, or for a row that they do not have.
    """
    ws = np.asarray(ws, np.float32)
    rows, width = ws.shape[1:]
    return ws + np.float32(strength) * at_rows(direction, rows, width, layers)


def at_rows(
    direction: Direction, rows: int, width: int, layers: Collection[int] | None = None
) -> Float[np.ndarray, "l w"]:
    """The direction with a row for each row of W+, zero but in `layers`. Raises InputError as `move` does."""
    shape = list(direction.vector.shape)
    check(
        shape in ([width], [rows, width]),
        f"The direction {direction.name!r} must have the shape [{width}] or [{rows}, {width}] for this model, but has "
        f"{shape}; use one that was found in this model.",
    )
    return np.where(chosen_rows(rows, layers)[:, None], direction.vector, np.float32(0))


def chosen_rows(rows: int, layers: Collection[int] | None) -> np.ndarray:
    """Which of the rows are meant, as truth values. Raises InputError for rows that do not exist."""
    wrong = [layer for layer in layers or () if not 0 <= layer < rows]
    check(not wrong, f"layers must lie between 0 and {rows - 1} for this model, but {wrong} do not.")
    check(layers is None or len(layers) > 0, "layers must name at least one row of W+; leave it out for all.")
    return np.ones(rows, bool) if layers is None else np.isin(np.arange(rows), list(layers))
