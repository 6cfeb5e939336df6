"""A StyleGAN2 of cats at 64 px for a small data set and a small processor: the bundled model's first generator.

Projected discriminator on EfficientNet-Lite0 (Sauer et al. 2021) and DiffAugment, since they need an order of magnitude
fewer pictures than StyleGAN2's own. Adam 2e-3 for the generator: with 2e-4 it stalled in a trial at this size. Batches
of 16: what counts at first is the number of steps.

The paper's losses alone drew one cat again and again, in trials of 33 and 46 thousand pictures. Heads that compare
pictures (`spread_group`) and learn faster (5e-4 instead of 2e-4) brought coats and backgrounds, but all heads faced the
viewer alike.

`anchors` bring poses: half of each batch are real pictures that the generator has to draw from codes of theirs. First
its blocks up to 16x16 learn that alone, several times as fast as whole steps go. z of 64 numbers, all of which a code
fills, since pictures vary in no more (as in StyleGAN-XL, arXiv:2202.00273): with 256, trials at the same rate had an
error of 0.16 after 8 thousand pictures, with 64 of 0.12 after 2 thousand. Compared at 16 px, with a perceptual weight
of 10, coats, backgrounds and ears followed the anchors, but eyes stayed shut for 10 thousand whole pictures; at 32 px,
with a weight of 5, they began to open within 2 thousand more.

With anchors against one pose, heads need not learn fast. With 5e-4 and groups of 8 to compare, their loss stood below
0.5 and pictures were harsh, with one eye shut; from then on with 2e-4 and no groups it rose to 0.8, both eyes opened
within 4 thousand pictures, and the Frechet distance fell from 60 to 53 within 10 thousand and to 37 within 55 thousand.
There it stayed; falling rates (`optimizer.decay`; the bundled model's card has the numbers) brought 35 within another
28 thousand, and recall from 0.13 to 0.22 (`--noise-mode const`). `gan_cat64_energy` goes on from there.
"""

import ml_collections

from ganinv_jax.core.configs import to_dict
from ganinv_jax.models.stylegan2.presets import cat64


def get_config() -> ml_collections.ConfigDict:
    config = ml_collections.ConfigDict()
    config.task = "gan"
    config.seed = 0
    config.batch_size = 16
    config.data = {"source": "data/afhqcat_64_train.zip", "mirror": True}
    config.generator = to_dict(cat64())
    config.optimizer = {"learning_rate": 2e-3, "b1": 0.0, "b2": 0.99}
    # Mixing half and heads a quarter as wide as the paper's, which would take most of a step on a CPU.
    config.projected = {
        "network": {"channels": 32, "head_channels": (32, 64, 128)},
        "optimizer": {"learning_rate": 2e-4},
    }
    config.share_fakes = True
    config.anchors = {"share": 0.5, "pixels_size": 32, "perceptual": 5.0, "coarse_kimg": 16.0}
    config.ema_kimg = 20.0
    config.ema_rampup = 0.05
    config.loop = {
        "total_kimg": 1000.0,
        "log_kimg": 0.64,
        "snapshot_kimg": 5.0,
        "checkpoint_kimg": 5.0,
        "export_kimg": 20.0,
    }
    return config
