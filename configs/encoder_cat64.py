"""The domain-guided encoder of idinvert for the bundled generator at 64 px, on a small processor.

Zhu et al. 2020 (arXiv:2004.00049), section 3.2; train_encoder.py of genforce/idinvert. From there: squared error,
features and discriminator together, mirrored pictures, betas of 0.9 and 0.99. Batches of 16 are what it gives one GPU.

Features are EfficientNet-Lite0's, which every installation has; VGG16's weights come from a file that you convert
(`--config.features=FOLDER`). The official 5e-5 belongs to unnormalised VGG16; the 0.5 here is a share of the squared
error, as in `inpaint_cat64_stage1`. So are the rate, three times the official for a hundredth of the pictures, and the
weight of the discriminator: the GAN's projected one, which goes on from there and whose hinge loss is larger than the
logistic one that the official 0.08 is for.
"""

import ml_collections

from ganinv_jax.training.config import beside


def get_config() -> ml_collections.ConfigDict:
    config = ml_collections.ConfigDict()
    config.task = "encode"
    config.seed = 0
    config.batch_size = 16
    config.init_from = "cat64"
    config.data = {"source": "data/afhqcat_64_train.zip", "mirror": True}
    config.show = {"source": None, "count": 16}
    config.preset = "light"
    config.weights = {"mse": 1.0, "perceptual": 0.5, "adversarial": 0.02}
    config.optimizer = {"learning_rate": 3e-4, "b1": 0.9, "b2": 0.99, "warmup": 100}
    config.projected = beside(__file__, "gan_cat64").projected
    config.ema_kimg = 5.0
    config.loop = {
        "total_kimg": 100.0,
        "log_kimg": 0.32,
        "snapshot_kimg": 2.0,
        "checkpoint_kimg": 5.0,
        "export_kimg": 20.0,
    }
    return config
