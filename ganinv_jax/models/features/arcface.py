"""ArcFace's IR-SE-50, which tells whether two pictures show the same person.

Sources: Deng et al. (arXiv:1801.07698); the body with squeeze-and-excitation as `model_ir_se50.pth` of
InsightFace_Pytorch has it, which pSp, e4e and HyperStyle measure identity with.
"""

import dataclasses
from collections.abc import Collection
from typing import ClassVar

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from ganinv_jax.core.configs import check
from ganinv_jax.models.encoders.irse import STAGES, IRBody
from ganinv_jax.models.layers import LinearOfMaps, Norm, average_pool

# Where pSp looks for the face in an aligned picture of 256 px (FFHQ's alignment): rows and columns.
ALIGNED = 256
FACE = (slice(35, 223), slice(32, 220))


@dataclasses.dataclass(frozen=True)
class ArcFaceConfig:
    """widths: channels of the four stages. embedding: length of what a face becomes. size: side of a face."""

    widths: tuple[int, int, int, int] = (64, 128, 256, 512)
    embedding: int = 512
    size: int = 112
    maps: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self):
        good = len(self.widths) == STAGES and min(self.widths) > 0
        check(good, f"widths must be {STAGES} numbers above 0, but are {self.widths}.")
        check(self.size > 0 == self.size % 2**STAGES, f"size must be a multiple of {2**STAGES}, but is {self.size}.")

    @property
    def channels(self) -> dict[str, int]:
        """Channels of the one stage."""
        return {"embedding": self.embedding}


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
        x = IRBody(config.widths, name="body")(x)[-1]
        x = LinearOfMaps(config.embedding, name="output")(Norm(name="output_norm")(x))
        x = Norm(name="embedding_norm")(x)
        return {"embedding": x / jnp.linalg.norm(x, axis=-1, keepdims=True)}


def crop_face(images: Float[Array, "b h w 3"], size: int = 112) -> Float[Array, "b s s 3"]:
    """The faces in aligned pictures, as pSp's identity loss cuts them out: side 256, the middle 188 px, side `size`."""
    rows, columns = FACE
    return average_pool(average_pool(images, ALIGNED)[:, rows, columns], size)
