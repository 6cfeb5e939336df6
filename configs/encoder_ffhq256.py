"""The domain-guided encoder of idinvert at 256 px on NVIDIA's own generator, for eight GPUs or a TPU.

Zhu et al. 2020 (arXiv:2004.00049). From train_encoder.py and training/loss_encoder.py of genforce/idinvert: 14 million
pictures in batches of 16 a GPU, Adam of 1e-4 with betas of 0.9 and 0.99 for encoder and discriminator, both rates times
0.8 every quarter of the run; the discriminator's weight of 0.08, and R1 of weight 10 at every step; no average of
weights.

Not from there: the generator is a StyleGAN2 (`ganinv convert ffhq-res256-mirror-paper256-noaug.pkl models/ffhq256`),
whose discriminator goes on. The encoder has pSp's sizes and normalises every picture by itself, not a batch over GPUs.
The official 5e-5 is for unnormalised features of Keras' VGG16; in units of the squared error the distance of normalised
ones weighs 0.1, as in `ganinv invert --method idinvert`. To look through VGG16, convert torchvision's and name the
folder (`--config.features=models/vgg16`); EfficientNet-Lite0 is what every installation has. Networks compute in bf16,
as in `gan_ffhq256`.

`--config.generated=0.25 --config.weights.latent=0.1` reads generated pictures as well, whose codes are known, and
`--config.weights.delta=2e-4` is e4e's, which holds the rows of a code together.
"""

import ml_collections

from ganinv_jax.training.config import beside

TOTAL_KIMG, BATCH = 14000.0, 128
RATE = {
    "learning_rate": 1e-4,
    "b1": 0.9,
    "b2": 0.99,
    "decay": 0.8,
    "decay_steps": int(TOTAL_KIMG * 1000 / BATCH) // 4,
}


def get_config() -> ml_collections.ConfigDict:
    config = ml_collections.ConfigDict()
    config.task = "encode"
    config.seed = 0
    config.batch_size = BATCH
    config.init_from = "models/ffhq256"
    config.data = {"source": "data/ffhq256.zip", "mirror": True}
    config.show = {"source": None, "count": 16}
    config.preset = "psp"
    config.weights = {"mse": 1.0, "perceptual": 0.1, "adversarial": 0.08}
    config.optimizer = dict(RATE)
    config.stylegan2 = {
        "network": beside(__file__, "gan_ffhq256").stylegan2.network.to_dict(),
        "r1_gamma": 10.0,
        "r1_interval": 1,
        "augment": None,
        "optimizer": dict(RATE),
    }
    config.compute = "bf16"
    config.ema_kimg = 0.0
    config.loop = {
        "total_kimg": TOTAL_KIMG,
        "log_kimg": 4.0,
        "snapshot_kimg": 65.0,
        "checkpoint_kimg": 100.0,
        "export_kimg": 650.0,
    }
    return config
