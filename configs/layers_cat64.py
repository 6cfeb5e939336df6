"""Layer encoders of the bundled generator at 64 px, for a small processor; used by `ganinv invert --method layerwise`.

Bau et al. 2019 (arXiv:1910.11626); davidbau/ganseeing trains each encoder for 320 thousand pictures with Adam of rate
1e-4 and all of them together for 3.2 million with 1e-5, in batches of 32. Here it is a twentieth of the first and a
three-hundredth of the second, with rates ten and thirty times as large, since there are so few steps, batches of 16 and
an eighth of the channels. The middle is at 16 pixels, a quarter of the picture's side; PGGAN's layer 4 is at 8 of 256.
"""

import ml_collections


def get_config() -> ml_collections.ConfigDict:
    config = ml_collections.ConfigDict()
    config.task = "layers"
    config.seed = 0
    config.batch_size = 16
    config.init_from = "cat64"
    config.middle = 16
    config.options = {"hidden": 64, "picture_max": 96}
    config.apart_kimg = 16.0
    config.apart = {"learning_rate": 1e-3, "b1": 0.9, "b2": 0.999}
    config.together = {"learning_rate": 3e-4, "b1": 0.9, "b2": 0.999}
    config.loop = {
        "total_kimg": 26.0,
        "log_kimg": 0.32,
        "snapshot_kimg": 4.0,
        "checkpoint_kimg": 4.0,
        "export_kimg": 26.0,
    }
    return config
