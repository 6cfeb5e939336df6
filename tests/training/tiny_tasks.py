"""A GAN, an inpainter and an encoder that compile in seconds, and one step of them on all devices that there are."""

import functools
from pathlib import Path
from typing import Any

import jax
import numpy as np
from PIL import Image

from ganinv_jax.core import devices
from ganinv_jax.core.configs import from_dict
from ganinv_jax.losses.perceptual import PerceptualDistance
from ganinv_jax.training import calibration, loop
from ganinv_jax.training.tasks.encode import EncodeConfig, EncodeTask
from ganinv_jax.training.tasks.encode import task as encode_module
from ganinv_jax.training.tasks.gan import GanConfig, GanTask
from ganinv_jax.training.tasks.inpaint import InpaintConfig, InpaintTask
from ganinv_jax.training.tasks.inpaint import task as inpaint_module

BATCH = 8
SMOOTH = {"learning_rate": 0.1, "b1": 0.0, "eps": 1.0}
"""Adam that does not make signs of gradients, of which some are but rounding; its first moment is the gradient."""
GENERATOR = {
    "resolution": 8,
    "z_dim": 6,
    "w_dim": 6,
    "mapping": {"num_layers": 2},
    "synthesis": {"channels": [8, 6]},
}
# Groups of four pictures of the eight; adaptive augmentation that moves after each batch.
OPPONENT = {
    "network": {"resolution": 8, "channels": [8, 6], "mbstd_group_size": 4},
    "r1_gamma": 0.0,
    "augment": "blit",
    "augment_p": 0.5,
    "controller": {"interval": 1, "kimg": 0.1},
    "optimizer": SMOOTH,
}


def gan(pictures: Path) -> GanTask:
    """Trained on the folder `pictures`."""
    data, average = {"source": str(pictures), "threads": 1}, {"ema_kimg": 0.01, "ema_rampup": None}
    options = {"data": data, "generator": GENERATOR, "stylegan2": OPPONENT, "batch_size": BATCH, **average}
    options["optimizer"] = SMOOTH
    return GanTask(from_dict(GanConfig, options))


def inpainter(model: Path) -> InpaintTask:
    """On the generator in the folder `model`; the perceptual term looks through EfficientNet's first stage only."""
    inpaint_module.PerceptualDistance = functools.partial(PerceptualDistance, stages=("stride4",))
    calibration.CALIBRATION_PAIRS = 4
    networks = {"encoder": {"channel_max": 8, "pyramid": 4, "head_channels": 4}}
    average = {"ema_kimg": 0.01, "ema_rampup": None}
    options = {"init_from": str(model), "batch_size": BATCH, "options": networks, "show": {"count": 1}, **average}
    options["optimizer"] = SMOOTH
    return InpaintTask(from_dict(InpaintConfig, options))


def encoder(model: Path) -> EncodeTask:
    """On the generator in the folder `model` and the pictures beside it; half of them are generated."""
    encode_module.PerceptualDistance = functools.partial(PerceptualDistance, stages=("stride4",))
    calibration.CALIBRATION_PAIRS = 4
    options = {
        "init_from": str(model),
        "data": {"source": str(model.parent / "pictures"), "threads": 1},
        "batch_size": 2 * BATCH,
        "generated": 0.5,
        "weights": {"latent": 0.1, "delta": 0.01},
        "options": {"channel_max": 8, "pyramid": 4, "head_channels": 4},
        "show": {"count": 1},
        "ema_kimg": 0.01,
        "ema_rampup": None,
        "optimizer": SMOOTH,
    }
    return EncodeTask(from_dict(EncodeConfig, options))


TASKS = {"gan": gan, "inpainter": inpainter, "encoder": encoder}


def save_pictures(folder: Path) -> Path:
    folder.mkdir()
    for i, picture in enumerate(np.random.RandomState(0).randint(0, 256, (11, 8, 8, 3), np.uint8)):
        Image.fromarray(picture).save(folder / f"{i:02d}.png")
    return folder


def one_step(name: str, source: Path) -> tuple[dict[str, np.ndarray], float]:
    """The leaves of the state after one step, and the metrics, by their path; and the operations of each device."""
    task, mesh = TASKS[name](source), devices.data_mesh()
    start, key = loop.keys(task)
    state, frozen, key = devices.replicate((task.init(start), task.frozen, key), mesh)
    batch = devices.shard_batch(next(task.batches(0)), mesh)
    arguments = state, batch, frozen, key, np.uint32(0)
    step: Any = loop.compile_step(task, mesh).lower(*arguments, task.variant(1)).compile()
    leaves = jax.tree_util.tree_leaves_with_path(step(*arguments))
    return {jax.tree_util.keystr(path): np.asarray(leaf) for path, leaf in leaves}, step.cost_analysis()["flops"]
