"""IR-SE-50, the body of ArcFace (arXiv:1801.07698) that pSp, e4e and ReStyle read pictures with."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ganinv_jax.models.layers import Conv, Linear, Norm, PReLU

UNITS = (3, 4, 14, 3)  # by stage
STAGES = len(UNITS)
REDUCTION = 16  # of the channels, between the two layers of squeeze and excitation

Maps = tuple[Float[Array, "b h w c"], ...]


class IRBody(nn.Module):
    """Pictures [b, h, w, i] -> the maps that leave the four stages, with 1/2, 1/4, 1/8 and 1/16 of the sides.

    Source: `Backbone` of TreB1eN/InsightFace_Pytorch without its output layer, as in eladrich/pixel2style2pixel.
    """

    widths: tuple[int, int, int, int] = (64, 128, 256, 512)

    @nn.compact
    def __call__(self, images: Float[Array, "b h w i"]) -> Maps:
        x = Stem(self.widths[0], name="stem")(images)
        maps, unit = [], 0
        for width, units in zip(self.widths, UNITS, strict=True):
            for i in range(units):
                x = Unit(width, stride=1 if i else 2, name=f"unit{unit}")(x)
                unit += 1
            maps.append(x)
        return tuple(maps)


class Stem(nn.Module):
    """3x3 convolution at full size."""

    width: int

    @nn.compact
    def __call__(self, x: Float[Array, "b h w i"]) -> Float[Array, "b h w o"]:
        x = Norm(name="norm")(Conv(self.width, 3, name="conv")(x))
        return PReLU(name="act")(x)


class Unit(nn.Module):
    """Two convolutions between batch norms, their maps weighed by squeeze and excitation, added to a shortcut."""

    width: int
    stride: int

    @nn.compact
    def __call__(self, x: Float[Array, "b h w i"]) -> Float[Array, "b h2 w2 o"]:
        if x.shape[-1] == self.width:
            shortcut = x[:, :: self.stride, :: self.stride]
        else:
            shortcut = Norm(name="shortcut_norm")(Conv(self.width, 1, self.stride, name="shortcut")(x))
        y = Conv(self.width, 3, name="conv0")(Norm(name="norm0")(x))
        y = Conv(self.width, 3, self.stride, name="conv1")(PReLU(name="act")(y))
        return shortcut + Excitation(name="se")(Norm(name="norm1")(y))


class Excitation(nn.Module):
    """Every map times a factor in (0, 1) that depends on the means of all maps (arXiv:1709.01507)."""

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
        channels = x.shape[-1]
        y = nn.relu(Linear(max(1, channels // REDUCTION), use_bias=False, name="squeeze")(jnp.mean(x, axis=(1, 2))))
        y = Linear(channels, use_bias=False, name="excite")(y)
        return x * jax.nn.sigmoid(y)[:, None, None]
