"""What networks compute in; their weights are float32 all the same."""

from typing import Literal

import jax.numpy as jnp
from jaxtyping import Array, Float

Compute = Literal["fp32", "bf16", "source"]
"""'source': where the official code computes in half precision, in fp16 as it does."""


def lowered(x: Float[Array, "*s"], compute: Compute) -> Float[Array, "*s"]:
    """What a network whose layers keep the precision of their input is given: in bf16 if it is to compute in that.

    It is for networks whose official code has no half precision, so that 'source' is fp32.
    """
    return x.astype(jnp.bfloat16) if compute == "bf16" else x


def at_least_fp32(x: Float[Array, "*s"]) -> Float[Array, "*s"]:
    """The same numbers, as wide as statistics and results are."""
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))
