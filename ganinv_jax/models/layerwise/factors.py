"""Small networks that make factors of a generator's late features out of noise."""

import flax.linen as nn
from jaxtyping import Array, Float

from ganinv_jax.models.inpainting.layers import Linear, Trunk, leaky_relu, norm, zeros

CHANNELS = 32  # of the noise and inside; source: FixedGANPriorGenerator of davidbau/ganseeing, seeing/encoder_net.py


class FactorNetworks(nn.Module):
    """Noise [b, r, r, CHANNELS] -> {resolution: [b, r', r', c]}, 0 as initialised; widths: (resolution, c), any order.

    Convolutions from the noise down, with an output at every resolution that is asked for: neighbours share what they
    are changed by, as in a deep image prior. Source: Bau et al. 2019 (arXiv:2005.07727), section 4.3.
    """

    widths: tuple[tuple[int, int], ...]

    @nn.compact
    def __call__(self, noise: Float[Array, "b r r c"]) -> dict[int, Float[Array, "b r2 r2 c2"]]:
        side, widths = noise.shape[1], dict(self.widths)
        count = (side // min(widths)).bit_length()
        levels = Trunk((CHANNELS,) * count, (1,) * count, patch=1, name="trunk")(noise)
        found = {}
        for i, x in enumerate(levels):
            if side >> i in widths:
                y = leaky_relu(norm(x, f"norm{side >> i}"))
                found[side >> i] = Linear(widths[side >> i], zeros, name=f"factors{side >> i}")(y)
        return found
