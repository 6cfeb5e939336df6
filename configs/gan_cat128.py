"""`gan_cat64` at 128 px, for a single GPU or a patient CPU: one block more, the same losses, rates and average.

The generator's widths are those of `cat64` from the picture inwards, so the step costs about four times as much. Not
tried to the end: what `gan_cat64` says about anchors, spread and the heads' rate was found at 64 px.
"""

import ml_collections

from ganinv_jax.training.config import beside


def get_config() -> ml_collections.ConfigDict:
    config = beside(__file__, "gan_cat64")
    config.data.source = "data/afhqcat_128_train.zip"
    config.generator.resolution = 128
    config.generator.synthesis.channels = (256, 256, 256, 128, 96, 48)
    return config
