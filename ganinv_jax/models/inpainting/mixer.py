"""The mixer: what the encoder saw and a random code, gated into one code (arXiv:2307.15033)."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ganinv_jax.models.inpainting.config import MixerConfig
from ganinv_jax.models.inpainting.layers import Linear, leaky_relu, zeros


class Mixer(nn.Module):
    """(ws_enc, ws_rand) [..., l, w] -> (ws, gate) [..., l, w]: ws = gate * ws_comb + (1 - gate) * ws_rand.

    One network serves all rows, which differ by a learned embedding; ws_comb is a change to `ws_enc`, and the gate has
    a value in (0, 1) for every channel of every row. As initialised ws_comb is `ws_enc` and the gate is 1/2. Without a
    gate (an ablation) the result is ws_comb and the gate is told as 1.
    """

    config: MixerConfig

    @nn.compact
    def __call__(
        self, ws_enc: Float[Array, "*b l w"], ws_rand: Float[Array, "*b l w"]
    ) -> tuple[Float[Array, "*b l w"], Float[Array, "*b l w"]]:
        config = self.config
        rows = self.param("rows", nn.initializers.normal(0.02), (config.num_ws, config.hidden))
        x = Linear(config.hidden, name="fc0")(jnp.concatenate([ws_enc, ws_rand], axis=-1)) + rows
        x = leaky_relu(Linear(config.hidden, name="fc1")(leaky_relu(x)))
        ws_comb = ws_enc + Linear(config.w_dim, zeros, name="change")(x)
        if not config.gate:
            return ws_comb, jnp.ones_like(ws_comb)
        gate = jax.nn.sigmoid(Linear(config.w_dim, zeros, name="gate")(x))
        return gate * ws_comb + (1 - gate) * ws_rand, gate
