"""The energy distance between two sets of pictures, or of their features."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def energy_distance(reals: Float[Array, "n ..."], fakes: Float[Array, "m ..."]) -> Float[Array, ""]:
    """(2 E|r - f| - E|r - r'| - E|f - f'|) / E|r - r'|, of Euclidean distances between whole rows; n and m are at
    least 2.

    What is divided has a mean over samples of 0 where both come from one distribution, whatever n and m, and above 0
    otherwise, so that a single value can be negative. Source: Székely and Rizzo, Energy statistics: A class of
    statistics based on distances (2013), who divide by 2 E|r - f|. The divisor here lets distances of several features
    be added, and counts as a thousandth of the rows' norm at least; that sets of reals which differ less weigh more
    leaves a bias, small for n of 16 and more. No gradient goes to `reals`.
    """
    reals, fakes = jax.lax.stop_gradient(reals.reshape(len(reals), -1)), fakes.reshape(len(fakes), -1)
    own, norm = _mean_of_pairs(reals), jnp.sqrt(jnp.mean(jnp.sum(reals**2, axis=1)))
    apart = 2 * jnp.mean(jnp.sqrt(_squares(reals, fakes))) - own - _mean_of_pairs(fakes)
    return apart / jnp.maximum(own, 1e-3 * norm)


def _mean_of_pairs(rows):
    count = len(rows)
    same = jnp.eye(count, dtype=bool)
    # A row's distance from itself would have no gradient.
    distances = jnp.where(same, 0.0, jnp.sqrt(jnp.where(same, 1.0, _squares(rows, rows))))
    return jnp.sum(distances) / (count * (count - 1))


def _squares(a, b):
    product = jnp.matmul(a, b.T, precision=jax.lax.Precision.HIGHEST)
    squares = jnp.sum(a**2, axis=1)[:, None] + jnp.sum(b**2, axis=1) - 2 * product
    return jnp.maximum(squares, 1e-8)  # equal rows: rounding can leave less than 0, and 0 has no root's gradient
