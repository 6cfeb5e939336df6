"""ResNet-34 (arXiv:1512.03385) as ReStyle uses it outside of faces: no max pooling, a PReLU after the stem."""

import flax.linen as nn
from jaxtyping import Array, Float

from ganinv_jax.models.encoders.irse import Maps
from ganinv_jax.models.layers import Conv, Norm, PReLU

UNITS = (3, 4, 6, 3)  # by stage


class ResNetBody(nn.Module):
    """Pictures [b, h, w, i] -> the maps that leave the four stages, with 1/2, 1/4, 1/8 and 1/16 of the sides.

    Source: `ResNetBackboneEncoder` of yuval-alaluf/restyle-encoder, whose blocks are torchvision's.
    """

    widths: tuple[int, int, int, int] = (64, 128, 256, 512)

    @nn.compact
    def __call__(self, images: Float[Array, "b h w i"]) -> Maps:
        x = Norm(name="norm")(Conv(self.widths[0], 7, stride=2, name="conv")(images))
        x, maps, unit = PReLU(name="act")(x), [], 0
        for stage, (width, units) in enumerate(zip(self.widths, UNITS, strict=True)):
            for i in range(units):
                x = BasicUnit(width, stride=2 if stage and not i else 1, name=f"unit{unit}")(x)
                unit += 1
            maps.append(x)
        return tuple(maps)


class BasicUnit(nn.Module):
    """Two convolutions, added to a shortcut."""

    width: int
    stride: int

    @nn.compact
    def __call__(self, x: Float[Array, "b h w i"]) -> Float[Array, "b h2 w2 o"]:
        shortcut = x
        if self.stride != 1 or x.shape[-1] != self.width:
            shortcut = Norm(name="shortcut_norm")(Conv(self.width, 1, self.stride, name="shortcut")(x))
        y = nn.relu(Norm(name="norm0")(Conv(self.width, 3, self.stride, name="conv0")(x)))
        return nn.relu(shortcut + Norm(name="norm1")(Conv(self.width, 3, name="conv1")(y)))
