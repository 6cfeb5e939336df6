"""Frozen networks that pictures are looked at through."""

import dataclasses
import functools
import os
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Protocol

import jax
from jaxtyping import Array, Float

from ganinv_jax.core import folders
from ganinv_jax.core.configs import check, unknown_key
from ganinv_jax.core.images import resize
from ganinv_jax.models.features.efficientnet_lite import CONFIGS, EfficientNetLite
from ganinv_jax.models.features.weights import read_weights
from ganinv_jax.models.precision import Compute, lowered


class FeatureNet(Protocol):
    """What a network must offer to be looked through: `apply(variables, images, stages)` -> features by stage."""

    @property
    def apply(self) -> Callable[..., Any]: ...


@dataclasses.dataclass(frozen=True, eq=False)
class Features:
    """A frozen network and its weights.

    `stages` are the names of what it gives, shallow to deep; `channels` their widths; `maps` those stages that are maps
    [b, h, w, c], at which pictures can be compared; `size` the side of the pictures that it was trained on. Where
    `lpips`, `variables['lpips']` holds LPIPS' weight of each channel, by stage. `variables` are passed to `extract`
    rather than read by it, so that a jitted caller can take them as an argument instead of compiling them in.
    """

    name: str
    net: FeatureNet
    variables: Any
    channels: dict[str, int]
    maps: tuple[str, ...]
    size: int
    lpips: bool = False

    @property
    def stages(self) -> tuple[str, ...]:
        """The names of the stages, shallow to deep."""
        return tuple(self.channels)

    def extract(
        self,
        variables: Any,
        images: Float[Array, "b h w 3"],
        size: int | None = None,
        stages: Collection[str] | None = None,
        method: str = "linear",
        compute: Compute = "fp32",
    ) -> dict[str, Float[Array, "b ..."]]:
        """Features of RGB images in [-1, 1], by stage; nothing beyond the deepest of `stages` (default: all) is run.

        `size` resizes the images to that side first, antialiased, by `method` ('linear' or 'cubic'). `compute` is
        the precision of EfficientNets and of what they give; the other networks know fp32 only. Raises InputError for a
        stage that the network does not have.
        """
        wanted = self.stages if stages is None else stages
        for stage in wanted:
            if stage not in self.channels:
                raise unknown_key(stage, self.channels, self.name)
        if size is not None and images.shape[1:3] != (size, size):
            images = resize(images, (size, size), method)
        return self.net.apply(variables, lowered(images, compute), tuple(wanted))


def load_features(source: str | os.PathLike = "efficientnet_lite0") -> Features:
    """The network that `source` means.

    source: 'efficientnet_lite0', 'efficientnet_lite2' (extra `evaluate`), which are read once, or the folder of a
    converted network. Stages, maps [b, h, w, c] first, then vectors [b, c]:

    - 'efficientnet_lite*': 'stride4' to 'stride32'; 'head' (c = 1280), ImageNet's 'logits' (1000);
    - 'vgg16', 'alexnet': five 'relu…' that LPIPS compares; 'fc6' and 'fc7' (4096), ImageNet's 'logits' (1000);
    - 'inception': 'pool1' (64), 'pool2' (192), 'mixed_6e' (768); 'pool3' (2048), 'logits' (1008);
    - 'arcface': 'embedding' (512), of length 1.

    Raises InputError for an unknown name, where the network's wheel is not installed, or for a folder that holds no
    such network.
    """
    if source in CONFIGS:
        return _from_wheel(str(source))
    path = Path(source).expanduser()
    names = ", ".join(CONFIGS)
    check(path.exists(), f"There are no features {str(source)!r}; give {names}, or the folder of a converted network.")
    check(path.is_dir(), f"Features must be in a model folder, but {path} is a file; run: ganinv convert {path} OUT")
    return _from_folder(path)


@functools.cache
def _from_wheel(name: str) -> Features:
    config = CONFIGS[name]
    variables = jax.device_put(read_weights(name, config))
    return Features(name, EfficientNetLite(config), variables, config.channels, config.maps, config.size)


def _from_folder(path: Path) -> Features:
    from ganinv_jax.models import registry  # imported here, since discriminators of the registry look through features

    config, arrays = folders.load(path)
    network = registry.restore("features", config, arrays)
    sizes, variables = network.config, network.variables
    return Features(
        network.kind, network.module, variables, sizes.channels, sizes.maps, sizes.size, "lpips" in variables
    )
