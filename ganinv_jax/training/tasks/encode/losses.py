"""What codes are measured by; pictures are by squared error, features and the discriminator."""

import jax.numpy as jnp
from jaxtyping import Array, Float


def code_error(ws: Float[Array, "b l w"], true: Float[Array, "b l w"]) -> Float[Array, " b"]:
    """Mean squared error of codes."""
    return jnp.mean((ws - true) ** 2, axis=(1, 2))


def row_spread(ws: Float[Array, "b l w"]) -> Float[Array, " b"]:
    """The lengths of all rows' differences from the first, summed: 0 in W. Source: e4e (arXiv:2102.02766)."""
    squares = jnp.sum((ws[:, 1:] - ws[:, :1]) ** 2, axis=2)
    # Without the 1e-12 a code in W, such as the average w that training begins with, would have no gradient.
    return jnp.sum(jnp.sqrt(squares + 1e-12), axis=1)
