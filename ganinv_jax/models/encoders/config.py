"""Options of the encoders of whole pictures, as the papers' code fixes them."""

import dataclasses
from typing import Literal

from ganinv_jax.core.configs import check, check_positive
from ganinv_jax.models.inpainting import EncoderConfig

COARSE, MIDDLE = 3, 7  # rows below these come from the coarsest and the middle map of the pyramid
SHRINKS = 16  # the body's last map has a 16th of the picture's side


@dataclasses.dataclass(frozen=True)
class PspConfig:
    """An encoder of pSp (arXiv:2008.00951), e4e (arXiv:2102.02766) or ReStyle (arXiv:2104.02699).

    num_ws, w_dim: of the generator's W+. body, widths: the feature network, and its channels by stage.
    input_channels: of the pictures; more than 3 are label maps. input_size: (height, width) that it was trained at.
    heads: 'pyramid' reads every row from one of three maps, 'coarse' all rows from the last map; 'w' gives one row for
        all, and 'w_plus' all rows by one linear layer.
    deltas: all rows but the first are offsets to it (e4e).
    from_average: whether the codes are offsets from the stored average.
    passes: of ReStyle, where the picture is read beside its reconstruction from the codes so far; None: a single pass
        that sees the picture alone.
    """

    num_ws: int
    w_dim: int = 512
    body: Literal["irse50", "resnet34"] = "irse50"
    widths: tuple[int, int, int, int] = (64, 128, 256, 512)
    input_channels: int = 3
    input_size: tuple[int, int] = (256, 256)
    heads: Literal["pyramid", "coarse", "w", "w_plus"] = "pyramid"
    deltas: bool = False
    from_average: bool = True
    passes: int | None = None

    def __post_init__(self):
        check_positive(self, "num_ws", "w_dim", "widths", "input_channels", "passes")
        side, other = max(self.input_size), min(self.input_size)
        power = side >= 2 * SHRINKS and side & (side - 1) == 0 and other % SHRINKS == 0 and 2 * other > side
        check(
            power,
            f"input_size must have a power of two from {2 * SHRINKS} as its longer side, and a multiple of {SHRINKS} "
            f"above half of that as the other, but it is {self.input_size}.",
        )
        per_row = self.heads in ("pyramid", "coarse")
        check(per_row or not self.deltas, f"deltas need a head a row, but heads is {self.heads!r}.")

    @property
    def seen_channels(self) -> int:
        """Channels that the body reads: with passes, the picture and its reconstruction."""
        return self.input_channels * (1 if self.passes is None else 2)

    @property
    def halvings(self) -> int:
        """Times that the body's last map is halved until one pixel is left; cars go by their longer side."""
        return (max(self.input_size) // SHRINKS).bit_length() - 1

    @property
    def average_rows(self) -> int:
        """Rows of the stored average: one a row of W+, or one for all."""
        return 1 if self.heads == "w" else self.num_ws


@dataclasses.dataclass(frozen=True)
class WholeConfig(EncoderConfig):
    """The network that reads erased pictures for inpainting, trained on whole ones: it is told that all is known.

    Its codes are offsets from the generator's average w. `training.tasks.encode` trains it, since every picture is
    normalised by itself: the published encoders take statistics of batches.
    """
