"""Codes that somebody has already, for an inversion to begin from."""

import os
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from ganinv_jax.core.configs import check
from ganinv_jax.pipelines.state import check_made_by, load_states

if TYPE_CHECKING:
    from ganinv_jax.pipelines.model import Model


def given_codes(model: "Model", start: Any, known: Collection[str]) -> Float[np.ndarray, "k l w"] | None:
    """The codes of what an inversion is told to start from; None where that is one of the `known` names.

    start: a state.npz or a folder that holds some, as `ganinv inpaint` and `ganinv invert` write them, a result of
    either, or an array [k, l, w]. Raises InputError for anything else, and where another model made the codes.
    """
    if isinstance(start, str) and start in known:
        return None
    if isinstance(start, str | os.PathLike):
        path = Path(start).expanduser()
        names = ", ".join(known)
        check(path.exists(), f"start must be {names}, a folder or a state.npz, but there is no {start!r}.")
        states = list(load_states(path).values())
    elif hasattr(start, "ws"):
        states = [getattr(start, "state", start)]
    else:
        return _fitting(model, start)
    for state in states:
        check_made_by(model, state)
    return np.concatenate([_fitting(model, state.ws) for state in states])


def for_photos(codes: Float[np.ndarray, "k l w"], photos: int) -> Float[np.ndarray, "b l w"]:
    """A code a photo; one serves all. Raises InputError where there are other numbers of them."""
    count = len(codes)
    check(
        count in (1, photos),
        f"start must hold one code or one a photo, but it holds {count} and there are {photos} photos.",
    )
    return np.repeat(codes, photos // count, axis=0)


def _fitting(model: "Model", codes: Any) -> Float[np.ndarray, "k l w"]:
    codes, config = np.asarray(codes), model.config
    wanted = (config.num_ws, config.w_dim)
    fits = codes.ndim == 3 and codes.shape[1:] == wanted and codes.dtype.kind == "f"
    told = f"but got {codes.dtype} {list(codes.shape)}"
    check(fits, f"start must be codes, floats [b, {wanted[0]}, {wanted[1]}] for this model, {told}.")
    check(bool(np.isfinite(codes).all()), "start must be finite codes, but some are not.")
    return np.asarray(codes, np.float32)
