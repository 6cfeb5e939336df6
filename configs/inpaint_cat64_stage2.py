"""Stage 2 at 64 px: the skip encoder, on the encoder and mixer of stage 1, which stay as they are.

The losses and the data are those of stage 1, with more photos and less of the perceptual loss, since known pixels are
what the skip encoder is for. It starts at zero and learns faster, but a full rate throws the picture off for the first
hundred steps (seen in a trial at this size), so the rate is warmed up for longer.
"""

import ml_collections

from ganinv_jax.training.config import beside


def get_config() -> ml_collections.ConfigDict:
    config = beside(__file__, "inpaint_cat64_stage1")
    config.init_from = "runs/inpaint_cat64_stage1/model"
    config.trains = ("skip",)
    config.photos.fraction = 0.5
    config.weights.perceptual = 0.25
    config.weights.diversity = 0.0  # it is the mixer's
    config.optimizer.learning_rate = 1e-3
    config.optimizer.warmup = 200
    config.loop.total_kimg = 400.0
    return config
