"""Mapping network: latents (and labels) to the intermediate space W, and truncation towards its mean."""

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from ganinv_jax.models.stylegan2.config import MappingConfig
from ganinv_jax.models.stylegan2.layers import Dense, normalize_second_moment


class MappingNetwork(nn.Module):
    """z [b, z_dim] and labels c [b, c_dim] -> w [b, w_dim]; with z_dim 0, labels alone (the discriminator's).

    Keeps the average w as `buffers/w_avg`, unless config.w_avg_beta is None. Source: MappingNetwork of
    NVlabs/stylegan2-ada-pytorch.
    """

    config: MappingConfig
    z_dim: int
    c_dim: int
    w_dim: int
    keep_average: bool = True

    @nn.compact
    def __call__(self, z: Float[Array, "b z"] | None, c: Float[Array, "b c"] | None = None) -> Float[Array, "b w"]:
        config = self.config
        parts = []
        if self.z_dim:
            parts.append(normalize_second_moment(jnp.asarray(z, jnp.float32)))
        if self.c_dim:
            embedding = Dense(config.embed_features or self.w_dim, name="embed")(jnp.asarray(c, jnp.float32))
            parts.append(normalize_second_moment(embedding))
        x = jnp.concatenate(parts, axis=-1)
        for i in range(config.num_layers):
            last = i == config.num_layers - 1
            width = self.w_dim if last else config.layer_features or self.w_dim
            x = Dense(width, config.activation, config.lr_multiplier, name=f"fc{i}")(x)
        if self.keep_average and config.w_avg_beta is not None:
            self.variable("buffers", "w_avg", jnp.zeros, (self.w_dim,))
        return x


def truncate(
    ws: Float[Array, "b l w"], w_avg: Float[Array, " w"], psi: float, cutoff: int | None = None
) -> Float[Array, "b l w"]:
    """Pull the first `cutoff` rows (all with None) towards the average: w_avg + psi * (w - w_avg)."""
    pulled = w_avg + psi * (ws - w_avg)
    if cutoff is None:
        return pulled
    rows = jnp.arange(ws.shape[1])[:, None]
    return jnp.where(rows < cutoff, pulled, ws)
