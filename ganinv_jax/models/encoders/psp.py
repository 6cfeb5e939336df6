"""Encoders of whole pictures: the heads of pSp, e4e and ReStyle on a feature body, and ReStyle's passes."""

from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ganinv_jax.core.images import resize
from ganinv_jax.models.encoders.config import COARSE, MIDDLE, PspConfig
from ganinv_jax.models.encoders.irse import IRBody, Maps
from ganinv_jax.models.encoders.resnet import ResNetBody
from ganinv_jax.models.layers import Conv, LinearOfMaps, Norm, average_pool, stretch_to
from ganinv_jax.models.stylegan2.layers import Dense

POOLED = 7  # side of the last map as 'w_plus' reads it
BODIES = {"irse50": IRBody, "resnet34": ResNetBody}


class PspEncoder(nn.Module):
    """What the body reads, [b, *config.input_size, config.seen_channels] -> raw codes [b, num_ws, w_dim].

    See `encode_psp` for how the codes of a picture come of them. Variables: {'params', 'buffers'}. Source:
    eladrich/pixel2style2pixel, omertov/encoder4editing and yuval-alaluf/restyle-encoder, models/encoders.
    """

    config: PspConfig

    @nn.compact
    def __call__(self, seen: Float[Array, "b h w i"]) -> Float[Array, "b l w"]:
        config = self.config
        if config.from_average:
            self.variable("buffers", "latent_avg", jnp.zeros, (config.average_rows, config.w_dim))
        maps = BODIES[config.body](config.widths, name="body")(seen)
        heads = {"pyramid": self._pyramid, "coarse": self._coarse, "w": self._w, "w_plus": self._w_plus}
        return heads[config.heads](maps)

    def _pyramid(self, maps: Maps):
        _, fine, middle, coarse = maps
        width = self.config.widths[-1]
        middle = stretch_to(coarse, middle) + Conv(width, 1, use_bias=True, name="lateral1")(middle)
        fine = stretch_to(middle, fine) + Conv(width, 1, use_bias=True, name="lateral2")(fine)
        levels = [0 if i < COARSE else 1 if i < MIDDLE else 2 for i in range(self.config.num_ws)]
        return self._rows([coarse, middle, fine], levels)

    def _coarse(self, maps: Maps):
        return self._rows([maps[-1]], [0] * self.config.num_ws)

    def _rows(self, maps: list[Array], levels: list[int]):
        """Row i of map levels[i]; each map has twice the side of the one before."""
        config = self.config
        rows = [
            MapToStyle(config.w_dim, config.halvings + level, name=f"style{i}")(maps[level])
            for i, level in enumerate(levels)
        ]
        if config.deltas:
            rows = [rows[0] + row if i else row for i, row in enumerate(rows)]
        return jnp.stack(rows, axis=1)

    def _w(self, maps: Maps):
        w = Dense(self.config.w_dim, name="linear")(jnp.mean(maps[-1], axis=(1, 2)))
        return jnp.repeat(w[:, None], self.config.num_ws, axis=1)

    def _w_plus(self, maps: Maps):
        config = self.config
        x = average_pool(Norm(name="norm")(maps[-1]), POOLED)
        x = Dense(config.num_ws * config.w_dim, name="linear")(LinearOfMaps(config.w_dim, name="hidden")(x))
        return x.reshape(-1, config.num_ws, config.w_dim)


class MapToStyle(nn.Module):
    """A map [b, h, w, c], halved `halvings` times until one pixel is left, to a style [b, features]."""

    features: int
    halvings: int

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b o"]:
        for i in range(self.halvings):
            x = nn.leaky_relu(Conv(self.features, 3, stride=2, use_bias=True, name=f"conv{i}")(x), 0.01)
        return Dense(self.features, name="linear")(x[:, 0, 0])


def encode_psp(
    encoder: PspEncoder, generator: Any, variables: Mapping[str, Any], images: Float[Array, "b h w c"]
) -> Float[Array, "b l w"]:
    """Codes of pictures by pSp's, e4e's or ReStyle's encoder; see `models.encoders.encode`."""
    config = encoder.config
    images = fit(images, config.input_size)
    start = jnp.zeros((1, config.w_dim))
    if config.from_average:
        start = variables["encoder"]["buffers"]["latent_avg"]
    ws = jnp.broadcast_to(start, (len(images), config.num_ws, config.w_dim))
    if config.passes is None:
        return ws + _raw(encoder, variables, images)

    def read_again(_, ws):
        drawn = generator.apply(variables["generator"], ws, method="synthesize")
        shown = average_pool(_centre(drawn, config.input_size), config.input_size)
        return ws + _raw(encoder, variables, jnp.concatenate([images, shown], axis=-1))

    return jax.lax.fori_loop(0, config.passes, read_again, ws)


def fit(images: Float[Array, "b h w c"], size: tuple[int, int]) -> Float[Array, "b H W c"]:
    """The largest centred part of the proportions of `size`, resized to it."""
    images = _centre(images, size)
    return images if images.shape[1:3] == size else resize(images, size)


def _raw(encoder: PspEncoder, variables: Mapping[str, Any], seen: Array) -> Array:
    return encoder.apply(variables["encoder"], seen)  # type: ignore[return-value]


def _centre(images, size: tuple[int, int]):
    height, width = images.shape[1:3]
    rows, columns = min(height, round(width * size[0] / size[1])), min(width, round(height * size[1] / size[0]))
    top, left = (height - rows) // 2, (width - columns) // 2
    return images[:, top : top + rows, left : left + columns]
