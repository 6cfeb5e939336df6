"""The encoder: an erased picture to W+, through a feature pyramid with a head a style, as pSp (arXiv:2008.00951)."""

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from ganinv_jax.core.images import resize
from ganinv_jax.models.inpainting.config import EncoderConfig
from ganinv_jax.models.inpainting.layers import Linear, Trunk, fold, leaky_relu, norm, repeat2, zeros
from ganinv_jax.models.precision import Compute, at_least_fp32, lowered

COARSE, MIDDLE = 3, 4  # rows that the coarsest and the next pyramid level give (pSp); the finest gives the others


class StyleEncoder(nn.Module):
    """(erased [b, h, w, 3], known [b, h, w, 1]) -> offsets [b, l, w] from the average w; all zero as initialised."""

    config: EncoderConfig
    compute: Compute = "fp32"

    @nn.compact
    def __call__(self, erased: Float[Array, "b h w 3"], known: Float[Array, "b h w 1"]) -> Float[Array, "b l w"]:
        config = self.config
        x = jnp.concatenate([erased, known], axis=-1)
        if config.input_size < x.shape[1]:
            # Shrunk together, a pixel that is partly known keeps its share of both.
            x = resize(x, (config.input_size, config.input_size))
        widths = tuple(config.channels(side) for side in config.levels)
        levels = Trunk(widths, config.blocks, patch=2, name="trunk")(lowered(x, self.compute))
        pyramid = self._pyramid(levels[::-1][:3])
        rows = _rows(config.num_ws, len(pyramid))
        heads = [Heads(config, n, name=f"heads{i}")(x) for i, (x, n) in enumerate(zip(pyramid, rows, strict=True))]
        return at_least_fp32(jnp.concatenate(heads, axis=1))

    def _pyramid(self, levels: list[Array]) -> list[Array]:
        """Coarse to fine: each level with what the coarser ones saw."""
        maps = []
        for i, x in enumerate(levels):
            x = Linear(self.config.pyramid, name=f"lateral{i}")(x)
            maps.append(x + repeat2(maps[-1]) if maps else x)
        return maps


class Heads(nn.Module):
    """One map [b, h, w, c] to the styles [b, rows, w] of one pyramid level."""

    config: EncoderConfig
    rows: int

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b r w"]:
        w_dim = self.config.w_dim
        if self.config.shared_heads:
            x = Linear(self.rows * w_dim, zeros, name="styles")(self._read(x, "map"))
            return x.reshape(len(x), self.rows, w_dim)
        styles = [Linear(w_dim, zeros, name=f"style{i}")(self._read(x, f"map{i}")) for i in range(self.rows)]
        return jnp.stack(styles, axis=1)

    def _read(self, x, name: str):
        """Halve the map to `head_size` (once at least) and lay it out as one vector."""
        x, step = norm(x, f"{name}_norm"), 0
        while step == 0 or x.shape[1] > self.config.head_size:
            x = fold(x, 2) if x.shape[1] > self.config.head_size else x
            x = leaky_relu(Linear(self.config.head_channels, name=f"{name}{step}")(x))
            step += 1
        return x.reshape(len(x), -1)


def _rows(num_ws: int, levels: int) -> list[int]:
    """How many rows each pyramid level gives, coarse to fine; the finest that exists gives all that are left."""
    rows = [COARSE, MIDDLE][: levels - 1]
    return [*rows, num_ws - sum(rows)]
