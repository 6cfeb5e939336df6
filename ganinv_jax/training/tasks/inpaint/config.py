"""Options of the inpainting task."""

import dataclasses
from typing import Any, Literal

from ganinv_jax.core.configs import check, check_not_negative
from ganinv_jax.data.holes import HOLE_PRESETS
from ganinv_jax.models.precision import Compute
from ganinv_jax.training.adversaries.projected import ProjectedAdversaryConfig
from ganinv_jax.training.adversaries.stylegan2 import StyleGAN2AdversaryConfig
from ganinv_jax.training.auto import InpaintAuto
from ganinv_jax.training.frozen import check_judge
from ganinv_jax.training.optimizers import AdamConfig
from ganinv_jax.training.options import Weights, check_common, check_threads

Part = Literal["encoder", "mixer", "skip"]


@dataclasses.dataclass(frozen=True)
class LossWeights(Weights):
    """perceptual: as a share of the squared error; the factor that makes their means equal on unrelated pictures of the
    generator is measured at the start. latent: squared error of the code that should be the true one.

    diversity: where the mixer is trained, completions of a photo from two random codes should differ in the hole.
    Nothing else takes care of that: the discriminator sees one completion at a time, and the known pixels want one
    code. See `diversity_share`. Like the photos' other terms it rises with `photos.warmup_kimg`.
    """

    mse: float = 1.0
    perceptual: float = 0.5
    latent: float = 0.1
    adversarial: float = 0.1
    diversity: float = 0.0


@dataclasses.dataclass(frozen=True)
class PhotosConfig:
    """Real pictures beside the generated ones; only their known pixels are asked for.

    source: as `open_source` takes it. fraction: of the batch. warmup_kimg: over which their weight rises from 0.
    """

    source: str
    fraction: float = 0.25
    warmup_kimg: float = 10.0
    mirror: bool = True
    threads: int | None = None

    def __post_init__(self):
        check(0 < self.fraction < 1, f"photos.fraction must lie between 0 and 1, but it is {self.fraction}.")
        check_threads(self.threads)
        check_not_negative(self, "warmup_kimg", where="photos.")


@dataclasses.dataclass(frozen=True)
class ShowConfig:
    """What the sample grids show: `count` pictures, the first of `source` (None: generated ones only), with `holes`."""

    source: str | None = None
    holes: str = "large"
    count: int = 8

    def __post_init__(self):
        check(self.count > 0, f"show.count must be positive, but it is {self.count}.")
        check(self.holes in HOLE_PRESETS, f"show.holes must be one of {', '.join(HOLE_PRESETS)}, but is {self.holes}.")


@dataclasses.dataclass(frozen=True)
class InpaintConfig:
    """Stage 1 trains ('encoder', 'mixer'), stage 2 ('skip',) on top; all three at once is the one-stage ablation.

    init_from: a model folder or a bundled name: the generator, and the parts that are not trained. A part to be
        trained, and the discriminator, go on from what it holds with the same options, and begin anew otherwise. A part
        may have more blocks than there, and see more (sees_render), since that changes nothing as it begins.
    batch_size: pictures a step, each completed twice: once from the code that it was generated from, where everything
        is to be reconstructed, and once from another code, where only the known pixels are.
    full_branch: False is the ablation without the former; both codes are others then.
    gate: False is the ablation without the mixer's gate.
    skip_resolutions: None stands for `default_skip_resolutions`.
    preset, options: the networks' sizes: 'light' or 'psp', and changes to them, as {"encoder": {"channel_max": 64}}.
    diversity_share: how far two completions of a photo should be apart in the hole, as a share of the distance of two
        photos there; what lacks is punished in proportion, up to `weights.diversity`, and more is not rewarded. The
        distance is the perceptual one. After the mode seeking of Mao et al. 2019 (arXiv:1903.05628), but bounded.
    holes: the preset that holes are drawn from.
    perceptual_size: pictures are resized to that side for EfficientNet-Lite0; None: as they are.
    projected, stylegan2: the discriminator that judges composites; with neither there is no adversarial loss.
    compute: precision of the generator, the encoder, the skip encoder and the discriminator, as a GAN recipe's (see
        `GanConfig`); in 'source' that of encoder and skip encoder is fp32. Mixer and losses are fp32 in each.
    auto: what the options that were left open were chosen by (see `training.auto`); None: all of them were given.
    """

    init_from: str
    batch_size: int
    trains: tuple[Part, ...] = ("encoder", "mixer")
    preset: Literal["light", "psp"] = "light"
    options: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    gate: bool = True
    skip_resolutions: tuple[int, ...] | None = None
    full_branch: bool = True
    diversity_share: float = 0.5
    holes: str = "train"
    photos: PhotosConfig | None = None
    show: ShowConfig = dataclasses.field(default_factory=ShowConfig)
    weights: LossWeights = dataclasses.field(default_factory=LossWeights)
    perceptual_size: int | None = None
    projected: ProjectedAdversaryConfig | None = None
    stylegan2: StyleGAN2AdversaryConfig | None = None
    optimizer: AdamConfig = dataclasses.field(default_factory=lambda: AdamConfig(1e-4, 0.9, 0.99))
    ema_kimg: float = 10.0
    ema_rampup: float | None = 0.05
    compute: Compute = "fp32"
    auto: InpaintAuto | None = None
    seed: int = 0

    def __post_init__(self):
        check_common(self)
        share = self.diversity_share
        check(0 < share <= 1, f"diversity_share must lie above 0 and up to 1, but it is {share}.")
        check(len(self.trains) > 0, "trains must name a part at least: encoder, mixer or skip.")
        check(len(set(self.trains)) == len(self.trains), f"trains must name each part once, but it is {self.trains}.")
        check(self.holes in HOLE_PRESETS, f"holes must be one of {', '.join(HOLE_PRESETS)}, but it is {self.holes}.")
        check_judge(self, self.batch_size)
        some = self.photo_count == 0 or 0 < self.photo_count < self.batch_size
        check(some, "photos.fraction must leave a generated picture in the batch.")
        pairs = not self.weights.diversity or "mixer" not in self.trains or self.photo_count > 1
        check(pairs, "weights.diversity needs two photos in a batch at least; set photos.fraction, or the weight to 0.")

    @property
    def photo_count(self) -> int:
        """Real pictures in a batch: one at least, where there are any."""
        return max(1, round(self.batch_size * self.photos.fraction)) if self.photos else 0
