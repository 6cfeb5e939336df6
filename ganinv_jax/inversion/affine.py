"""The engine on a small generator of affine maps: what theorems of inversion say can be seen there."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ganinv_jax.inversion import engine
from ganinv_jax.inversion.degradations import Degradation, Inversion
from ganinv_jax.inversion.networks import Frozen, Networks
from ganinv_jax.inversion.schedule import Method
from ganinv_jax.models.mlp import AffineGenerator, mlp_of


class Found(NamedTuple):
    """z: a latent a row. outputs: what is drawn from them. loss: each one's last."""

    z: Float[np.ndarray, "b z"]
    outputs: Float[np.ndarray, "b n"]
    loss: Float[np.ndarray, " b"]


def recover(
    generator: AffineGenerator,
    outputs: Float[np.ndarray, "b n"],
    method: Method,
    degradation: Degradation | None = None,
    seed: int = 0,
) -> Found:
    """Find the latents of outputs by a method of `inversion.METHODS` whose variable is z, in single precision.

    degradation: what of the outputs, pictures of [n, 1, 1], is seen; all of it by default. Raises InputError as
    the method does.
    """
    module, variables = mlp_of(generator)
    # Of a generator the engine asks no more than the configuration's z_dim, `map` and `synthesize`.
    networks, frozen = Networks(module), Frozen(variables)  # type: ignore[arg-type]
    photos = np.asarray(outputs, np.float32)[..., None, None]
    found = engine.run(networks, frozen, method, degradation or Inversion(), photos, [seed] * len(outputs))
    return Found(np.asarray(found.variables["z"]), found.images[..., 0, 0], found.losses["total"][-1])
