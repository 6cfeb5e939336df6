"""What ops that compute in half precision keep wide."""

import jax.numpy as jnp
from jaxtyping import Array, Float


def lay_over(values: Float[Array, "*s"], x: Float[Array, "*t"]) -> Float[Array, "*t"]:
    """`values`, one a channel, a picture or a pixel, as something of the shape and precision of `x`.

    They are broadcast before they are rounded, so that their gradient, which is a sum over up to millions of positions,
    is taken in their own precision. Compilers fuse both into what comes next.
    """
    return jnp.broadcast_to(values, x.shape).astype(x.dtype)
