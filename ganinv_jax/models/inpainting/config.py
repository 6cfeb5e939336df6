"""Options of the inpainter's three networks, and presets that fit them to a generator."""

import dataclasses
from typing import Literal

from ganinv_jax.core.configs import check, check_not_negative, check_positive
from ganinv_jax.models.stylegan2 import GeneratorConfig


@dataclasses.dataclass(frozen=True)
class EncoderConfig:
    """Pictures at the generator's `resolution` to one style of width `w_dim` a row of W+.

    size: larger pictures are shrunk to this side first, as pSp does (None: never).
    coarsest: the trunk halves the picture until this side. The last three of its levels make the feature pyramid.
    channel_base, channel_max: the level with side r has min(channel_base // r, channel_max) channels.
    blocks: residual blocks at each level, from side size / 2 down to `coarsest`.
    pyramid: channels of the feature pyramid.
    head_size, head_channels: a head halves its map to this side, with so many channels, and reads the whole of it.
    shared_heads: whether the rows of one pyramid level read one such map, or each row makes its own (pSp).
    """

    resolution: int
    w_dim: int
    blocks: tuple[int, ...]
    size: int | None = None
    coarsest: int = 4
    channel_base: int = 1536
    channel_max: int = 160
    pyramid: int = 128
    head_size: int = 4
    head_channels: int = 32
    shared_heads: bool = True

    def __post_init__(self):
        widths = ("w_dim", "channel_base", "channel_max", "pyramid", "head_channels")
        check_positive(self, *widths, where="encoder ")
        for name in ("resolution", "size", "coarsest", "head_size"):
            _check_power(f"encoder {name}", getattr(self, name))
        fits = self.head_size <= self.coarsest <= self.input_size // 2
        check(
            fits,
            f"the encoder's coarsest side must lie between its head_size {self.head_size} and half of the "
            f"picture's {self.input_size} pixels, but it is {self.coarsest}.",
        )
        check(
            len(self.blocks) == len(self.levels) and min(self.blocks) >= 0,
            f"encoder blocks must list a number for each side of {self.levels}, but got {self.blocks}.",
        )
        _check_base("encoder", self.channel_base, self.levels)

    @property
    def num_ws(self) -> int:
        """Rows of W+."""
        return 2 * (self.resolution.bit_length() - 1) - 2

    @property
    def input_size(self) -> int:
        """Side of the pictures that the trunk sees."""
        return min(self.resolution, self.size or self.resolution)

    @property
    def levels(self) -> tuple[int, ...]:
        """Sides of the trunk's levels, fine to coarse."""
        return _halvings(self.input_size // 2, self.coarsest)

    def channels(self, side: int) -> int:
        """Channels of the level with that side."""
        return min(self.channel_base // side, self.channel_max)


@dataclasses.dataclass(frozen=True)
class MixerConfig:
    """`gate=False` is the ablation without a gate: the mixer's own code is the result."""

    num_ws: int
    w_dim: int
    hidden: int
    gate: bool = True

    def __post_init__(self):
        check_positive(self, "num_ws", "w_dim", "hidden", where="mixer ")


@dataclasses.dataclass(frozen=True)
class SkipConfig:
    """Features for the generator's blocks at `resolutions` (ascending), with the blocks' `widths`.

    Raises InputError for the generator's own resolution: pixels would be copied past the latent code.
    layer: whose output they are added to. From conv1 they reach the block's own image at once, through one linear
        layer, so a wrong colour is mended by the first gradient; from conv0 another convolution comes between.
    channel_base, channel_max, blocks: as in EncoderConfig; `blocks` at every level, on the way down and up.
    sees_render: it is shown what the generator draws without it, too, and by how much that misses the known pixels,
        after HFGI (arXiv:2109.06590): else it must guess from the photo alone what codes, random ones among them, will
        get wrong. Costs another picture, and its own features, for each completion.
    """

    resolution: int
    resolutions: tuple[int, ...]
    widths: tuple[int, ...]
    layer: Literal["conv0", "conv1"] = "conv1"
    channel_base: int = 2048
    channel_max: int = 96
    blocks: int = 1
    sees_render: bool = False

    def __post_init__(self):
        check_positive(self, "widths", "channel_base", "channel_max", where="skip ")
        check_not_negative(self, "blocks", where="skip ")
        given: tuple[int, ...] = self.resolutions
        top = self.resolution
        _check_power("skip resolution", top)
        for resolution in given:
            _check_power("skip resolutions", resolution)
        rising = bool(given) and list(given) == sorted(set(given)) and given[0] >= 4
        check(rising, f"skip resolutions must be different, ascending and at least 4, but got {given}.")
        check(
            max(given) < top,
            f"skip resolutions must be below the generator's own {top}, where pixels would be copied past the latent "
            f"code, but got {given}.",
        )
        check(len(self.widths) == len(given), f"skip widths must be {len(given)}, one a resolution: {self.widths}.")
        lowest = self.layer == "conv0" and min(given) == 4
        check(not lowest, "skip layer conv0 does not exist at resolution 4; use conv1 or leave 4 out.")
        _check_base("skip", self.channel_base, self.levels)

    @property
    def levels(self) -> tuple[int, ...]:
        """Sides of the trunk's levels, fine to coarse."""
        return _halvings(self.resolutions[-1], self.resolutions[0])

    def channels(self, side: int) -> int:
        """Channels of the level with that side."""
        return min(self.channel_base // side, self.channel_max)


@dataclasses.dataclass(frozen=True)
class InpainterConfig:
    """The three networks; `skip` is None after stage 1."""

    encoder: EncoderConfig
    mixer: MixerConfig
    skip: SkipConfig | None = None


def light(generator: GeneratorConfig, skip_resolutions: tuple[int, ...] | None = None) -> InpainterConfig:
    """Small networks with heads that share their maps, for 128 px and below: a CPU can train them."""
    encoder = EncoderConfig(generator.resolution, generator.w_dim, (1,) * len(_halvings(generator.resolution // 2, 4)))
    mixer = MixerConfig(generator.num_ws, generator.w_dim, hidden=generator.w_dim)
    return InpainterConfig(encoder, mixer, _skip(generator, skip_resolutions, sees_render=True))


def psp(generator: GeneratorConfig, skip_resolutions: tuple[int, ...] | None = None) -> InpainterConfig:
    """For 256 px and more: the depths, widths, pyramid and heads of pSp (arXiv:2008.00951, IR-SE50, 256 px inputs)."""
    wide = {"channel_base": 8192, "channel_max": 512}
    encoder = EncoderConfig(
        generator.resolution, generator.w_dim, (3, 4, 14, 3), size=256, coarsest=16, pyramid=512,
        head_size=1, head_channels=512, shared_heads=False, **wide,
    )  # fmt: skip
    mixer = MixerConfig(generator.num_ws, generator.w_dim, hidden=generator.w_dim)
    return InpainterConfig(encoder, mixer, _skip(generator, skip_resolutions, blocks=2, **wide))


def default_skip_resolutions(resolution: int) -> tuple[int, ...]:
    """32, 64 and 128 as in the paper; R/8, R/4 and R/2 below 256 px, as far as the generator has them."""
    if resolution >= 256:
        return (32, 64, 128)
    return tuple(r for r in (resolution // 8, resolution // 4, resolution // 2) if r >= 4)


def _skip(generator: GeneratorConfig, resolutions: tuple[int, ...] | None, **options) -> SkipConfig:
    chosen = tuple(resolutions or default_skip_resolutions(generator.resolution))
    widths = tuple(generator.channels(r) for r in chosen if r in generator.block_resolutions)
    return SkipConfig(generator.resolution, chosen, widths, **options)


def _halvings(first: int, last: int) -> tuple[int, ...]:
    """first, first / 2, ..., last: powers of two."""
    return tuple(2**k for k in range(first.bit_length() - 1, last.bit_length() - 2, -1))


def _check_power(name: str, value: int | None) -> None:
    good = value is None or (value > 0 and value & (value - 1) == 0)
    check(good, f"{name} must be a power of two, but got {value}.")


def _check_base(network: str, base: int, levels: tuple[int, ...]) -> None:
    wide = base >= max(levels)
    check(wide, f"{network} channel_base must be at least {max(levels)}, its finest level's side, but it is {base}.")
