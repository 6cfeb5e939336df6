"""Stage 1 at 256 px on NVIDIA's own generator, for GPUs and TPUs: encoder and gated mixer in pSp's sizes.

`ganinv convert ffhq-res256-mirror-paper256-noaug.pkl models/ffhq256` makes the folder that it starts from; the
discriminator goes on from the one in the pickle. Rates and betas are those of the authors' later code,
korhankemalkaya/styleres, and so is R1's weight.
"""

import ml_collections

from ganinv_jax.core.configs import to_dict
from ganinv_jax.models.stylegan2 import DiscriminatorConfig


def get_config() -> ml_collections.ConfigDict:
    config = ml_collections.ConfigDict()
    config.task = "inpaint"
    config.seed = 0
    config.batch_size = 8
    config.init_from = "models/ffhq256"
    config.trains = ("encoder", "mixer")
    config.preset = "psp"
    config.holes = "train"
    config.photos = {"source": "data/ffhq256.zip", "fraction": 0.25, "warmup_kimg": 50.0}
    config.show = {"source": None, "holes": "large"}
    config.weights = {"mse": 1.0, "perceptual": 0.5, "latent": 0.1, "adversarial": 0.1}
    config.optimizer = {"learning_rate": 1e-4, "b1": 0.9, "b2": 0.99, "warmup": 500}
    network = DiscriminatorConfig(
        256, channel_base=16384, num_fp16_res=4, conv_clamp=256.0, mbstd_group_size=8, mbstd_num_channels=1
    )
    config.stylegan2 = {
        "network": to_dict(network),
        "r1_gamma": 10.0,
        "augment": None,
        "optimizer": {"learning_rate": 1e-4, "b1": 0.9, "b2": 0.99},
    }
    config.ema_kimg = 10.0
    config.loop = {
        "total_kimg": 4000.0,
        "log_kimg": 2.0,
        "snapshot_kimg": 20.0,
        "checkpoint_kimg": 50.0,
        "export_kimg": 200.0,
    }
    return config
