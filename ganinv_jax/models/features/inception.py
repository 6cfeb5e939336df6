"""Inception-v3 as the Fréchet inception distance is defined on it: TensorFlow's graph `inception-2015-12-05`.

Sources: Szegedy et al. (arXiv:1512.00567), table 1; Heusel et al. (arXiv:1706.08500) for the distance. The graph is not
quite what the paper describes: averages leave padding out, the last block takes a maximum where others average, and
there are 1008 classes. pytorch-fid and torch-fidelity run the same network; names of layers are theirs.
"""

import dataclasses
from collections.abc import Callable, Collection
from typing import ClassVar

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from ganinv_jax.core.configs import check
from ganinv_jax.models.features.stages import collect
from ganinv_jax.models.layers import Conv, Linear, Norm, average_pool_3x3, max_pool

BATCH_NORM_EPSILON = 1e-3


@dataclasses.dataclass(frozen=True)
class InceptionConfig:
    """`width` scales the channels of every convolution; 1 is the network that figures are computed through."""

    width: float = 1.0
    classes: int = 1008
    size: ClassVar[int] = 299

    def __post_init__(self):
        check(self.width > 0, f"width must be above 0, but is {self.width}.")
        check(self.classes > 0, f"classes must be above 0, but are {self.classes}.")

    def scaled(self, channels: int) -> int:
        """The width of a convolution that officially has `channels`."""
        return max(1, round(channels * self.width))

    @property
    def maps(self) -> tuple[str, ...]:
        """The stages that are maps [b, h, w, c]."""
        return ("pool1", "pool2", "mixed_6e")

    @property
    def channels(self) -> dict[str, int]:
        """Channels of every stage, shallow to deep."""
        scaled = self.scaled
        maps = {"pool1": scaled(64), "pool2": scaled(192), "mixed_6e": 4 * scaled(192)}
        last = scaled(320) + 4 * scaled(384) + scaled(192)
        return maps | {"pool3": last, "logits": self.classes}


class Inception(nn.Module):
    """RGB images in [-1, 1], of at least 75 px, -> features by stage.

    'pool1', 'pool2' and 'mixed_6e' are maps of 64, 192 and 768 channels, 'pool3' is [b, 2048], which distances are
    computed on, 'logits' [b, 1008]. Pixels go in as TensorFlow's graph has them, (p - 128) / 128 for p from 0 to 255
    (pytorch-fid takes p / 127.5 - 1). Only the `stages` asked for are computed (and what they need); by default all.
    """

    config: InceptionConfig

    @nn.compact
    def __call__(
        self, images: Float[Array, "b h w 3"], stages: Collection[str] | None = None
    ) -> dict[str, Float[Array, "b ..."]]:
        wanted = self.config.channels if stages is None else stages
        return collect(self._run(images), wanted)

    def _run(self, images):
        """All blocks in order, each when it is asked for."""
        conv = self._conv
        x = ((images + 1) * 127.5 - 128) / 128
        x = conv(x, "Conv2d_1a_3x3", 32, 3, stride=2, padding=0)
        x = conv(x, "Conv2d_2a_3x3", 32, 3, padding=0)
        x = max_pool(conv(x, "Conv2d_2b_3x3", 64, 3), 3, 2)
        yield "pool1", x
        x = conv(x, "Conv2d_3b_1x1", 80, 1)
        x = max_pool(conv(x, "Conv2d_4a_3x3", 192, 3, padding=0), 3, 2)
        yield "pool2", x
        for letter, pooled in (("b", 32), ("c", 64), ("d", 64)):
            x = self._block_a(x, f"Mixed_5{letter}", pooled)
        x = self._block_b(x, "Mixed_6a")
        for letter, inner in (("b", 128), ("c", 160), ("d", 160), ("e", 192)):
            x = self._block_c(x, f"Mixed_6{letter}", inner)
        yield "mixed_6e", x
        x = self._block_d(x, "Mixed_7a")
        x = self._block_e(x, "Mixed_7b", average_pool_3x3)
        x = self._block_e(x, "Mixed_7c", lambda x: max_pool(x, 3, 1, 1))
        check(0 not in x.shape, "The pictures are too small for the stage 'pool3'; it needs 75 pixels at least.")
        x = jnp.mean(x, axis=(1, 2))
        yield "pool3", x
        yield "logits", Linear(self.config.classes, name="fc")(x)

    def _block_a(self, x, block: str, pooled: int):
        one = self._conv(x, f"{block}.branch1x1", 64, 1)
        five = self._chain(x, f"{block}.branch5x5", (48, 1), (64, 5))
        three = self._chain(x, f"{block}.branch3x3dbl", (64, 1), (96, 3), (96, 3))
        pool = self._conv(average_pool_3x3(x), f"{block}.branch_pool", pooled, 1)
        return _joined(one, five, three, pool)

    def _block_b(self, x, block: str):
        three = self._conv(x, f"{block}.branch3x3", 384, 3, stride=2, padding=0)
        double = self._chain(x, f"{block}.branch3x3dbl", (64, 1), (96, 3), (96, 3), last_stride=2)
        return _joined(three, double, max_pool(x, 3, 2))

    def _block_c(self, x, block: str, inner: int):
        one = self._conv(x, f"{block}.branch1x1", 192, 1)
        row, column = (1, 7), (7, 1)
        seven = self._chain(x, f"{block}.branch7x7", (inner, 1), (inner, row), (192, column))
        steps = ((inner, 1), (inner, column), (inner, row), (inner, column), (192, row))
        double = self._chain(x, f"{block}.branch7x7dbl", *steps)
        pool = self._conv(average_pool_3x3(x), f"{block}.branch_pool", 192, 1)
        return _joined(one, seven, double, pool)

    def _block_d(self, x, block: str):
        three = self._chain(x, f"{block}.branch3x3", (192, 1), (320, 3), last_stride=2)
        steps = ((192, 1), (192, (1, 7)), (192, (7, 1)), (192, 3))
        seven = self._chain(x, f"{block}.branch7x7x3", *steps, last_stride=2)
        return _joined(three, seven, max_pool(x, 3, 2))

    def _block_e(self, x, block: str, pool: Callable):
        one = self._conv(x, f"{block}.branch1x1", 320, 1)
        three = self._fork(self._conv(x, f"{block}.branch3x3_1", 384, 1), f"{block}.branch3x3_2")
        double = self._chain(x, f"{block}.branch3x3dbl", (448, 1), (384, 3))
        double = self._fork(double, f"{block}.branch3x3dbl_3")
        return _joined(one, three, double, self._conv(pool(x), f"{block}.branch_pool", 192, 1))

    def _fork(self, x, name: str):
        return _joined(self._conv(x, f"{name}a", 384, (1, 3)), self._conv(x, f"{name}b", 384, (3, 1)))

    def _chain(self, x, branch: str, *steps, last_stride: int = 1):
        """Convolutions one after the other, (channels, kernel) each; one of stride 2 goes without padding."""
        for i, (channels, kernel) in enumerate(steps, 1):
            strided = i == len(steps) and last_stride > 1
            options = {"stride": last_stride, "padding": 0} if strided else {}
            x = self._conv(x, f"{branch}_{i}", channels, kernel, **options)
        return x

    def _conv(self, x, name: str, channels: int, kernel: int | tuple[int, int], stride: int = 1, padding=None):
        return ConvUnit(self.config.scaled(channels), kernel, stride, padding, name=name)(x)


class ConvUnit(nn.Module):
    """Convolution, batch normalisation, rectifier."""

    features: int
    kernel: int | tuple[int, int]
    stride: int
    padding: int | None

    @nn.compact
    def __call__(self, x: Float[Array, "b h w i"]) -> Float[Array, "b H W o"]:
        x = Conv(self.features, self.kernel, self.stride, self.padding, name="conv")(x)
        return nn.relu(Norm(BATCH_NORM_EPSILON, name="bn")(x))


def _joined(*branches):
    return jnp.concatenate(branches, axis=-1)
