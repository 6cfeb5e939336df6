"""`gan_cat64_energy` at 128 px, on what `gan_cat128` made. Not tried to the end: its numbers were found at 64 px."""

import ml_collections

from ganinv_jax.training.config import beside


def get_config() -> ml_collections.ConfigDict:
    config = beside(__file__, "gan_cat64_energy")
    large = beside(__file__, "gan_cat128")
    config.data.source, config.generator = large.data.source, large.generator
    config.init_from = "runs/gan_cat128/model"
    return config
