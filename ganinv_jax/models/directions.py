"""Directions in the latent space: what an edit moves a picture's latents along."""

import dataclasses

import numpy as np
from jaxtyping import Float

from ganinv_jax.core.configs import check

MOST_LAYERS = 20  # what a generator of 2048 px has; a table with more rows is no single direction


@dataclasses.dataclass(frozen=True, eq=False)
class Direction:
    """A direction in W or W+, as long as its author left it: an edit of strength 1 adds it once.

    vector: float32, [w] for all layers alike, or [l, w] with a row for each layer. Raises InputError, naming `name`,
    where it is anything else, not finite or zero.
    """

    vector: Float[np.ndarray, "*l w"]
    name: str = "direction"

    def __post_init__(self):
        shape, what = list(self.vector.shape), f"The direction {self.name!r}"
        check(
            self.vector.ndim in (1, 2) and self.vector.shape[-1] > 1,
            f"{what} must be a vector [w], or [l, w] with a row for each layer, but has shape {shape}.",
        )
        check(
            self.vector.ndim == 1 or len(self.vector) <= MOST_LAYERS,
            f"{what} must have at most {MOST_LAYERS} rows, one a layer, but has shape {shape}; save it alone.",
        )
        check(self.vector.dtype == np.float32, f"{what} must be of float32, but is of {self.vector.dtype}.")
        check(bool(np.isfinite(self.vector).all()), f"{what} must be finite, but has a NaN or an infinity.")
        check(bool(self.vector.any()), f"{what} must lead somewhere, but is zero.")
