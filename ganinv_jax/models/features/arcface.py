"""ArcFace's IR-SE-50, which tells whether two pictures show the same person.

Sources: Deng et al. (arXiv:1801.07698); the body with squeeze-and-excitation as `model_ir_se50.pth` of
InsightFace_Pytorch has it, which pSp, e4e and HyperStyle measure identity with.
"""

import dataclasses
from collections.abc import Collection, Iterator
from typing import ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ganinv_jax.core.configs import check
from ganinv_jax.models.features.layers import BatchNorm, Conv, Dense, PReLU, adaptive_average_pool

BATCH_NORM_EPSILON = 1e-5
GROUPS = (3, 4, 14, 3)  # blocks of each width; the first of each group halves the map
REDUCTION = 16  # of channels, within squeeze-and-excitation

# Where pSp looks for the face in an aligned picture of 256 px (FFHQ's alignment): rows and columns.
ALIGNED = 256
FACE = (slice(35, 223), slice(32, 220))


@dataclasses.dataclass(frozen=True)
class ArcFaceConfig:
    """widths: channels of the four groups of blocks. embedding: length of what a face becomes. size: side of a face."""

    widths: tuple[int, ...] = (64, 128, 256, 512)
    embedding: int = 512
    size: int = 112
    maps: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self):
        good = len(self.widths) == len(GROUPS) and min(self.widths) > 0
        check(good, f"widths must be {len(GROUPS)} numbers above 0, but are {self.widths}.")
        check(self.size > 0 == self.size % 16, f"size must be a multiple of 16, but is {self.size}.")

    @property
    def channels(self) -> dict[str, int]:
        """Channels of the one stage."""
        return {"embedding": self.embedding}

    @property
    def blocks(self) -> Iterator[tuple[int, int]]:
        """(channels, stride) of every block in order."""
        for width, count in zip(self.widths, GROUPS, strict=True):
            yield from ((width, 1 if i else 2) for i in range(count))


class ArcFace(nn.Module):
    """RGB faces in [-1, 1] -> {'embedding': [b, embedding] of length 1}; their dot product is the similarity.

    Pictures of side `config.size` (112) are taken for cropped faces. Any other is taken for a whole aligned picture:
    it is pooled to 256 px, the face is cut out where pSp expects it, and pooled to 112.
    """

    config: ArcFaceConfig

    @nn.compact
    def __call__(
        self, images: Float[Array, "b h w 3"], stages: Collection[str] | None = None
    ) -> dict[str, Float[Array, "b e"]]:
        config = self.config
        x = images if images.shape[1:3] == (config.size,) * 2 else crop_face(images, config.size)
        x = Conv(config.widths[0], (3, 3), 1, (1, 1), bias=False, name="input_conv")(x)
        x = PReLU(name="input_slope")(BatchNorm(BATCH_NORM_EPSILON, name="input_norm")(x))
        for i, (width, stride) in enumerate(config.blocks):
            x = Block(width, stride, name=f"block{i}")(x)
        x = Dense(config.embedding, name="output")(BatchNorm(BATCH_NORM_EPSILON, name="output_norm")(x))
        x = BatchNorm(BATCH_NORM_EPSILON, name="embedding_norm")(x)
        return {"embedding": x / jnp.linalg.norm(x, axis=-1, keepdims=True)}


class Block(nn.Module):
    """Residual block: normalise, convolve, convolve by `stride`, weigh channels; nothing follows the sum."""

    features: int
    stride: int

    @nn.compact
    def __call__(self, x: Float[Array, "b h w i"]) -> Float[Array, "b H W o"]:
        features, stride = self.features, self.stride
        if features == x.shape[-1]:
            shortcut = x[:, ::stride, ::stride]
        else:
            shortcut = Conv(features, (1, 1), stride, bias=False, name="shortcut_conv")(x)
            shortcut = BatchNorm(BATCH_NORM_EPSILON, name="shortcut_norm")(shortcut)
        y = BatchNorm(BATCH_NORM_EPSILON, name="norm0")(x)
        y = PReLU(name="slope")(Conv(features, (3, 3), 1, (1, 1), bias=False, name="conv0")(y))
        y = Conv(features, (3, 3), stride, (1, 1), bias=False, name="conv1")(y)
        y = BatchNorm(BATCH_NORM_EPSILON, name="norm1")(y)
        return shortcut + y * self._weights(y)

    def _weights(self, y):
        """Squeeze-and-excitation: a weight in (0, 1) for each channel, from the means of all."""
        y = jnp.mean(y, axis=(1, 2), keepdims=True)
        y = nn.relu(Conv(max(1, self.features // REDUCTION), (1, 1), bias=False, name="squeeze")(y))
        return jax.nn.sigmoid(Conv(self.features, (1, 1), bias=False, name="excite")(y))


def crop_face(images: Float[Array, "b h w 3"], size: int = 112) -> Float[Array, "b s s 3"]:
    """The faces in aligned pictures, as pSp's identity loss cuts them out: side 256, the middle 188 px, side `size`."""
    rows, columns = FACE
    return adaptive_average_pool(adaptive_average_pool(images, ALIGNED)[:, rows, columns], size)
