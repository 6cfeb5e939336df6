"""The training step of whole recipes, on one device and on more: data loading is apart, see `loader`.

All counts of devices are timed in one process, in turn, so that a drift of the machine's speed falls on them alike.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax

from ganinv_jax.benchmarks import networks
from ganinv_jax.benchmarks.case import Case
from ganinv_jax.benchmarks.cases.gan import jax_contestant
from ganinv_jax.benchmarks.options import Options
from ganinv_jax.core import devices, folders
from ganinv_jax.core.configs import check, to_dict
from ganinv_jax.core.images import write_png
from ganinv_jax.models.inpainting import light, make_inpainter, psp
from ganinv_jax.training import config

FILES = 16
"""Pictures to train on; what is in them does not matter here."""


def train(options: Options) -> Iterator[Case]:
    """A case a recipe, with a contestant for 1, 2, 4, ... devices at the same global batch."""
    with tempfile.TemporaryDirectory() as folder:
        for recipe in options.recipes:
            task = _task(recipe, options, Path(folder))
            batch, side = next(task.batches(0)), task.generator.config.resolution
            contestants = {}
            for count in _counts(task.batch_size):
                mesh = devices.data_mesh(jax.devices()[:count])
                contestants[f"jax, devices: {count}"] = jax_contestant(task, batch, mesh)
            settings = {"recipe": recipe, "resolution": side, "batch": task.batch_size, "dtype": task.config.compute}
            yield Case("train", settings, task.batch_size, "img", contestants)


def _task(recipe: str, options: Options, folder: Path) -> Any:
    """The recipe's task on made-up pictures, from a model with random weights unless one is given."""
    values, overrides = config.read(recipe), list(options.overrides)
    known = values.get("task") in ("gan", "inpaint", "encode")
    check(
        known,
        f"benchmark train takes recipes of GANs, inpainters and encoders, but {recipe} trains {values.get('task')}.",
    )
    if values.get("init_from") and not any("config.init_from=" in override for override in overrides):
        model = _save_model(folder / "model", options, values.get("preset", "light"))
        overrides.append(f"config.init_from={model}")
    for part in ("data", "photos"):
        if values.get(part):
            overrides.append(f"config.{part}.source={folder / 'pictures'}")
    if values["task"] in ("inpaint", "encode"):
        overrides.append("config.show.source=None")
    if options.batch:
        overrides.append(f"config.batch_size={options.batch}")
    _save_pictures(folder / "pictures", options.generator)  # Some tasks look at once.
    task: Any = config.load(recipe, overrides).make()
    _save_pictures(folder / "pictures", task.generator.config)
    return task


def _save_model(path: Path, options: Options, preset: str) -> Path:
    """The generator of `--preset` with random weights, and the parts of an inpainter that stage 2 builds upon."""
    generator = options.generator
    parts = {"light": light, "psp": psp}[preset](generator)
    drawn = make_inpainter(parts, networks.generator(options, "auto")).init(jax.random.key(0))
    about = {"generator": to_dict(generator)} | {part: to_dict(getattr(parts, part)) for part in drawn}
    folders.save(path, about, {"generator": networks.generator_variables(generator), **jax.device_get(drawn)})
    return path


def _save_pictures(folder: Path, generator: Any) -> None:
    folder.mkdir(exist_ok=True)
    for i, picture in enumerate(networks.pictures(generator.resolution, FILES, generator.img_channels)):
        write_png(folder / f"{i:02d}.png", picture)


def _counts(batch_size: int) -> list[int]:
    """Powers of two that there are devices for and that divide the batch."""
    powers = (2**k for k in range(jax.device_count().bit_length()))
    return [count for count in powers if batch_size % count == 0]
