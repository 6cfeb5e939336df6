"""Stage 2 at 128 px: `inpaint_cat64_stage2`, whose numbers these are, on `inpaint_cat128_stage1`."""

import ml_collections

from ganinv_jax.training.config import beside


def get_config() -> ml_collections.ConfigDict:
    config = beside(__file__, "inpaint_cat64_stage2")
    config.init_from = "runs/inpaint_cat128_stage1/model"
    config.photos.source = "data/afhqcat_128_train.zip"
    config.projected = beside(__file__, "gan_cat128").projected
    return config
