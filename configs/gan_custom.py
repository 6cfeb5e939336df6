"""StyleGAN2-ADA on pictures of your own: everything by the rules of `--cfg=auto` of NVlabs/stylegan2-ada-pytorch.

`--config.data.source` names them: a folder, a zip or `tfds:NAME/SPLIT`, of any sizes; the largest centred square of
each is taken. `--config.auto.resolution` is the pictures' side in training, a power of two from 8 up.

Batch, R1's weight, group of the minibatch standard deviation, rate, widths and half-life of the average follow from the
resolution and the number of devices (`ganinv_jax/training/auto.py`), the precision from their kind: bf16 on GPUs and
TPUs, as in `gan_ffhq256`. The run's `config.json` records what they came to, and a resumed run keeps it on however many
devices. An option given explicitly stands, and no rule follows it.

NVIDIA advises to try several values of `--config.stylegan2.r1_gamma`, and `--init-from` networks trained on other
pictures, for which a thousand kimg often do. Its own networks have a deeper mapping than these rules choose, so they
ask for `--config.generator.mapping.num_layers=8`; `--config.stylegan2.network.freeze_layers=4` is Freeze-D.
"""

import ml_collections


def get_config() -> ml_collections.ConfigDict:
    config = ml_collections.ConfigDict()
    config.task = "gan"
    config.seed = 0
    config.data = {"source": "data/custom.zip", "mirror": True}
    config.auto = {"resolution": 256}
    config.loop = {
        "total_kimg": 25000.0,
        "log_kimg": 4.0,
        "snapshot_kimg": 40.0,
        "checkpoint_kimg": 100.0,
        "export_kimg": 200.0,
    }
    return config
