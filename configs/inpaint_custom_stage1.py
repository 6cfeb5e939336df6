"""Stage 1 on any generator of your own, such as `gan_custom` wrote: encoder and gated mixer.

`--init-from` names the model and `--config.photos.source` your pictures: a folder, a zip or `tfds:NAME/SPLIT`.

Sizes, batch and rates are those of `inpaint_cat64_stage1` up to 128 px and of `inpaint_ffhq256_stage1` above, and the
discriminator is the one in the model's folder (`InpaintAuto` in `ganinv_jax/training/auto.py`). The run's `config.json`
records what they came to, and a resumed run keeps it on however many devices. An option given explicitly stands.
"""

import ml_collections


def get_config() -> ml_collections.ConfigDict:
    config = ml_collections.ConfigDict()
    config.task = "inpaint"
    config.seed = 0
    config.init_from = "runs/gan_custom/model"
    config.auto = {}
    config.trains = ("encoder", "mixer")
    config.photos = {"source": "data/custom.zip", "fraction": 0.25, "warmup_kimg": 20.0}
    config.loop = {
        "total_kimg": 2000.0,
        "log_kimg": 1.0,
        "snapshot_kimg": 20.0,
        "checkpoint_kimg": 50.0,
        "export_kimg": 100.0,
    }
    return config
