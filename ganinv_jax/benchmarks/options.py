"""What a benchmark is run with: networks by preset, precision, batch, and who is compared."""

import dataclasses
import math
import os
from collections.abc import Callable

from ganinv_jax.core.configs import check, unknown_key
from ganinv_jax.models.stylegan2 import DiscriminatorConfig, GeneratorConfig, MappingConfig, SynthesisConfig
from ganinv_jax.models.stylegan2 import presets as published

COMPUTE = {"fp32": "fp32", "bf16": "bf16", "fp16": "source"}
"""Precision by the name that networks have for it; fp16 means all blocks above 4x4, as bf16 does."""


@dataclasses.dataclass(frozen=True)
class Options:
    """preset, resolution: the network; None leaves the preset's own resolution. batch: None is each target's own.

    implementations: those of the fused ops; with several they are compared, the first is what the others are measured
    by. recipes: what `train` trains, by name or path; overrides: changes to them, as `training.config.load` takes them.
    against: 'torch' or None. nvidia: a checkout of stylegan2-ada-pytorch. torch_compile, channels_last: how PyTorch
    runs.
    """

    preset: str = "cat64"
    resolution: int | None = None
    dtype: str = "fp32"
    batch: int | None = None
    implementations: tuple[str, ...] = ("auto",)
    repeats: int = 7
    against: str | None = None
    nvidia: str | os.PathLike | None = None
    recipes: tuple[str, ...] = ("gan_cat64",)
    overrides: tuple[str, ...] = ()
    torch_compile: bool = False
    channels_last: bool = False

    def __post_init__(self):
        if self.preset not in PRESETS:
            raise unknown_key(self.preset, PRESETS, "The list of presets")
        if self.dtype not in COMPUTE:
            raise unknown_key(self.dtype, COMPUTE, "The list of precisions")
        check(self.batch is None or self.batch > 0, f"The batch must be positive, but it is {self.batch}.")
        check(self.repeats > 0, f"There must be at least 1 repeat, but got {self.repeats}.")
        named = all(self.implementations) and all(self.recipes)
        check(named, "Implementations and recipes are lists of names with commas between; one of them is empty.")
        asked = self.against is None and (self.nvidia is not None or self.torch_compile or self.channels_last)
        check(not asked, "Options of PyTorch do something with --against torch only; add it, or leave them out.")
        _ = self.generator  # A preset that the resolution does not fit is told here.

    @property
    def generator(self) -> GeneratorConfig:
        """The generator."""
        config = PRESETS[self.preset](self.resolution)
        half = int(math.log2(config.resolution)) - 2 if self.dtype == "fp16" else 0
        return dataclasses.replace(config, synthesis=dataclasses.replace(config.synthesis, num_fp16_res=half))

    @property
    def discriminator(self) -> DiscriminatorConfig:
        """StyleGAN2's discriminator of the same widths."""
        generator = self.generator
        widths = {
            name: getattr(generator.synthesis, name)
            for name in ("channel_base", "channel_max", "channels", "num_fp16_res", "conv_clamp")
        }
        return DiscriminatorConfig(generator.resolution, img_channels=generator.img_channels, **widths)

    @property
    def compute(self) -> str:
        """The precision as networks name it."""
        return COMPUTE[self.dtype]

    def settings(self, batch: int, **more: object) -> dict[str, object]:
        """What tables and files say of a case."""
        known = {"preset": self.preset, "resolution": self.generator.resolution, "batch": batch, "dtype": self.dtype}
        return known | more


def _fixed(make: Callable[[], GeneratorConfig]) -> Callable[[int | None], GeneratorConfig]:
    def config(resolution: int | None) -> GeneratorConfig:
        made = make()
        own = resolution in (None, made.resolution)
        known = ", ".join(name for name, preset in PRESETS.items() if preset in (_auto, _slim, _tiny))
        check(own, f"This preset has {made.resolution} pixels, not {resolution}; {known} come at any resolution.")
        return made

    return config


def _auto(resolution: int | None) -> GeneratorConfig:
    """`--cfg=auto` of stylegan2-ada-pytorch's train.py."""
    side = resolution or 64
    widths = {"channel_base": 32768 if side >= 512 else 16384, "channel_max": 512, "conv_clamp": 256.0}
    return GeneratorConfig(side, mapping=MappingConfig(num_layers=2), synthesis=SynthesisConfig(**widths))


def _slim(resolution: int | None) -> GeneratorConfig:
    return GeneratorConfig(
        resolution or 64,
        mapping=MappingConfig(num_layers=2),
        synthesis=SynthesisConfig(channel_base=8192, channel_max=256),
    )


def _tiny(resolution: int | None) -> GeneratorConfig:
    return GeneratorConfig(
        resolution or 16,
        z_dim=8,
        w_dim=8,
        mapping=MappingConfig(num_layers=2),
        synthesis=SynthesisConfig(channel_base=128, channel_max=8),
    )


def _ffhq256() -> GeneratorConfig:
    """`--cfg=paper256` of stylegan2-ada-pytorch's train.py."""
    return GeneratorConfig(256, synthesis=SynthesisConfig(channel_base=16384, conv_clamp=256.0))


PRESETS: dict[str, Callable[[int | None], GeneratorConfig]] = {
    "cat64": _fixed(published.cat64),
    "ffhq256": _fixed(_ffhq256),
    "afhq512": _fixed(published.afhq512),
    "ffhq1024": _fixed(published.ffhq1024),
    "auto": _auto,
    "slim": _slim,
    "tiny": _tiny,
}
"""By resolution, or None. 'auto': NVIDIA's `--cfg=auto`; 'slim': half as wide, for a CPU; 'tiny': for tests."""
