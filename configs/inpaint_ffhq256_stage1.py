"""Stage 1 at 256 px on NVIDIA's own generator, for GPUs and TPUs: encoder and gated mixer in pSp's sizes.

`ganinv convert ffhq-res256-mirror-paper256-noaug.pkl models/ffhq256` makes the folder that it starts from; the
discriminator goes on from the one in the pickle. Rates and betas are those of the authors' later code,
korhankemalkaya/styleres, and so is R1's weight. Networks compute in bf16, as in `gan_ffhq256`.
"""

import ml_collections

from ganinv_jax.training.config import beside


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
    config.stylegan2 = {
        "network": beside(__file__, "gan_ffhq256").stylegan2.network.to_dict(),
        "r1_gamma": 10.0,
        "augment": None,
        "optimizer": {"learning_rate": 1e-4, "b1": 0.9, "b2": 0.99},
    }
    config.compute = "bf16"
    config.ema_kimg = 10.0
    config.loop = {
        "total_kimg": 4000.0,
        "log_kimg": 2.0,
        "snapshot_kimg": 20.0,
        "checkpoint_kimg": 50.0,
        "export_kimg": 200.0,
    }
    return config
