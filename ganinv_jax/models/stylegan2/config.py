"""Options of the StyleGAN2 networks; the names are those of NVIDIA's `networks_stylegan2`."""

import dataclasses
import math
from typing import Literal

from ganinv_jax.core.configs import check, check_not_negative, check_positive
from ganinv_jax.ops.bias_act import ACTIVATION_GAIN

Architecture = Literal["skip", "resnet", "orig"]


@dataclasses.dataclass(frozen=True)
class MappingConfig:
    """Mapping network Z (and labels) -> W.

    embed_features and layer_features default to the output width. `w_avg_beta=None` means that no average w is kept,
    so nothing can be truncated.
    """

    num_layers: int = 8
    embed_features: int | None = None
    layer_features: int | None = None
    activation: str = "lrelu"
    lr_multiplier: float = 0.01
    w_avg_beta: float | None = 0.995

    def __post_init__(self):
        check_not_negative(self, "num_layers", where="mapping ")
        check_positive(self, "embed_features", "layer_features", "lr_multiplier", where="mapping ")
        beta = self.w_avg_beta
        check(beta is None or 0 <= beta <= 1, f"mapping w_avg_beta must lie in [0, 1] or be None, but it is {beta}.")
        _check_activation(self.activation)


@dataclasses.dataclass(frozen=True)
class SynthesisConfig:
    """Synthesis network W+ -> image.

    channel_base, channel_max: a block at resolution r has min(channel_base // r, channel_max) channels, unless
        `channels` lists them, one entry a block from 4x4 up.
    num_fp16_res: how many of the highest resolutions the source ran in half precision.
    conv_clamp: activations are clamped to +-conv_clamp, in every precision.
    """

    channel_base: int = 32768
    channel_max: int = 512
    channels: tuple[int, ...] | None = None
    architecture: Architecture = "skip"
    num_fp16_res: int = 0
    conv_clamp: float | None = None
    use_noise: bool = True
    activation: str = "lrelu"
    resample_kernel: tuple[float, ...] = (1.0, 3.0, 3.0, 1.0)

    def __post_init__(self):
        _check_network(self)


@dataclasses.dataclass(frozen=True)
class GeneratorConfig:
    """A generator; `mask_channels > 0` adds a second output head, named `mask`."""

    resolution: int
    z_dim: int = 512
    c_dim: int = 0
    w_dim: int = 512
    img_channels: int = 3
    mask_channels: int = 0
    mapping: MappingConfig = dataclasses.field(default_factory=MappingConfig)
    synthesis: SynthesisConfig = dataclasses.field(default_factory=SynthesisConfig)

    def __post_init__(self):
        _check_resolution(self.resolution, self.synthesis)
        check_positive(self, "z_dim", "w_dim", "img_channels")
        check_not_negative(self, "c_dim", "mask_channels")

    @property
    def num_ws(self) -> int:
        """Rows of W+: one a convolution, and one for the last output layer."""
        return 2 * int(math.log2(self.resolution)) - 2

    @property
    def block_resolutions(self) -> tuple[int, ...]:
        """4, 8, ..., resolution."""
        return block_resolutions(self.resolution)

    def channels(self, resolution: int) -> int:
        """Feature channels of the block at `resolution`."""
        return _channels(self.synthesis, resolution)

    @property
    def heads(self) -> dict[str, int]:
        """Output heads and their channels."""
        return {"rgb": self.img_channels} | ({"mask": self.mask_channels} if self.mask_channels else {})


@dataclasses.dataclass(frozen=True)
class DiscriminatorConfig:
    """A discriminator. `cmap_dim` defaults to the 4x4 width where there are labels, else 0 (no projection).

    mbstd_group_size: pictures a group of the minibatch standard deviation; None is the whole batch.
    mbstd_num_channels: 0 leaves that statistic out. freeze_layers: that many first layers stay as they are in training.
    """

    resolution: int
    c_dim: int = 0
    img_channels: int = 3
    architecture: Architecture = "resnet"
    channel_base: int = 32768
    channel_max: int = 512
    channels: tuple[int, ...] | None = None
    num_fp16_res: int = 0
    conv_clamp: float | None = None
    cmap_dim: int | None = None
    activation: str = "lrelu"
    resample_kernel: tuple[float, ...] = (1.0, 3.0, 3.0, 1.0)
    freeze_layers: int = 0
    mbstd_group_size: int | None = 4
    mbstd_num_channels: int = 1
    mapping: MappingConfig = dataclasses.field(default_factory=lambda: MappingConfig(w_avg_beta=None))

    def __post_init__(self):
        _check_network(self)
        _check_resolution(self.resolution, self)
        check_positive(self, "img_channels", "mbstd_group_size")
        check_not_negative(self, "c_dim", "cmap_dim", "freeze_layers", "mbstd_num_channels")
        parts, width = self.mbstd_num_channels, self.block_channels(4)
        divides = parts == 0 or width % parts == 0
        check(divides, f"mbstd_num_channels must divide the {width} channels at 4x4, but it is {parts}.")

    @property
    def block_resolutions(self) -> tuple[int, ...]:
        """4, 8, ..., resolution."""
        return block_resolutions(self.resolution)

    @property
    def projection_dim(self) -> int:
        """Width of the label projection; 0 without one."""
        if self.c_dim == 0:
            return 0
        return self.block_channels(4) if self.cmap_dim is None else self.cmap_dim

    def block_channels(self, resolution: int) -> int:
        """Feature channels that enter the block at `resolution`."""
        return _channels(self, resolution)


def block_resolutions(resolution: int) -> tuple[int, ...]:
    """4, 8, ..., resolution."""
    return tuple(2**k for k in range(2, int(math.log2(resolution)) + 1))


def _channels(config: SynthesisConfig | DiscriminatorConfig, resolution: int) -> int:
    if config.channels is not None:
        return config.channels[int(math.log2(resolution)) - 2]
    return min(config.channel_base // resolution, config.channel_max)


def _check_resolution(resolution: int, network: SynthesisConfig | DiscriminatorConfig) -> None:
    power = resolution >= 8 and resolution & (resolution - 1) == 0
    check(power, f"resolution must be a power of two from 8 up, but got {resolution}.")
    blocks, channels = len(block_resolutions(resolution)), network.channels
    fits = channels is None or len(channels) == blocks
    check(fits, f"channels must list {blocks} widths, for 4x4 to {resolution}x{resolution}, but got {channels}.")
    wide = channels is not None or network.channel_base >= resolution
    check(wide, f"channel_base must be at least the resolution, {resolution}, but it is {network.channel_base}.")


def _check_network(network: SynthesisConfig | DiscriminatorConfig) -> None:
    check_positive(network, "channel_base", "channel_max", "channels", "conv_clamp")
    check_not_negative(network, "num_fp16_res")
    kernel = network.resample_kernel  # Filters are divided by their sum.
    check(0 < sum(kernel) < math.inf, f"resample_kernel must have a positive sum, but got {kernel}.")
    _check_activation(network.activation)


def _check_activation(name: str) -> None:
    known = ", ".join(sorted(ACTIVATION_GAIN))
    check(name in ACTIVATION_GAIN, f"activation must be one of {known}, but got {name!r}.")
