"""Transforms that happen only sometimes, from numbers between 0 and 1."""

import math

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float


def sometimes(die: Float[Array, "*n"], probability, value, neutral: float) -> jax.Array:
    """`value` where the die, U[0, 1), shows less than `probability`, else `neutral`."""
    return jnp.where(die < probability, value, neutral)


def between(uniform: Float[Array, "*n"], most: float) -> Float[Array, "*n"]:
    """U[0, 1) -> U[-most, most)."""
    return (2 * uniform - 1) * most


def normal(uniform: Float[Array, "*n"], std: float) -> Float[Array, "*n"]:
    """U[0, 1) -> N(0, std), cut off at -+5.4 standard deviations as `jax.random.normal` is."""
    return std * math.sqrt(2) * lax.erf_inv(jnp.maximum(2 * uniform - 1, -1 + 2**-23))
