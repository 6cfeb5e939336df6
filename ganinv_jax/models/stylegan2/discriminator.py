"""The discriminator; source: Discriminator, DiscriminatorBlock and DiscriminatorEpilogue of stylegan2-ada-pytorch."""

import math
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from ganinv_jax.models.precision import Compute
from ganinv_jax.models.stylegan2.config import DiscriminatorConfig
from ganinv_jax.models.stylegan2.layers import Conv, Dense
from ganinv_jax.models.stylegan2.mapping import MappingNetwork
from ganinv_jax.models.stylegan2.synthesis import block_dtype
from ganinv_jax.ops.upfirdn2d import downsample2d, normalized_kernel


class Discriminator(nn.Module):
    """images [b, h, w, c] in [-1, 1] (and one-hot labels) -> logits [b]; higher is more real.

    The minibatch standard deviation looks at groups of the batch, so a logit depends on the pictures beside it.
    """

    config: DiscriminatorConfig
    compute: Compute = "fp32"

    @nn.compact
    def __call__(self, images: Float[Array, "b h w c"], c: Float[Array, "b k"] | None = None) -> Float[Array, " b"]:
        config = self.config
        features, images = self._blocks(images)
        x = Epilogue(config, name="b4")(features[4].astype(jnp.float32), images)
        if not config.projection_dim:
            return x[:, 0]
        network = MappingNetwork(config.mapping, 0, config.c_dim, config.projection_dim, False, name="mapping")
        return jnp.sum(x * network(None, c), axis=-1) / math.sqrt(config.projection_dim)

    @nn.compact
    def features(self, images: Float[Array, "b h w c"]) -> dict[int, Float[Array, "b h w c"]]:
        """What leaves each block, by the resolution at which it leaves: resolution / 2, ..., 4."""
        return self._blocks(images)[0]

    def _blocks(self, images: Any):
        config, x = self.config, None
        features: dict[int, Any] = {}
        for resolution in reversed(config.block_resolutions[1:]):
            dtype = block_dtype(self.compute, resolution, config.resolution, config.num_fp16_res)
            x, images = DiscriminatorBlock(config, resolution, dtype, name=f"b{resolution}")(x, images)
            features[resolution // 2] = x
        return features, images


class DiscriminatorBlock(nn.Module):
    """From `resolution` to half of it."""

    config: DiscriminatorConfig
    resolution: int
    dtype: Any

    @nn.compact
    def __call__(self, x, images):
        config, clamp = self.config, self.config.conv_clamp
        channels, wider = (config.block_channels(r) for r in (self.resolution, self.resolution // 2))
        if x is None or config.architecture == "skip":
            y = Conv(channels, 1, activation=config.activation, clamp=clamp, name="fromrgb")(images.astype(self.dtype))
            x = y if x is None else x.astype(self.dtype) + y
            images = (
                downsample2d(images, normalized_kernel(config.resample_kernel))
                if config.architecture == "skip"
                else None
            )
        x = x.astype(self.dtype)
        gain = math.sqrt(0.5) if config.architecture == "resnet" else 1.0
        down = {"resample": "down", "kernel": config.resample_kernel}
        y = Conv(channels, 3, activation=config.activation, clamp=clamp, name="conv0")(x)
        y = Conv(wider, 3, activation=config.activation, clamp=clamp, **down, name="conv1")(y, gain)
        if config.architecture == "resnet":
            y = y + Conv(wider, 1, use_bias=False, **down, name="skip")(x, gain)
        return y, images


class Epilogue(nn.Module):
    """4x4 features to logits [b, 1], or to [b, projection_dim] with labels."""

    config: DiscriminatorConfig

    @nn.compact
    def __call__(self, x, images):
        config, channels = self.config, self.config.block_channels(4)
        if config.architecture == "skip":
            x = x + Conv(channels, 1, activation=config.activation, name="fromrgb")(images)
        if config.mbstd_num_channels:
            x = minibatch_std(x, config.mbstd_group_size, config.mbstd_num_channels)
        x = Conv(channels, 3, activation=config.activation, clamp=config.conv_clamp, name="conv")(x)
        # NVIDIA's fc reads the features channel by channel.
        x = x.transpose(0, 3, 1, 2).reshape(x.shape[0], -1)
        x = Dense(channels, config.activation, name="fc")(x)
        return Dense(config.projection_dim or 1, name="out")(x)


def minibatch_std(x: Float[Array, "b h w c"], group_size: int | None, channels: int) -> Float[Array, "b h w c2"]:
    """Append `channels` maps with the mean standard deviation over groups of pictures.

    Groups are strided as in NVIDIA's MinibatchStdLayer (picture i belongs to group i mod (b / group_size)) and do not
    depend on the number of devices. Raises ValueError where the group size does not divide the batch.
    """
    batch, height, width, features = x.shape
    group = batch if group_size is None else min(group_size, batch)
    if batch % group:
        raise ValueError(f"the batch must be a multiple of the group size {group}, but it holds {batch} pictures.")
    y = x.reshape(group, batch // group, height, width, channels, features // channels)
    variance = jnp.mean((y - jnp.mean(y, axis=0)) ** 2, axis=0)
    std = jnp.mean(jnp.sqrt(variance + 1e-8), axis=(1, 2, 4))
    std = jnp.tile(std, (group, 1))[:, None, None]
    return jnp.concatenate([x, jnp.broadcast_to(std, (batch, height, width, channels)).astype(x.dtype)], axis=-1)
