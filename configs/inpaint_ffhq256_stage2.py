"""Stage 2 at 256 px: the skip encoder at 32, 64 and 128. Encoder and mixer of stage 1 stay as they are."""

import ml_collections

from ganinv_jax.training.config import beside


def get_config() -> ml_collections.ConfigDict:
    config = beside(__file__, "inpaint_ffhq256_stage1")
    config.init_from = "runs/inpaint_ffhq256_stage1/model"
    config.trains = ("skip",)
    config.loop.total_kimg = 2000.0
    return config
