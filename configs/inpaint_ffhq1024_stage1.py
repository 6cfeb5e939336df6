"""Stage 1 at 1024 px on NVIDIA's own generator: `inpaint_ffhq256_stage1` with more pictures a step.

`ganinv convert ffhq.pkl models/ffhq1024`, of config F's `ffhq-res1024-mirror-stylegan2-noaug.pkl`, makes the folder
that it starts from. Losses, rates and pSp's sizes are those at 256 px: the paper (arXiv:2307.15033) leaves them open.
Four pictures a device of eight, a quarter of them photos, so one a device.
"""

import ml_collections

from ganinv_jax.training.config import beside


def get_config() -> ml_collections.ConfigDict:
    config = beside(__file__, "inpaint_ffhq256_stage1")
    config.init_from = "models/ffhq1024"
    config.batch_size = 32
    config.photos.source = "data/ffhq1024.zip"
    config.stylegan2.network = beside(__file__, "gan_ffhq1024").stylegan2.network
    return config
