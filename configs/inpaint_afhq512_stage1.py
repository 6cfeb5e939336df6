"""Stage 1 at 512 px on NVIDIA's AFHQ generators: `inpaint_ffhq256_stage1` with more pictures a step.

`ganinv convert afhqcat.pkl models/afhqcat512` makes the folder that it starts from; `afhqdog.pkl` and `afhqwild.pkl`
are alike (`--init-from`, `--config.photos.source`). Losses, rates and pSp's sizes are those at 256 px: the paper
(arXiv:2307.15033) leaves them open. Four pictures a device of eight, a quarter of them photos, so one a device.
"""

import ml_collections

from ganinv_jax.training.config import beside


def get_config() -> ml_collections.ConfigDict:
    config = beside(__file__, "inpaint_ffhq256_stage1")
    config.init_from = "models/afhqcat512"
    config.batch_size = 32
    config.photos.source = "data/afhqcat_512_train.zip"
    config.stylegan2.network = beside(__file__, "gan_afhq512").stylegan2.network
    return config
