"""EfficientNet-Lite, frozen: batch normalisation is folded into the convolutions.

Source: Tan & Le, EfficientNet (arXiv:1905.11946), table 1, in the Lite variant of tensorflow/tpu
(`models/official/efficientnet/lite`): no squeeze-and-excitation, ReLU6, and the stem and the head keep their width.
"""

import dataclasses
import math
from collections.abc import Collection

import flax.linen as nn
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from ganinv_jax.models.features.depthwise import depthwise_conv, same_padding

STAGES = ("stride4", "stride8", "stride16", "stride32", "head", "logits")


@dataclasses.dataclass(frozen=True)
class Block:
    """One inverted bottleneck: widen by `expand`, convolve each channel, narrow to `channels`."""

    kernel: int
    stride: int
    expand: int
    channels: int


@dataclasses.dataclass(frozen=True)
class EfficientNetLiteConfig:
    """A member of the family: how much wider and deeper than Lite0 it is, and the picture size it was trained at."""

    width: float
    depth: float
    size: int
    stem: int = 32
    head: int = 1280
    classes: int = 1000

    @property
    def blocks(self) -> tuple[Block, ...]:
        """All inverted bottlenecks in order."""
        groups = []
        for i, (repeats, kernel, stride, expand, channels) in enumerate(_GROUPS):
            # The Lite variants do not deepen the first and the last group.
            deep = repeats if i in (0, len(_GROUPS) - 1) else math.ceil(repeats * self.depth)
            first = Block(kernel, stride, expand, _round_channels(channels * self.width))
            groups += [first] + [dataclasses.replace(first, stride=1)] * (deep - 1)
        return tuple(groups)

    @property
    def stage_of_block(self) -> dict[int, str]:
        """Block index -> stage, for the last block at each stride."""
        stride, ends = 2, {}
        for i, block in enumerate(self.blocks):
            stride *= block.stride
            ends[stride] = i
        return {i: f"stride{stride}" for stride, i in ends.items() if f"stride{stride}" in STAGES}

    @property
    def maps(self) -> tuple[str, ...]:
        """The stages that are maps [b, h, w, c]."""
        return tuple(self.stage_of_block.values())

    @property
    def channels(self) -> dict[str, int]:
        """Channels of every stage."""
        spatial = {stage: self.blocks[i].channels for i, stage in self.stage_of_block.items()}
        return spatial | {"head": self.head, "logits": self.classes}


CONFIGS = {
    "efficientnet_lite0": EfficientNetLiteConfig(width=1.0, depth=1.0, size=224),
    "efficientnet_lite2": EfficientNetLiteConfig(width=1.1, depth=1.2, size=260),
}

# Repeats, kernel, stride, expansion, channels.
_GROUPS = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


class EfficientNetLite(nn.Module):
    """RGB images in [-1, 1] -> features by stage; the padding is meant for sizes that 32 divides, and fastest there.

    The strides' stages are block outputs [b, h/s, w/s, channels], 'head' is pooled [b, 1280], 'logits' are ImageNet's
    [b, 1000]. Only the `stages` asked for are computed (and what they need); by default all. The precision is that of
    the images.
    """

    config: EfficientNetLiteConfig
    implementation: str = "auto"

    @nn.compact
    def __call__(
        self, images: Float[Array, "b h w 3"], stages: Collection[str] = STAGES
    ) -> dict[str, Float[Array, "b ..."]]:
        found = {}
        ends = self.config.stage_of_block
        x = Stem(self.config.stem, name="stem")(images)
        for i, block in enumerate(self.config.blocks):
            x = InvertedBottleneck(block, self.implementation, name=f"block{i}")(x)
            if ends.get(i) in stages:
                found[ends[i]] = x
            if len(found) == len(stages):
                return found
        x = jnp.mean(_relu6(Pointwise(self.config.head, name="head")(x)), axis=(1, 2))
        found["head"] = x
        if "logits" in stages:
            found["logits"] = Pointwise(self.config.classes, name="classifier")(x)
        return {stage: found[stage] for stage in STAGES if stage in stages}


class InvertedBottleneck(nn.Module):
    """`Block`, with a residual connection where the shape stays."""

    block: Block
    implementation: str = "auto"

    @nn.compact
    def __call__(self, x: Float[Array, "b h w i"]) -> Float[Array, "b H W o"]:
        block, inputs = self.block, x.shape[-1]
        y = x
        if block.expand != 1:
            y = _relu6(Pointwise(inputs * block.expand, name="expand")(y))
        y = _relu6(Depthwise(block.kernel, block.stride, self.implementation, name="depthwise")(y))
        y = Pointwise(block.channels, name="project")(y)
        return x + y if block.stride == 1 and block.channels == inputs else y


class Stem(nn.Module):
    """3x3 convolution of stride 2."""

    features: int

    @nn.compact
    def __call__(self, images: Float[Array, "b h w 3"]) -> Float[Array, "b H W o"]:
        kernel = self.param("kernel", nn.initializers.zeros, (3, 3, images.shape[-1], self.features))
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        y = lax.conv_general_dilated(
            images,
            kernel.astype(images.dtype),
            (2, 2),
            (same_padding(3, 2),) * 2,
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
            precision=lax.Precision.HIGHEST,
        )
        return _relu6(y + bias.astype(y.dtype))


class Pointwise(nn.Module):
    """1x1 convolution, [..., i] -> [..., features]."""

    features: int

    @nn.compact
    def __call__(self, x: Float[Array, "*b i"]) -> Float[Array, "*b o"]:
        kernel = self.param("kernel", nn.initializers.zeros, (x.shape[-1], self.features))
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        return jnp.matmul(x, kernel.astype(x.dtype), precision=lax.Precision.HIGHEST) + bias.astype(x.dtype)


class Depthwise(nn.Module):
    """`depthwise_conv` with a bias."""

    size: int
    stride: int
    implementation: str = "auto"

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b H W c"]:
        kernel = self.param("kernel", nn.initializers.zeros, (self.size, self.size, x.shape[-1]))
        bias = self.param("bias", nn.initializers.zeros, (x.shape[-1],))
        y = depthwise_conv(x, kernel.astype(x.dtype), self.stride, self.implementation)
        return y + bias.astype(y.dtype)


def _relu6(x):
    return jnp.clip(x, 0, 6)


def _round_channels(channels: float) -> int:
    """The nearest multiple of 8, but never more than a tenth below."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * channels else rounded + 8
