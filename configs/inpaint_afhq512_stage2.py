"""Stage 2 at 512 px: `inpaint_ffhq256_stage2` on the encoder and mixer of `inpaint_afhq512_stage1`."""

import ml_collections

from ganinv_jax.training.config import beside


def get_config() -> ml_collections.ConfigDict:
    config = beside(__file__, "inpaint_afhq512_stage1")
    config.init_from = "runs/inpaint_afhq512_stage1/model"
    config.trains = ("skip",)
    config.loop.total_kimg = 2000.0
    return config
