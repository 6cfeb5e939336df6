"""Stage 2 on any generator of your own: the skip encoder, on the encoder and mixer of `inpaint_custom_stage1`.

`--init-from` names the model folder that stage 1 wrote; the rest is as there, with the rates of stage 2.
"""

import ml_collections

from ganinv_jax.training.config import beside


def get_config() -> ml_collections.ConfigDict:
    config = beside(__file__, "inpaint_custom_stage1")
    config.init_from = "runs/inpaint_custom_stage1/model"
    config.trains = ("skip",)
    config.loop.total_kimg = 1000.0
    return config
