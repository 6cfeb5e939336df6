"""A term that keeps a generator from leaving out parts of the data."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ganinv_jax.core.images import resize


def coverage(fakes: Float[Array, "b h w c"], reals: Float[Array, "n h w c"], size: int) -> Float[Array, " n"]:
    """For each real picture the mean squared error to the nearest fake, both reduced to `size` pixels a side.

    An adversarial loss asks whether each fake could be real; this one asks whether each real has a fake near it, which
    a generator of one pose fails. Reduced, it has nothing to say on texture. Source: implicit maximum likelihood
    estimation (Li & Malik, arXiv:1809.09087), with the batch's fakes as its pool.
    """
    a, b = (resize(x, (size, size)).reshape(len(x), -1) for x in (fakes, reals))
    products = jnp.matmul(b, a.T, precision=jax.lax.Precision.HIGHEST)
    nearest = jnp.argmin(jnp.sum(a**2, axis=1) - 2 * products, axis=1)
    return jnp.mean((b - a[nearest]) ** 2, axis=1)
