"""Filling one photo's hole in four ways: encoder, mixer, skip encoder and generator, in one program."""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ganinv_jax.benchmarks import networks
from ganinv_jax.benchmarks.case import Case, Contestant
from ganinv_jax.benchmarks.options import Options
from ganinv_jax.benchmarks.xla import compile_for, waiting
from ganinv_jax.models.inpainting import erase, light, make_inpainter, psp

SAMPLES = 4
LARGEST_LIGHT = 128  # the recipes take the small networks up to there, and pSp's above


def inpainting(options: Options) -> Iterator[Case]:
    """`--batch` photos (default: 1), each completed in SAMPLES ways."""
    config, batch = options.generator, options.batch or 1
    parts = (light if config.resolution <= LARGEST_LIGHT else psp)(config)
    images = networks.pictures(config.resolution, batch).astype(np.float32) / 127.5 - 1
    hole = np.zeros((batch, config.resolution, config.resolution, 1), np.float32)
    hole[:, config.resolution // 4 : -config.resolution // 4, config.resolution // 4 : -config.resolution // 4] = 1
    contestants = {}
    for name in options.implementations:
        inpainter = make_inpainter(parts, networks.generator(options, name))
        variables = {"generator": networks.generator_variables(config)} | inpainter.init(jax.random.key(0))

        def complete(variables: Any, erased: Any, known: Any, z: Any, inpainter: Any = inpainter) -> Any:
            ws = inpainter.generator.apply(variables["generator"], z, method="map")
            ws = ws.reshape(batch, SAMPLES, *ws.shape[1:])
            return inpainter.complete(variables, erased, known, ws).images

        z = networks.latents(config, batch * SAMPLES)
        arguments = (variables, *erase(jnp.asarray(images), jnp.asarray(hole)), z)
        program, cost = compile_for(complete, *arguments)
        contestants[f"jax {name}"] = Contestant.of(waiting(program, *arguments), cost)
    yield Case("inpainting", options.settings(batch, samples=SAMPLES), batch * SAMPLES, "img", contestants)
