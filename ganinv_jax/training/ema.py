"""The running average of weights that pictures are made with."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int


def ema_decay(images: Int[Array, ""], batch: int, kimg: float, rampup: float | None) -> Float[Array, ""]:
    """The factor by which the average decays in one step of `batch` pictures, after `images` have been seen.

    Its half-life is `kimg` thousand pictures, at first no more than `rampup` times those seen (None: no ramp).
    Source: `training_loop.py` of NVlabs/stylegan2-ada-pytorch.
    """
    half_life = jnp.float32(kimg * 1000)
    if rampup is not None:
        half_life = jnp.minimum(half_life, images * rampup)
    return 0.5 ** (batch / jnp.maximum(half_life, 1e-8))
