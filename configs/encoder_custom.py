"""The domain-guided encoder of idinvert on any generator of your own, such as `gan_custom` wrote.

`--init-from` names the model and `--config.data.source` your pictures: a folder, a zip or `tfds:NAME/SPLIT`.

Sizes, rates and weights are those of `encoder_cat64` up to 128 px and of `encoder_ffhq256` above, where a device takes
16 pictures, 128 in all at most; the discriminator is the one in the model's folder (`EncodeAuto` in
`ganinv_jax/training/auto.py`). The run's `config.json` records what they came to, and a resumed run keeps it on however
many devices. An option given explicitly stands. `--config.preset=given` goes on with the encoder of pSp or e4e that
`ganinv convert` brought in.
"""

import ml_collections


def get_config() -> ml_collections.ConfigDict:
    config = ml_collections.ConfigDict()
    config.task = "encode"
    config.seed = 0
    config.init_from = "runs/gan_custom/model"
    config.data = {"source": "data/custom.zip", "mirror": True}
    config.auto = {}
    config.loop = {
        "total_kimg": 2000.0,
        "log_kimg": 1.0,
        "snapshot_kimg": 20.0,
        "checkpoint_kimg": 50.0,
        "export_kimg": 100.0,
    }
    return config
