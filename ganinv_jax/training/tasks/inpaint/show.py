"""Sample grids of the inpainting task: the same pictures, holes and codes each time."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ganinv_jax.core.images import grid, to_uint8
from ganinv_jax.core.rng import seed_z
from ganinv_jax.data.holes import hole_batch
from ganinv_jax.models.inpainting import Inpainter, erase
from ganinv_jax.training.photos import a_few_at_a_time, first_photos
from ganinv_jax.training.tasks.inpaint.config import ShowConfig

SAMPLES = 4
OWN_SEEDS = 1000  # where the seeds of the generated pictures begin; those of the other codes begin at 0


class Show:
    """Draws one row a picture: the picture, the erased picture, and four completions."""

    def __init__(self, config: ShowConfig, inpainter: Inpainter):
        self._inpainter, self._generator = inpainter, inpainter.generator
        side = self._generator.config.resolution
        self._holes = hole_batch(config.holes, 0, range(config.count), side)
        self._photos = first_photos(config.source, config.count, side) if config.source is not None else None
        self._own = seed_z(range(OWN_SEEDS, OWN_SEEDS + config.count), self._generator.config.z_dim)
        self._others = seed_z(range(SAMPLES), self._generator.config.z_dim)
        self._draw_rows = jax.jit(self._rows)

    def __call__(self, variables: Any) -> dict[str, np.ndarray]:
        """'photos' where the recipe names any, and 'generated', whose first completions are from their own codes."""
        draw = functools.partial(a_few_at_a_time, functools.partial(self._draw_rows, variables), self._holes, few=1)
        rows = {} if self._photos is None else {"photos": draw(self._photos, None)}
        rows["generated"] = draw(None, self._own)
        return {name: grid(to_uint8(x.reshape(-1, *x.shape[2:])), columns=SAMPLES + 2) for name, x in rows.items()}

    def _rows(self, variables, holes, photos, own):
        images, ws_rand = photos, self._map(variables, self._others)[None]
        if photos is None:
            own = self._map(variables, own)
            images = self._inpainter.render(variables, own)
            ws_rand = jnp.repeat(ws_rand, len(own), axis=0).at[:, 0].set(own)
        ws_rand = jnp.broadcast_to(ws_rand, (len(images), *ws_rand.shape[1:]))
        erased, known = erase(images, jnp.asarray(holes))
        completions = self._inpainter.complete(variables, erased, known, ws_rand).images
        return jnp.concatenate([images[:, None], erased[:, None], completions], axis=1)

    def _map(self, variables, z):
        return self._generator.apply(variables["generator"], z, method="map")
