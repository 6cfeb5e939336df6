"""What perceptual terms weigh in training."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ganinv_jax.core.rng import seed_z
from ganinv_jax.losses.perceptual import PerceptualDistance, perceptual_scale

CALIBRATION_PAIRS = 64  # of pictures, that the scale is measured on


def calibrated(
    distance: PerceptualDistance, variables: Any, draw: Callable[[Array], Array], z_dim: int
) -> Float[Array, ""]:
    """`perceptual_scale` on pictures of the first seeds, a few at a time.

    variables: the distance's. draw: pictures [b, h, w, 3] of latents [b, z].
    """
    z = jnp.asarray(seed_z(range(2 * CALIBRATION_PAIRS), z_dim))
    images = jax.lax.map(lambda row: draw(row[None])[0], z, batch_size=8)
    return perceptual_scale(distance, variables, images[:CALIBRATION_PAIRS], images[CALIBRATION_PAIRS:])
