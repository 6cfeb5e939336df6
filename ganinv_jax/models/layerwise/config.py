"""Options of the layer encoders, and those that fit a generator."""

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from ganinv_jax.core.configs import check, check_not_negative, check_positive, from_dict
from ganinv_jax.models.stylegan2 import GeneratorConfig
from ganinv_jax.models.stylegan2.config import block_resolutions


@dataclasses.dataclass(frozen=True)
class LayerEncodersConfig:
    """resolution, w_dim: the generator's.

    channels: of the generator's blocks from 4 up to the middle one, from whose output everything before is read.
    hidden: channels inside of an encoder of a block. picture_base, picture_max: at side r the network that reads the
    picture has min(picture_base // r, picture_max) channels, and `picture_blocks` residual blocks on each way.
    """

    resolution: int
    w_dim: int
    channels: tuple[int, ...]
    hidden: int = 128
    picture_base: int = 1536
    picture_max: int = 160
    picture_blocks: int = 1

    def __post_init__(self):
        most = len(block_resolutions(self.resolution)) - 1
        check(
            1 <= len(self.channels) <= most,
            f"channels must name blocks from 4 up to {self.resolution // 2} at most, {most} in all: {self.channels}.",
        )
        check_positive(self, "w_dim", "channels", "hidden", "picture_base", "picture_max")
        check_not_negative(self, "picture_blocks")
        base, finest = self.picture_base, self.resolution // 2
        check(base >= finest, f"picture_base must be at least half of the resolution, {finest}, but it is {base}.")

    @property
    def middle(self) -> int:
        """The resolution of the middle block."""
        return self.blocks[-1]

    @property
    def blocks(self) -> tuple[int, ...]:
        """4, 8, ..., middle."""
        return block_resolutions(self.resolution)[: len(self.channels)]

    @property
    def rows(self) -> tuple[int, ...]:
        """Rows of W+ that the convolutions of each of `blocks` read, and those that are left for later layers."""
        of_blocks = [1 if resolution == 4 else 2 for resolution in self.blocks]
        return (*of_blocks, 2 * self.resolution.bit_length() - 4 - sum(of_blocks))


def layer_encoders(
    generator: GeneratorConfig, middle: int = 16, changes: Mapping[str, Any] = MappingProxyType({})
) -> LayerEncodersConfig:
    """Those that fit the generator, with `changes` to their sizes.

    Raises InputError for a middle resolution that it does not have, or its last, and for a size that there is not or
    that follows from the generator.
    """
    below = generator.block_resolutions[:-1]
    check(middle in below, f"middle must be one of {below} for this generator, but it is {middle}.")
    channels = tuple(generator.channels(resolution) for resolution in below if resolution <= middle)
    sizes = {"resolution": generator.resolution, "w_dim": generator.w_dim, "channels": channels}
    follow = f"{', '.join(sizes)} follow from the generator, but got {dict(changes)}; leave them out."
    check(not sizes.keys() & changes.keys(), follow)
    return from_dict(LayerEncodersConfig, {**sizes, **changes})
