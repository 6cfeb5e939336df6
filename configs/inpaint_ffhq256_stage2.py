"""Stage 2 at 256 px: the skip encoder at 32, 64 and 128. Encoder and mixer of stage 1 stay as they are."""

import runpy
from pathlib import Path

import ml_collections


def get_config() -> ml_collections.ConfigDict:
    config = runpy.run_path(str(Path(__file__).with_name("inpaint_ffhq256_stage1.py")))["get_config"]()
    config.init_from = "runs/inpaint_ffhq256_stage1/model"
    config.trains = ("skip",)
    config.loop.total_kimg = 2000.0
    return config
