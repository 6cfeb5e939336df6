"""StyleGAN2's config F at 1024 px: `--cfg=stylegan2 --mirror=1 --aug=noaug` of NVlabs/stylegan2-ada-pytorch, for FFHQ.

That repository names these options for FFHQ; its `--cfg=paper1024` is for MetFaces and differs in R1's weight (2) and
in having augmentation: `--config.stylegan2.r1_gamma=2 --config.stylegan2.augment=bgc`.
"""

import ml_collections

from ganinv_jax.core.configs import to_dict
from ganinv_jax.models.stylegan2 import DiscriminatorConfig
from ganinv_jax.models.stylegan2.presets import ffhq1024
from ganinv_jax.training.config import beside


def get_config() -> ml_collections.ConfigDict:
    config = beside(__file__, "gan_ffhq256")
    config.batch_size = 32
    config.data.source = "data/ffhq1024.zip"
    config.generator = to_dict(ffhq1024())
    config.optimizer.learning_rate = 2e-3
    config.stylegan2 = {
        "network": to_dict(DiscriminatorConfig(1024, num_fp16_res=4, conv_clamp=256.0, mbstd_group_size=4)),
        "r1_gamma": 10.0,
        "augment": None,
        "optimizer": config.optimizer.to_dict(),
    }
    config.ema_kimg = 10.0
    return config
