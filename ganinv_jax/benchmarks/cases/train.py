"""The training step of whole recipes, on one device and on more: data loading is apart, see `loader`."""

from collections.abc import Iterator

import jax

from ganinv_jax.benchmarks import networks
from ganinv_jax.benchmarks.case import Case
from ganinv_jax.benchmarks.cases.gan import jax_contestant
from ganinv_jax.benchmarks.options import Options
from ganinv_jax.core import devices
from ganinv_jax.core.configs import check
from ganinv_jax.training import config
from ganinv_jax.training.tasks.gan import GanTask


def train(options: Options) -> Iterator[Case]:
    """A case a recipe, with a contestant for 1, 2, 4, ... devices at the same global batch."""
    for recipe in options.recipes:
        overrides = [f"config.batch_size={options.batch}"] if options.batch else []
        task = config.load(recipe, overrides).make()
        check(isinstance(task, GanTask), f"benchmark train must be given GAN recipes, but {recipe} trains {task.name}.")
        size = task.config.generator
        images = networks.pictures(size.resolution, task.batch_size, size.img_channels)
        contestants = {}
        for count in _counts(task.batch_size):
            mesh = devices.data_mesh(jax.devices()[:count])
            contestants[f"jax, devices: {count}"] = jax_contestant(task, images, mesh)
        settings = {"recipe": recipe, "resolution": size.resolution, "batch": task.batch_size}
        settings["dtype"] = task.config.compute
        yield Case("train", settings, task.batch_size, "img", contestants)


def _counts(batch: int) -> list[int]:
    """Powers of two that there are devices for and that divide the batch."""
    return [2**k for k in range(jax.device_count().bit_length()) if batch % 2**k == 0]
