"""What follows `gan_cat64`: its generator learns to draw what real cats differ in. `--init-from` names its folder.

Anchors made poses differ, but they ask for one picture a code, so that fur and backgrounds come out as the mean of what
they may be: here there are none. `energy` compares batches as sets.
"""

import ml_collections

from ganinv_jax.training.config import beside


def get_config() -> ml_collections.ConfigDict:
    config = beside(__file__, "gan_cat64")
    config.anchors = None
    config.energy = {"weight": 20.0}
    config.optimizer = {"learning_rate": 5e-4, "b1": 0.0, "b2": 0.99, "decay": 0.5, "decay_steps": 500}
    config.projected.optimizer.learning_rate = 1e-4
    config.ema_kimg = 8.0
    config.init_from = "runs/gan_cat64/model"
    return config
