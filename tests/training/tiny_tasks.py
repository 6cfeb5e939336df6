"""A GAN, an inpainter and an encoder that compile in seconds, to train in accidents or by a step on all devices."""

import dataclasses
from pathlib import Path
from typing import Any

import jax
import numpy as np
from accidents import NAMES, Accidents, befall
from PIL import Image

from ganinv_jax.core import devices
from ganinv_jax.core.configs import from_dict
from ganinv_jax.losses.perceptual import PerceptualDistance
from ganinv_jax.training import loop
from ganinv_jax.training.tasks.encode import EncodeConfig, EncodeTask
from ganinv_jax.training.tasks.gan import GanConfig, GanTask
from ganinv_jax.training.tasks.inpaint import InpaintConfig, InpaintTask

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
ENCODER = {"channel_max": 8, "pyramid": 4, "head_channels": 4}
COMMON = {"batch_size": BATCH, "optimizer": SMOOTH, "ema_kimg": 0.01, "ema_rampup": None}


class _InAccidents:
    """What makes of a task one whose config has `Accidents`."""

    def batches(self, start_step):
        return befall(self.config, super().batches(start_step), start_step)


class Gan(_InAccidents, GanTask):
    @dataclasses.dataclass(frozen=True)
    class Config(Accidents, GanConfig):
        pass

    free_options = GanTask.free_options | NAMES

    @staticmethod
    def options(pictures: Path) -> dict[str, Any]:
        """Trained on the folder `pictures`."""
        data = {"source": str(pictures), "threads": 1}
        return COMMON | {"data": data, "generator": GENERATOR, "stylegan2": OPPONENT}


class RegularizedGan(Gan):
    """With all that comes at intervals, in each step."""

    @staticmethod
    def options(pictures: Path) -> dict[str, Any]:
        """Trained on the folder `pictures`."""
        opponent = {"stylegan2": OPPONENT | {"r1_gamma": 1.0, "r1_interval": 1}}
        return Gan.options(pictures) | opponent | {"pl_weight": 2.0, "pl_interval": 1, "style_mixing": 0.9}


class ProjectedGan(Gan):
    """Against heads that normalise, and compare, what EfficientNet's first stage says of the batch."""

    @staticmethod
    def options(pictures: Path) -> dict[str, Any]:
        """Trained on the folder `pictures`."""
        network = {"size": 32, "stages": ["stride4"], "channels": 4, "head_channels": [4], "spread_group": 4}
        options = Gan.options(pictures)
        return options | {"stylegan2": None, "projected": {"network": network, "optimizer": SMOOTH}}


class AnchoredGan(Gan):
    """Half of a batch are anchors, the others' energy counts. All through EfficientNet's first stage only."""

    def __init__(self, config):
        super().__init__(config)
        self.anchors._distance = PerceptualDistance(stages=("stride4",), size=32)
        self.frozen["efficientnet_lite0"] = self.anchors._distance.variables

    @staticmethod
    def options(pictures: Path) -> dict[str, Any]:
        """Trained on the folder `pictures`."""
        anchors = {"components": 3, "code_size": 4, "pixels_size": 4, "perceptual_size": 32, "stage": "stride4"}
        energy = {"stages": ["stride4"], "size": 32}
        return Gan.options(pictures) | {"batch_size": 2 * BATCH, "anchors": anchors, "energy": energy}


class _LooksBriefly(_InAccidents):
    """The perceptual term looks through EfficientNet's first stage only."""

    def __init__(self, config):
        super().__init__(config)
        self._distance = PerceptualDistance(stages=("stride4",))
        self.frozen["perceptual"] = self._distance.variables


class Inpainter(_LooksBriefly, InpaintTask):
    @dataclasses.dataclass(frozen=True)
    class Config(Accidents, InpaintConfig):
        pass

    free_options = InpaintTask.free_options | NAMES

    @staticmethod
    def options(model: Path) -> dict[str, Any]:
        """On the generator in the folder `model`, with two in eight of the pictures beside it."""
        photos = {"source": str(model.parent / "pictures"), "threads": 1, "warmup_kimg": 0.0}
        about = {"init_from": str(model), "photos": photos, "options": {"encoder": ENCODER}, "show": {"count": 1}}
        about["weights"] = {"diversity": 0.5}
        return COMMON | about


class Encoder(_LooksBriefly, EncodeTask):
    @dataclasses.dataclass(frozen=True)
    class Config(Accidents, EncodeConfig):
        pass

    free_options = EncodeTask.free_options | NAMES

    @staticmethod
    def options(model: Path) -> dict[str, Any]:
        """On the generator in the folder `model` and the pictures beside it; half of them are generated."""
        data = {"source": str(model.parent / "pictures"), "threads": 1}
        mixed = {"batch_size": 2 * BATCH, "generated": 0.5, "weights": {"latent": 0.1, "delta": 0.01}}
        return COMMON | mixed | {"init_from": str(model), "data": data, "options": ENCODER, "show": {"count": 1}}


TASKS = {
    "gan": Gan,
    "regularized": RegularizedGan,
    "projected": ProjectedGan,
    "anchored": AnchoredGan,
    "inpainter": Inpainter,
    "encoder": Encoder,
}


def make(name: str, source: Path, **changes: Any) -> Any:
    """The task by that name."""
    kind = TASKS[name]
    return kind(from_dict(kind.Config, kind.options(source) | changes))


def save_recipe(path: Path, name: str, source: Path) -> Path:
    """A recipe for six steps: a row each, a checkpoint each two."""
    options = TASKS[name].options(source)
    steps = {"total_kimg": 6, "log_kimg": 1, "checkpoint_kimg": 2, "snapshot_kimg": 6}
    intervals = {interval: count * options["batch_size"] / 1000 for interval, count in steps.items()}
    values = {"task": f"tiny_tasks:{TASKS[name].__name__}", "loop": intervals, **options}
    path.write_text(f"def get_config():\n    return {values!r}\n")
    return path


def save_pictures(folder: Path) -> Path:
    folder.mkdir()
    for i, picture in enumerate(np.random.RandomState(0).randint(0, 256, (11, 8, 8, 3), np.uint8)):
        Image.fromarray(picture).save(folder / f"{i:02d}.png")
    return folder


def one_step(name: str, source: Path) -> tuple[dict[str, np.ndarray], float]:
    """The leaves of the state after one step, and the metrics, by their path; and the operations of each device."""
    task, mesh = make(name, source), devices.data_mesh()
    start, key = loop.keys(task)
    state, frozen, key = devices.replicate((task.init(start), task.frozen, key), mesh)
    batch = devices.shard_batch(next(task.batches(0)), mesh)
    arguments = state, batch, frozen, key, np.uint32(0)
    step: Any = loop.compile_step(task, mesh).lower(*arguments, task.variant(0)).compile()
    leaves = jax.tree_util.tree_leaves_with_path(step(*arguments))
    return {jax.tree_util.keystr(path): np.asarray(leaf) for path, leaf in leaves}, step.cost_analysis()["flops"]
