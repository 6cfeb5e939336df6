"""Options of the projected discriminator."""

import dataclasses

from ganinv_jax.core.configs import check, check_positive


@dataclasses.dataclass(frozen=True)
class ProjectedConfig:
    """A projected discriminator: frozen features, random mixing, one small head a scale.

    feature_network: the frozen network, as `load_features` names it.
    size: side of the pictures it sees; images of another size are resized.
    stages: the features' stages, shallow to deep, each half the size of the one before.
    channels: width of the random mixing at the shallowest stage; it doubles with every stage.
    mixing_kernel: side of the kernels that mix across scales: 3 as in the paper, 1 as in its code.
    head_channels: widths of a head's blocks, each of which halves the picture. The shallowest stage's head has them
        all, each further head one less at the front; the logits that follow are a 4x4 convolution without padding. So
        that all heads end at 8x8, as in the paper's code, and give 5x5 logits, there is one width less than stages at
        a size of 128, and one more for each doubling of it; at 256 the code has (64, 128, 256, 512).
    spread_group: how many pictures each head compares to tell whether they differ enough (see `Spread`); 0, as in the
        paper: none. Against generators that draw one pose.
    """

    feature_network: str = "efficientnet_lite0"
    size: int = 128
    stages: tuple[str, ...] = ("stride4", "stride8", "stride16", "stride32")
    channels: int = 64
    mixing_kernel: int = 3
    head_channels: tuple[int, ...] = (128, 256, 512)
    spread_group: int = 0

    def __post_init__(self) -> None:
        check_positive(self, "size", "mixing_kernel", "channels", "head_channels")
        check(self.size % 32 == 0, f"size must be a multiple of 32, but it is {self.size}.")
        check(self.mixing_kernel % 2 == 1, f"mixing_kernel must be odd, but it is {self.mixing_kernel}.")
        check(self.spread_group != 1 and self.spread_group >= 0, "spread_group must be 0 or at least 2 pictures.")
        few, many = len(self.head_channels), len(self.stages)
        check(
            1 <= many <= few + 1,
            f"head_channels must have a width for each stage but the deepest, but there are {few} widths for "
            f"{many} stages.",
        )
