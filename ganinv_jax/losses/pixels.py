"""Losses of pixels."""

import jax.numpy as jnp
from jaxtyping import Array, Float


def psnr(mse: Float[Array, "*s"]) -> Float[Array, "*s"]:
    """In dB, of pictures in [-1, 1] with that mean squared error."""
    return 10 * jnp.log10(4 / mse)
