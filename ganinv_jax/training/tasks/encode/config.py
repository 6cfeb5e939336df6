"""Options of the encoding task."""

import dataclasses
from typing import Any, Literal

from ganinv_jax.core.configs import check
from ganinv_jax.models.precision import Compute
from ganinv_jax.training.adversaries.projected import ProjectedAdversaryConfig
from ganinv_jax.training.adversaries.stylegan2 import StyleGAN2AdversaryConfig
from ganinv_jax.training.auto import EncodeAuto
from ganinv_jax.training.frozen import check_judge
from ganinv_jax.training.optimizers import AdamConfig
from ganinv_jax.training.options import DataConfig, Weights, check_common


@dataclasses.dataclass(frozen=True)
class LossWeights(Weights):
    """perceptual: as a share of the squared error; the factor that makes their means equal on unrelated pictures of the
    generator is measured at the start. latent: squared error of the codes that are read in generated pictures. delta:
    how far rows of W+ lie from the first, summed over rows; e4e's 2e-4 keeps codes near W.

    By default those of idinvert, which has neither of the last two.
    """

    mse: float = 1.0
    perceptual: float = 0.1
    adversarial: float = 0.08
    latent: float = 0.0
    delta: float = 0.0


@dataclasses.dataclass(frozen=True)
class ShowConfig:
    """What the sample grids show: the first `count` pictures of `source` (None: of those that are trained on)."""

    source: str | None = None
    count: int = 16

    def __post_init__(self):
        check(self.count > 0, f"show.count must be positive, but it is {self.count}.")


@dataclasses.dataclass(frozen=True)
class EncodeConfig:
    """The domain-guided encoder of idinvert (arXiv:2004.00049, section 3.2), and what pSp and e4e add to it.

    init_from: a model folder or a bundled name: the generator. An encoder of whole pictures with the same options, and
        the discriminator, go on from what it holds, and begin anew otherwise.
    batch_size: pictures a step. generated: the share of them that the generator draws, whose codes are known; the
        others are of `data`.
    preset, options: the encoder's sizes: 'light' or 'psp' as the inpainter's, and changes to them, as
        {"channel_max": 64}; or 'given': the folder's own, such as a converted one of pSp or e4e, whose statistics of
        batches stay as they are.
    features: the network of the perceptual distance (see `load_features`). perceptual_size: the side that pictures are
        resized to for it; None: as they are.
    projected, stylegan2: the discriminator that tells pictures of `data` from their reconstructions; with neither there
        is no adversarial loss.
    compute: precision of the generator, the encoder and the discriminator, as a GAN recipe's (see `GanConfig`); in
        'source', and for a converted encoder, that of the encoder is fp32. Losses are fp32 in each.
    auto: what the options that were left open were chosen by (see `training.auto`); None: all of them were given.
    """

    init_from: str
    data: DataConfig
    batch_size: int
    generated: float = 0.0
    preset: Literal["light", "psp", "given"] = "light"
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    show: ShowConfig = dataclasses.field(default_factory=ShowConfig)
    weights: LossWeights = dataclasses.field(default_factory=LossWeights)
    features: str = "efficientnet_lite0"
    perceptual_size: int | None = None
    projected: ProjectedAdversaryConfig | None = None
    stylegan2: StyleGAN2AdversaryConfig | None = None
    optimizer: AdamConfig = dataclasses.field(default_factory=lambda: AdamConfig(1e-4, 0.9, 0.99))
    ema_kimg: float = 10.0
    ema_rampup: float | None = 0.05
    compute: Compute = "fp32"
    auto: EncodeAuto | None = None
    seed: int = 0

    def __post_init__(self):
        check_common(self)
        check(0 <= self.generated < 1, f"generated is a share from 0 to below 1, but it is {self.generated}.")
        check(self.photo_count > 0, "generated must leave a real picture in the batch; make either of them smaller.")
        known = self.generated_count > 0 or self.weights.latent == 0
        check(
            known,
            "weights.latent needs pictures whose codes are known; give generated a share, or the weight 0.",
        )
        check(self.preset != "given" or not self.options, "options change a preset's sizes, but preset is 'given'.")
        seen = "the number of real pictures in a batch" if self.generated_count else "batch_size"
        check_judge(self, self.photo_count, seen)

    @property
    def generated_count(self) -> int:
        """Generated pictures in a batch: one at least, where there are any."""
        return max(1, round(self.batch_size * self.generated)) if self.generated else 0

    @property
    def photo_count(self) -> int:
        """Real pictures in a batch."""
        return self.batch_size - self.generated_count
