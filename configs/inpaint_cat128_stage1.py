"""Stage 1 at 128 px: `inpaint_cat64_stage1`, whose numbers these are, on the networks of `gan_cat128`."""

import ml_collections

from ganinv_jax.training.config import beside


def get_config() -> ml_collections.ConfigDict:
    config = beside(__file__, "inpaint_cat64_stage1")
    config.init_from = "runs/gan_cat128_energy/model"
    config.photos.source = "data/afhqcat_128_train.zip"
    config.projected = beside(__file__, "gan_cat128").projected
    return config
