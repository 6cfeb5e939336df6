"""The skip encoder: fine detail of the known pixels, handed to the generator's blocks (arXiv:2307.15033, stage 2)."""

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from ganinv_jax.models.inpainting.config import SkipConfig
from ganinv_jax.models.inpainting.layers import Block, Linear, Trunk, fold, leaky_relu, norm, repeat2, zeros
from ganinv_jax.models.precision import Compute, lowered


class SkipEncoder(nn.Module):
    """(erased [b, h, w, 3], known [b, h, w, 1]) -> {resolution: features [b, r, r, c]}; all zero as initialised.

    render: what the generator draws without these features; needed where the config has `sees_render`, else ignored.

    A U-Net from the finest to the coarsest resolution and back, so that the fine features, too, know what lies further
    off than a few pixels. It never sees the picture behind the hole. With `compute` 'bf16' the features are bf16, too.
    """

    config: SkipConfig
    compute: Compute = "fp32"

    @nn.compact
    def __call__(
        self,
        erased: Float[Array, "b h w 3"],
        known: Float[Array, "b h w 1"],
        render: Float[Array, "b h w 3"] | None = None,
    ) -> dict[int, Float[Array, "b r r c"]]:
        config = self.config
        widths = tuple(config.channels(side) for side in config.levels)
        patch = config.resolution // config.levels[0]
        trunk = Trunk(widths, (config.blocks,) * len(widths), patch, name="trunk")
        seen = lowered(jnp.concatenate([erased, known], axis=-1), self.compute)
        more = None
        if config.sees_render:
            assert render is not None  # as the config has it
            about = lowered(jnp.concatenate([render, erased - known * render], axis=-1), self.compute)
            more = Linear(widths[0], zeros, name="render")(fold(about, patch))
        levels = dict(zip(config.levels, trunk(seen, more), strict=True))
        outputs, features, x = dict(zip(config.resolutions, config.widths, strict=True)), {}, None
        for side, level in reversed(levels.items()):
            x = level if x is None else self._join(level, x, side)
            if side in outputs:
                y = leaky_relu(norm(x, f"norm{side}"))
                features[side] = Linear(outputs[side], zeros, name=f"out{side}")(y)
        return features

    def _join(self, level, coarser, side: int):
        x = level + repeat2(Linear(level.shape[-1], name=f"up{side}")(coarser))
        for i in range(self.config.blocks):
            x = Block(name=f"join{side}_{i}")(x)
        return x
