"""Adversarial losses and the regularisers of StyleGAN2; losses return one value a picture."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def generator_logistic(fake_logits: Float[Array, " b"]) -> Float[Array, " b"]:
    """Non-saturating: -log sigmoid(D(fake)). Source: Goodfellow et al. 2014; StyleGAN2."""
    return jax.nn.softplus(-fake_logits)


def discriminator_logistic(real_logits: Float[Array, " b"], fake_logits: Float[Array, " b"]) -> Float[Array, " b"]:
    """-log sigmoid(D(real)) - log(1 - sigmoid(D(fake)))."""
    return jax.nn.softplus(-real_logits) + jax.nn.softplus(fake_logits)


def r1_penalty(score: Callable[[Array], Float[Array, " b"]], images: Float[Array, "b h w c"]) -> Float[Array, ""]:
    """Mean over pictures of |d score / d picture|^2, to be differentiated by what `score` closes over.

    The gradient g of the scores is taken first and held; |g|^2 is then a directional derivative of the score along g,
    whose parameter gradient is half that of |g|^2. That is forward over reverse: exact, and about four times faster
    than differentiating a gradient. Source: Mescheder et al. 2018 (R1).
    """
    direction = jax.lax.stop_gradient(jax.grad(lambda x: jnp.sum(score(x)))(images))
    _, along = jax.jvp(lambda x: jnp.sum(score(x)), (images,), (direction,))
    # `along` is |g|^2 too, but rounded on its way through layers that may compute in half precision.
    return _with_gradient_of(value=jnp.sum(direction**2), surrogate=2 * along) / images.shape[0]


def path_length_penalty(
    synthesize: Callable[[Array], Float[Array, "b h w c"]],
    ws: Float[Array, "b l d"],
    key: Array,
    mean: Float[Array, ""],
    decay: float = 0.01,
) -> tuple[Float[Array, ""], Float[Array, ""], Float[Array, ""]]:
    """Mean over pictures of (|J^T y| - a)^2, with a the running mean of |J^T y|, y white noise and J = d image / d ws.

    Returns (penalty, new running mean, mean length), as NVIDIA's `Gpl`: lengths are averaged over the rows of W+, and
    the new mean takes part in the penalty. The gradient is exact; like R1 it is taken along a held direction.
    Source: Karras et al. 2020, section 3.2; `training/loss.py` of stylegan2-ada-pytorch.
    """
    batch, rows, _ = ws.shape
    shape = jax.eval_shape(synthesize, ws).shape
    noise = jax.random.normal(key, shape) / jnp.sqrt(shape[1] * shape[2])

    def projected(ws):
        return jnp.sum(synthesize(ws) * noise)

    slopes = jax.lax.stop_gradient(jax.grad(projected)(ws))
    lengths = jnp.sqrt(jnp.mean(jnp.sum(slopes**2, axis=2), axis=1))
    mean = mean + decay * (jnp.mean(lengths) - mean)
    excess = lengths - mean
    # d penalty = sum_i weights_i * d length_i, and d length_i = slopes_i . d slopes_i / (rows * length_i)
    weights = 2 / batch * (excess - decay * jnp.mean(excess))
    direction = slopes * (weights / (rows * lengths + 1e-12))[:, None, None]
    _, along = jax.jvp(projected, (ws,), (direction,))
    return _with_gradient_of(value=jnp.mean(excess**2), surrogate=along), mean, jnp.mean(lengths)


def _with_gradient_of(value, surrogate):
    return jax.lax.stop_gradient(value - surrogate) + surrogate
