"""Options of the GAN task."""

import dataclasses

from ganinv_jax.core.configs import check, check_not_negative, check_positive
from ganinv_jax.models.precision import Compute
from ganinv_jax.models.stylegan2 import GeneratorConfig
from ganinv_jax.training.adversaries.projected import ProjectedAdversaryConfig
from ganinv_jax.training.adversaries.stylegan2 import StyleGAN2AdversaryConfig
from ganinv_jax.training.auto import GanAuto
from ganinv_jax.training.optimizers import AdamConfig
from ganinv_jax.training.options import DataConfig, check_common
from ganinv_jax.training.tasks.gan.anchors import AnchorsConfig
from ganinv_jax.training.tasks.gan.energy import EnergyConfig


@dataclasses.dataclass(frozen=True)
class GanConfig:
    """One of `projected` and `stylegan2` says which discriminator plays.

    pl_weight, pl_interval, pl_batch_shrink: path length regularisation, every so many steps (0: never) on that fraction
        of the batch. style_mixing: probability. ema_kimg, ema_rampup: half-life of the weights' average, in thousands
        of pictures and as a fraction of those seen so far (None: no ramp). share_fakes: the discriminator learns on the
        very fakes that the generator was judged on, which saves drawing and looking at others; NVIDIA draws others.
    anchors: real pictures that the generator has to draw from codes of theirs; None, as NVIDIA has it: none. Against
        generators that draw one pose alone.
    energy: a loss for the energy distance between a batch's real pictures and its fakes, of all classes together, those
        of anchors left out; None, as NVIDIA has it: none. Against generators whose pictures differ less than real ones.
    compute: precision of both networks: 'fp32'; 'bf16'; 'source', fp16 in their `num_fp16_res` highest resolutions, as
        NVIDIA trains (see `SynthesisNetwork`, `ProjectedDiscriminator`). Weights, optimisers, averages, statistics and
        losses are fp32 in each.
    init_from: a model folder, or the name of a bundled one, to go on from. From a model of another resolution or z_dim
        the layers that both have are copied. Where the whole generator is, its average counts as one over pictures
        enough that `ema_rampup` is over, as NVIDIA's `--resume` has it; not before coarse steps, which undo it. A
        discriminator that it lacks, or has of the other kind, begins anew. ADA's speed stays as it is given;
        `stylegan2.controller.kimg` is 100 in NVIDIA's.
    auto: what the options that were left open were chosen by (see `training.auto`); None: all of them were given.
    Source of the defaults: `train.py` of NVlabs/stylegan2-ada-pytorch.
    """

    data: DataConfig
    generator: GeneratorConfig
    batch_size: int
    projected: ProjectedAdversaryConfig | None = None
    stylegan2: StyleGAN2AdversaryConfig | None = None
    optimizer: AdamConfig = dataclasses.field(default_factory=AdamConfig)
    pl_weight: float = 0.0
    pl_interval: int = 4
    pl_batch_shrink: int = 2
    style_mixing: float = 0.0
    ema_kimg: float = 10.0
    ema_rampup: float | None = 0.05
    share_fakes: bool = False
    anchors: AnchorsConfig | None = None
    energy: EnergyConfig | None = None
    compute: Compute = "fp32"
    init_from: str | None = None
    auto: GanAuto | None = None
    seed: int = 0

    def __post_init__(self):
        one = (self.projected is None) != (self.stylegan2 is None)
        check_common(self)
        check(one, "a GAN recipe must describe exactly one discriminator: give either 'projected' or 'stylegan2'.")
        check(0 <= self.style_mixing <= 1, f"style_mixing is a probability, but got {self.style_mixing}.")
        check_positive(self, "pl_batch_shrink")
        check_not_negative(self, "pl_weight", "pl_interval")
        if self.anchors is not None:
            self._check_anchors(self.anchors)
        if self.energy is not None:
            self._check_energy()
        if self.projected is not None:
            self.projected.check_batch(self.batch_size)
        if self.stylegan2 is not None:
            self._check_judge(self.stylegan2)

    def _check_anchors(self, anchors: AnchorsConfig) -> None:
        generator = self.generator
        few = anchors.components <= generator.z_dim
        check(few, f"anchors.components must be at most z_dim, {generator.z_dim}, but it is {anchors.components}.")
        for name in ("code_size", "pixels_size"):
            value, side = getattr(anchors, name), generator.resolution
            check(value <= side, f"anchors.{name} must be at most {side}, but it is {value}.")
        blocks, coarse = generator.block_resolutions, anchors.coarse_resolution
        check(
            not anchors.coarse_kimg or coarse in blocks,
            f"anchors.coarse_resolution must be one of {', '.join(map(str, blocks))}, but it is {coarse}.",
        )
        plain = generator.img_channels == 3 and not self.style_mixing
        check(plain, "anchors are RGB pictures of one code each: img_channels must be 3 and style_mixing 0.")

    def _check_energy(self) -> None:
        compared = self.batch_size - (self.anchors.count(self.batch_size) if self.anchors else 0)
        check(compared > 1, f"energy compares fakes that are no anchors, two at least, but of a batch {compared} are.")
        check(self.generator.img_channels == 3, "energy is of RGB pictures: img_channels must be 3.")

    def _check_judge(self, adversary: StyleGAN2AdversaryConfig) -> None:
        for name in ("resolution", "img_channels", "c_dim"):
            own, other = getattr(self.generator, name), getattr(adversary.network, name)
            check(own == other, f"the discriminator's {name} must be the generator's, {own}, but got {other}.")
        adversary.check_batch(self.batch_size)
        frozen = adversary.network.freeze_layers
        check(
            not frozen or self.init_from is not None,
            f"freeze_layers keeps {frozen} layers of a trained discriminator, but there is no init_from; name a model "
            "that has one, or set freeze_layers to 0.",
        )
