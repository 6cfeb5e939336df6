"""SeFa: directions that change a generator's styles most, in closed form from its weights.

Shen and Zhou 2021 (arXiv:2007.06600); official code: genforce/sefa.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from ganinv_jax.editing.ganspace import upright


def sefa(
    weights: Sequence[Float[Any, "w c"]], count: int | None = None
) -> tuple[Float[np.ndarray, "k w"], Float[np.ndarray, "k"]]:
    """The `count` (default: all w) orthonormal directions of steepest change, steepest first, and their eigenvalues.

    weights: the affine maps' weights of the chosen layers, w to styles. Every channel's weights are scaled to length 1,
    so that channels count alike, as in the official `factorize_weight`; with A of all channels, these are A A^T's
    eigenvectors. The official code takes a general eigensolver's order; here they are sorted. The largest entry of each
    is positive.
    """
    columns = np.concatenate([np.asarray(weight, np.float64) for weight in weights], axis=1)
    columns /= np.maximum(np.linalg.norm(columns, axis=0), np.finfo(np.float64).tiny)
    values, vectors = np.linalg.eigh(columns @ columns.T)
    order = slice(None, None if count is None else -count - 1, -1)
    return upright(vectors.T[order]), values[order]
