"""The layer encoders: a picture to features in the middle of the generator, and from there block by block to w.

Source: Bau et al. 2019, Seeing what a GAN cannot generate (arXiv:1910.11626), section 3.2; seeing/encoder_net.py of
davidbau/ganseeing. There PGGAN's layers take features alone; here blocks are modulated by w as well, so that each
encoder reads, besides the features that entered its block, the w that the block was given.
"""

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from ganinv_jax.models.inpainting.layers import Block, Conv, Linear, Trunk, fold, leaky_relu, norm, repeat2, zeros
from ganinv_jax.models.layerwise.config import LayerEncodersConfig

CODE_CHANNELS = 32  # of the 4x4 map that w is read from
Features = Float[Array, "b r r c"]
Code = Float[Array, "b w"]


class LayerEncoders(nn.Module):
    """Pictures [b, h, w, 3] in [-1, 1] -> W+ codes [b, l, w].

    The rows of a block are those that its own encoder reads; rows of layers after the middle block are read from the
    picture. Features and w are predicted as offsets from their means, in units of their deviations: the buffers, which
    `measured` fills. Variables: {'params', 'buffers'}.
    """

    config: LayerEncodersConfig

    def setup(self):
        config = self.config
        self.picture = PictureEncoder(config)
        for resolution, channels in zip(config.blocks, (None, *config.channels), strict=False):
            setattr(self, f"b{resolution}", BlockEncoder(config.hidden, channels, config.w_dim))
        for resolution, channels in zip(config.blocks, config.channels, strict=True):
            shape = (resolution, resolution, channels)
            self.variable("buffers", f"mean{resolution}", jnp.zeros, shape)
            self.variable("buffers", f"deviation{resolution}", jnp.ones, ())
        self.variable("buffers", "mean_w", jnp.zeros, (config.w_dim,))
        self.variable("buffers", "deviation_w", jnp.ones, ())

    def __call__(self, images: Float[Array, "b h w 3"]) -> Float[Array, "b l w"]:
        x, late = self.read(images)
        codes = [late]
        for resolution in reversed(self.config.blocks):
            x, w = self.invert(resolution, x)  # type: ignore[arg-type]
            codes.insert(0, w)
        rows = [jnp.repeat(w[:, None], count, axis=1) for w, count in zip(codes, self.config.rows, strict=True)]
        return jnp.concatenate(rows, axis=1)

    def read(self, images: Float[Array, "b h w 3"]) -> tuple[Features, Code]:
        """The features that leave the middle block, and the w of the layers after it."""
        x, w = self.picture(images)
        return self._features(self.config.middle, x), self._code(w)

    def invert(self, resolution: int, x: Features) -> tuple[Features | None, Code]:
        """The features that entered the block whose output x is (None at 4x4), and the block's w."""
        previous, w = getattr(self, f"b{resolution}")((x - self._mean(resolution)) / self._deviation(resolution))
        return None if previous is None else self._features(resolution // 2, previous), self._code(w)

    def _features(self, resolution: int, x):
        return self._mean(resolution) + self._deviation(resolution) * x

    def _code(self, w):
        return self._mean("_w") + self._deviation("_w") * w

    def _mean(self, of: int | str):
        return self.get_variable("buffers", f"mean{of}")

    def _deviation(self, of: int | str):
        return self.get_variable("buffers", f"deviation{of}")


class BlockEncoder(nn.Module):
    """A block's output to what entered it, half as wide ([b, r / 2, r / 2, channels]; None for no channels), and w."""

    hidden: int
    channels: int | None
    w_dim: int

    @nn.compact
    def __call__(self, x: Features) -> tuple[Features | None, Code]:
        y = x
        for i in range(2):
            y = leaky_relu(norm(Conv(self.hidden, name=f"conv{i}")(y), f"norm{i}"))
        previous = Linear(self.channels, zeros, name="previous")(fold(y, 2)) if self.channels else None
        return previous, CodeHead(self.w_dim, name="code")(y)


class PictureEncoder(nn.Module):
    """Pictures to the middle block's output and the w of later layers.

    A U-Net from the picture down to 4x4 and back to the middle, so that every place knows of the whole picture.
    """

    config: LayerEncodersConfig

    @nn.compact
    def __call__(self, images: Float[Array, "b h w 3"]) -> tuple[Features, Code]:
        config, blocks = self.config, self.config.picture_blocks
        sides = [config.resolution >> i for i in range(1, config.resolution.bit_length() - 2)]
        widths = tuple(min(config.picture_base // side, config.picture_max) for side in sides)
        levels = dict(zip(sides, Trunk(widths, (blocks,) * len(sides), patch=2, name="trunk")(images), strict=True))
        x = levels[4]
        w = CodeHead(config.w_dim, name="code")(x)
        for side in config.blocks[1:]:
            x = levels[side] + repeat2(Linear(levels[side].shape[-1], name=f"up{side}")(x))
            for i in range(blocks):
                x = Block(name=f"join{side}_{i}")(x)
        return Linear(config.channels[-1], zeros, name="features")(leaky_relu(norm(x, "norm"))), w


class CodeHead(nn.Module):
    """Features [b, r, r, c], halved to 4x4 and read as a whole, to [b, features]; all zero as initialised."""

    features: int

    @nn.compact
    def __call__(self, x: Features) -> Code:
        step = 0
        while step == 0 or x.shape[1] > 4:
            x = fold(x, 2) if x.shape[1] > 4 else x
            x = leaky_relu(norm(Linear(CODE_CHANNELS, name=f"map{step}")(x), f"norm{step}"))
            step += 1
        return Linear(self.features, zeros, name="code")(x.reshape(len(x), -1))


def measured(
    buffers: dict[str, Array], features: dict[int, Float[Array, "n r r c"]], w: Float[Array, "n w"]
) -> dict[str, Array]:
    """The buffers, filled with means and deviations over n generated pictures.

    features: what left each block. A deviation is the root of the variance, averaged over places and channels.
    """
    given = {str(resolution): x for resolution, x in features.items()} | {"_w": w}
    found = {}
    for name, x in given.items():
        found |= {f"mean{name}": jnp.mean(x, axis=0), f"deviation{name}": jnp.sqrt(jnp.mean(jnp.var(x, axis=0)))}
    return {name: found[name] for name in buffers}
