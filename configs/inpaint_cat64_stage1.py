"""Stage 1 at 64 px for a small processor: encoder and gated mixer on pictures of a frozen generator.

Yildirim et al. 2023 (arXiv:2307.15033) leave weights and rates open. These are from a trial at this size and budget (an
Adam rate of 3e-4 and an adversarial weight of 0.02) and from the authors' later code, korhankemalkaya/styleres (betas
of 0.9 and 0.99, real pictures beside the generated ones).

The discriminator is the GAN's projected one and goes on from there. One of StyleGAN2's, begun anew, had learned next to
nothing after 10 thousand pictures (its loss stood at 1.36; at first it is 1.39), while 2 thousand pictures with this
one cleared the completions up.

Without `weights.diversity` the mixer forgets random codes: its gate, given another picture's code, rose from 0.22 to
0.78 within 30 thousand pictures. With too large a `diversity_share` completions differ by more than photos allow: so it
was with 0.7 on a generator of `gan_cat64`, and with 0.55 on one of `gan_cat64_energy`, whose pictures differ more (the
bundled model's card has the numbers). 0.3 was tried there for 6 thousand pictures, half of them photos, on an encoder
and mixer whose completions differed already.
"""

import ml_collections

from ganinv_jax.training.config import beside


def get_config() -> ml_collections.ConfigDict:
    config = ml_collections.ConfigDict()
    config.task = "inpaint"
    config.seed = 0
    config.batch_size = 16
    config.init_from = "runs/gan_cat64_energy/model"
    config.trains = ("encoder", "mixer")
    config.preset = "light"
    config.options = {"skip": {"blocks": 3}}  # of stage 2, and where all three are trained at once
    config.holes = "train"
    config.photos = {"source": "data/afhqcat_64_train.zip", "fraction": 0.25, "warmup_kimg": 10.0}
    config.show = {"source": None, "holes": "large"}
    config.weights = {"mse": 1.0, "perceptual": 0.5, "latent": 0.1, "adversarial": 0.02, "diversity": 0.25}
    config.diversity_share = 0.3
    config.optimizer = {"learning_rate": 3e-4, "b1": 0.9, "b2": 0.99, "warmup": 100}
    config.projected = beside(__file__, "gan_cat64").projected
    config.ema_kimg = 10.0
    config.loop = {
        "total_kimg": 200.0,
        "log_kimg": 0.32,
        "snapshot_kimg": 5.0,
        "checkpoint_kimg": 5.0,
        "export_kimg": 20.0,
    }
    return config
