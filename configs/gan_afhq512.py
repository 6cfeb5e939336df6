"""StyleGAN2-ADA at 512 px: `--cfg=paper512 --mirror=1` of NVlabs/stylegan2-ada-pytorch, for AFHQ (one kind of animal).

These options are one augmentation ('bgc'), batch, rate and average with `gan_ffhq256`, the table's `paper256`; widths
are twice as large and R1's weight is half of it.
"""

import ml_collections

from ganinv_jax.core.configs import to_dict
from ganinv_jax.models.stylegan2 import DiscriminatorConfig
from ganinv_jax.models.stylegan2.presets import afhq512
from ganinv_jax.training.config import beside


def get_config() -> ml_collections.ConfigDict:
    config = beside(__file__, "gan_ffhq256")
    config.data.source = "data/afhqcat_512_train.zip"
    config.generator = to_dict(afhq512())
    config.stylegan2.network = to_dict(DiscriminatorConfig(512, num_fp16_res=4, conv_clamp=256.0, mbstd_group_size=8))
    config.stylegan2.r1_gamma = 0.5
    return config
