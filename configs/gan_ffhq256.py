"""StyleGAN2-ADA at 256 px for GPUs and TPUs: `--cfg=paper256` of NVlabs/stylegan2-ada-pytorch, for its FFHQ.

NVIDIA computes the four highest resolutions of both networks in fp16, and clamps activations at 256 to stay in its
range (`num_fp16_res`, `conv_clamp`). Here all resolutions above 4 compute in bf16, which has the range of fp32, and 8
bits of precision to fp16's 11; the clamp acts as well. Weights, optimisers, the average, batch statistics, R1, path
lengths and losses are fp32. `--config.compute=source` is NVIDIA's own choice, and `fp32` the one without half
precision.

`--init-from MODEL` goes on from NVIDIA's own network: `ganinv convert --raw network.pkl MODEL` keeps the generator as
trained beside the averaged one.
"""

import ml_collections

from ganinv_jax.core.configs import to_dict
from ganinv_jax.models.stylegan2 import DiscriminatorConfig, GeneratorConfig, SynthesisConfig

WIDTHS = {"channel_base": 16384, "channel_max": 512, "num_fp16_res": 4, "conv_clamp": 256.0}


def get_config() -> ml_collections.ConfigDict:
    config = ml_collections.ConfigDict()
    config.task = "gan"
    config.seed = 0
    config.batch_size = 64
    config.data = {"source": "data/ffhq256.zip", "mirror": True}
    config.generator = to_dict(GeneratorConfig(256, synthesis=SynthesisConfig(**WIDTHS)))
    config.optimizer = {"learning_rate": 2.5e-3, "b1": 0.0, "b2": 0.99}
    config.stylegan2 = {
        "network": to_dict(DiscriminatorConfig(256, mbstd_group_size=8, **WIDTHS)),
        "r1_gamma": 1.0,
        "augment": "bgc",
        "optimizer": {"learning_rate": 2.5e-3, "b1": 0.0, "b2": 0.99},
    }
    config.pl_weight = 2.0
    config.style_mixing = 0.9
    config.compute = "bf16"
    config.ema_kimg = 20.0
    config.ema_rampup = None
    config.loop = {
        "total_kimg": 25000.0,
        "log_kimg": 4.0,
        "snapshot_kimg": 200.0,
        "checkpoint_kimg": 200.0,
        "export_kimg": 1000.0,
    }
    return config
