"""VGG16 and AlexNet, which LPIPS looks through, as torchvision has them.

Sources: Simonyan & Zisserman (arXiv:1409.1556), configuration D; Krizhevsky, One weird trick (arXiv:1404.5997); LPIPS:
Zhang et al. (arXiv:1801.03924).
"""

import dataclasses
from collections.abc import Collection
from typing import ClassVar

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ganinv_jax.core.configs import check
from ganinv_jax.models.features.stages import collect
from ganinv_jax.models.layers import Conv, LinearOfMaps, average_pool, max_pool


@dataclasses.dataclass(frozen=True)
class Layer:
    """A convolution with its rectifier: `index` is its place in torchvision's `features`, `pool` comes before it.

    pool: side of the windows, which step by 2; 0 for none. tap: whether LPIPS compares pictures here.
    """

    name: str
    index: int
    kernel: int = 3
    stride: int = 1
    padding: int = 1
    pool: int = 0
    tap: bool = False

    @property
    def stage(self) -> str:
        """What its output is called, after the rectifier: 'relu1_2' for 'conv1_2'."""
        return self.name.replace("conv", "relu")


@dataclasses.dataclass(frozen=True)
class ConvNetConfig:
    """A network's sizes.

    widths: channels of each convolution. hidden: width of the classifier's two hidden layers, 0 for no classifier.
    lpips: whether there are LPIPS' weights of channels, in the collection 'lpips': [channels] for each of `maps`.
    """

    LAYERS: ClassVar[tuple[Layer, ...]] = ()
    POOL: ClassVar[int] = 0  # side of the windows of the last pooling
    GRID: ClassVar[int] = 0  # side of the map that the classifier reads

    widths: tuple[int, ...] = ()
    hidden: int = 4096
    classes: int = 1000
    lpips: bool = False
    size: ClassVar[int] = 224

    def __post_init__(self):
        count = len(self.LAYERS)
        check(len(self.widths) == count, f"widths must be {count} numbers, one a convolution, but are {self.widths}.")
        check(min(self.widths) > 0 <= self.hidden, f"widths must be above 0, but are {self.widths}, {self.hidden}.")

    @property
    def maps(self) -> tuple[str, ...]:
        """The stages that are maps [b, h, w, c]."""
        return tuple(layer.stage for layer in self.LAYERS if layer.tap)

    @property
    def channels(self) -> dict[str, int]:
        """Channels of every stage, shallow to deep."""
        maps = {layer.stage: width for layer, width in zip(self.LAYERS, self.widths, strict=True) if layer.tap}
        classifier = {"fc6": self.hidden, "fc7": self.hidden, "logits": self.classes}
        return maps | (classifier if self.hidden else {})


@dataclasses.dataclass(frozen=True)
class Vgg16Config(ConvNetConfig):
    """13 convolutions of 3x3 in five groups, halved in between."""

    LAYERS: ClassVar[tuple[Layer, ...]] = (
        Layer("conv1_1", 0),
        Layer("conv1_2", 2, tap=True),
        Layer("conv2_1", 5, pool=2),
        Layer("conv2_2", 7, tap=True),
        Layer("conv3_1", 10, pool=2),
        Layer("conv3_2", 12),
        Layer("conv3_3", 14, tap=True),
        Layer("conv4_1", 17, pool=2),
        Layer("conv4_2", 19),
        Layer("conv4_3", 21, tap=True),
        Layer("conv5_1", 24, pool=2),
        Layer("conv5_2", 26),
        Layer("conv5_3", 28, tap=True),
    )
    POOL: ClassVar[int] = 2
    GRID: ClassVar[int] = 7

    widths: tuple[int, ...] = (64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)


@dataclasses.dataclass(frozen=True)
class AlexNetConfig(ConvNetConfig):
    """5 convolutions; the widths are those of the later, one-column network."""

    LAYERS: ClassVar[tuple[Layer, ...]] = (
        Layer("conv1", 0, kernel=11, stride=4, padding=2, tap=True),
        Layer("conv2", 3, kernel=5, padding=2, pool=3, tap=True),
        Layer("conv3", 6, pool=3, tap=True),
        Layer("conv4", 8, tap=True),
        Layer("conv5", 10, tap=True),
    )
    POOL: ClassVar[int] = 3
    GRID: ClassVar[int] = 6

    widths: tuple[int, ...] = (64, 192, 384, 256, 256)


class ConvNet(nn.Module):
    """RGB images in [-1, 1] -> features by stage, after their rectifiers.

    'relu…' are the maps that LPIPS compares, 'fc6' and 'fc7' [b, hidden] the classifier's hidden layers, 'logits'
    ImageNet's [b, classes]. Only the `stages` asked for are computed (and what they need); by default all.
    """

    config: ConvNetConfig

    @nn.compact
    def __call__(
        self, images: Float[Array, "b h w 3"], stages: Collection[str] | None = None
    ) -> dict[str, Float[Array, "b ..."]]:
        config = self.config
        wanted = config.channels if stages is None else stages
        if config.lpips:
            for stage in config.maps:
                self.variable("lpips", stage, jnp.zeros, (config.channels[stage],))
        return collect(self._run(images), wanted)

    def _run(self, images):
        """All layers in order, each when it is asked for."""
        config, x = self.config, _normalised(images)
        for layer, width in zip(config.LAYERS, config.widths, strict=True):
            x = max_pool(x, layer.pool, 2) if layer.pool else x
            x = nn.relu(Conv(width, layer.kernel, layer.stride, layer.padding, use_bias=True, name=layer.name)(x))
            yield layer.stage, x
        if config.hidden:
            x = max_pool(x, config.POOL, 2)
            size = " x ".join(map(str, images.shape[1:3]))
            check(0 not in x.shape, f"The classifier needs larger pictures than {size}; ask for earlier stages.")
            x = average_pool(x, config.GRID)
            for name in ("fc6", "fc7"):
                x = nn.relu(LinearOfMaps(config.hidden, name=name)(x))
                yield name, x
            yield "logits", LinearOfMaps(config.classes, name="logits")(x)


# Of the pixels of ImageNet in [0, 1], as torchvision has them; LPIPS' shift and scale are the same for [-1, 1].
_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)


def _normalised(images):
    return (images - (2 * _MEAN - 1)) / (2 * _DEVIATION)
