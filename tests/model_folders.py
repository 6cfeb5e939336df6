"""Tiny model folders with random weights, drawn by NumPy so that nothing has to be compiled for them."""

import dataclasses
from pathlib import Path
from typing import Any

import jax
import numpy as np

from ganinv_jax.core import folders
from ganinv_jax.core.configs import from_dict, to_dict
from ganinv_jax.models.encoders import PspConfig, PspEncoder
from ganinv_jax.models.inpainting import light, make_inpainter
from ganinv_jax.models.stylegan2 import Discriminator, DiscriminatorConfig, Generator, GeneratorConfig

SIDE = 16


def tiny_generator(**changes) -> GeneratorConfig:
    options = {
        "resolution": SIDE,
        "z_dim": 6,
        "w_dim": 5,
        "mapping": {"num_layers": 2},
        "synthesis": {"channels": [8, 8, 6]},
    }
    return from_dict(GeneratorConfig, options | changes)


def tiny_model(
    inpainter: bool = True, discriminator: bool = False, sees_render: bool = False, **changes
) -> tuple[dict, dict]:
    """(config, arrays) as `folders.load` returns them; `changes` are options of the generator."""
    generator = tiny_generator(**changes)
    z, c = np.zeros((1, generator.z_dim)), np.zeros((1, generator.c_dim)) if generator.c_dim else None
    config: dict[str, Any] = {"generator": to_dict(generator)}
    shapes = {"generator": jax.eval_shape(Generator(generator).init, jax.random.key(0), z, c)}
    if discriminator:
        options = DiscriminatorConfig(SIDE, generator.c_dim, generator.img_channels, channels=(8, 8, 6))
        images = np.zeros((1, SIDE, SIDE, generator.img_channels))
        config["discriminator"] = to_dict(options)
        shapes["discriminator"] = jax.eval_shape(Discriminator(options).init, jax.random.key(0), images, c)
    if inpainter:
        networks = light(generator)
        assert networks.skip is not None
        networks = dataclasses.replace(networks, skip=dataclasses.replace(networks.skip, sees_render=sees_render))
        parts = jax.eval_shape(make_inpainter(networks, Generator(generator)).init, jax.random.key(0))
        config |= {part: to_dict(getattr(networks, part)) for part in parts}
        shapes |= parts
    return config, {part: _drawn(part, tree) for part, tree in shapes.items()}


def add_psp_encoder(config: dict, arrays: dict, **changes) -> tuple[dict, dict]:
    """The same model with an encoder of whole pictures."""
    generator = from_dict(GeneratorConfig, config["generator"])
    options = {"body": "resnet34", "widths": (4, 4, 5, 6), "input_size": (32, 32), "heads": "w"} | changes
    encoder = PspConfig(generator.num_ws, generator.w_dim, **options)
    seen = np.zeros((1, *encoder.input_size, encoder.seen_channels))
    shapes = jax.eval_shape(PspEncoder(encoder).init, jax.random.key(0), seen)
    drawn = _drawn("encoder", shapes)
    drawn["buffers"] = jax.tree.map(lambda x: x**2 + 0.5, drawn["buffers"])  # variances among them
    return config | {"encoder": {"kind": "psp", **to_dict(encoder)}}, arrays | {"encoder": drawn}


def save_tiny_model(path: Path, **options) -> Path:
    folders.save(path, *tiny_model(**options))
    return path


def _drawn(part: str, shapes: Any) -> Any:
    """Weights that give pictures of middling contrast; codes and skip features matter about equally."""
    rng = np.random.default_rng(len(part))

    def draw(path, leaf):
        name = jax.tree_util.keystr(path)
        scale = 0.3 if part in ("encoder", "mixer", "skip") or "torgb" in name else 1.0
        if "'fc" in name and "'mapping'" in name:
            scale = 100.0  # stored divided by lr_multiplier
        return np.asarray(scale * rng.standard_normal(leaf.shape), np.float32)

    return jax.tree_util.tree_map_with_path(draw, shapes)
