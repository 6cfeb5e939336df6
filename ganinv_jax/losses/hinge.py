"""The hinge losses, on one map of logits or one a head; they return one value a picture.

Source: Lim & Ye, Geometric GAN (arXiv:1705.02894); Projected GANs (arXiv:2111.01007) average it over heads.
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

Logits = Float[Array, "b *positions"] | Sequence[Float[Array, "b *positions"]]


def generator_hinge(fake_logits: Logits) -> Float[Array, " b"]:
    """-D(fake), averaged over positions, then over heads."""
    return _average(jnp.negative, fake_logits)


def discriminator_hinge(real_logits: Logits, fake_logits: Logits) -> Float[Array, " b"]:
    """max(0, 1 - D(real)) + max(0, 1 + D(fake)), averaged over positions, then over heads."""
    real = _average(lambda logits: jax.nn.relu(1 - logits), real_logits)
    return real + _average(lambda logits: jax.nn.relu(1 + logits), fake_logits)


def _average(loss: Callable[[Array], Array], logits: Logits) -> Float[Array, " b"]:
    heads = [logits] if isinstance(logits, jax.Array | np.ndarray) else logits
    return jnp.mean(jnp.stack([jnp.mean(loss(x).reshape(len(x), -1), axis=1) for x in heads]), axis=0)
