"""Sample grids of the inpainting task: the same pictures, holes and codes each time."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ganinv_jax.core.images import grid, to_uint8
from ganinv_jax.core.rng import seed_z
from ganinv_jax.data.holes import hole_batch
from ganinv_jax.models.inpainting import Inpainter, erase
from ganinv_jax.training.photos import first_photos
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
        rows = {} if self._photos is None else {"photos": self._draw_rows(variables, self._photos)}
        rows["generated"] = self._draw_rows(variables, None)
        return {name: grid(to_uint8(np.asarray(x)), columns=SAMPLES + 2) for name, x in rows.items()}

    def _rows(self, variables, photos):
        images, ws_rand = photos, self._map(variables, self._others)[None]
        if photos is None:
            own = self._map(variables, self._own)
            images = self._inpainter.render(variables, own)
            ws_rand = jnp.repeat(ws_rand, len(own), axis=0).at[:, 0].set(own)
        ws_rand = jnp.broadcast_to(ws_rand, (len(images), *ws_rand.shape[1:]))
        erased, known = erase(images, jnp.asarray(self._holes[: len(images)]))
        completions = self._inpainter.complete(variables, erased, known, ws_rand).images
        shown = jnp.concatenate([images[:, None], erased[:, None], completions], axis=1)
        return shown.reshape(-1, *images.shape[1:])

    def _map(self, variables, z):
        return self._generator.apply(variables["generator"], z, method="map")
