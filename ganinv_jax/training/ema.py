"""The running average of weights that pictures are made with."""

import math
from typing import Any

import jax.numpy as jnp
import optax
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


def past_ramp(kimg: float, rampup: float | None) -> int:
    """After how many pictures `ema_decay` stays as it is."""
    return 0 if rampup is None else min(math.ceil(kimg * 1000 / rampup), 2**30)


def averaged_step(
    state: Any, grads: Any, optimizer: optax.GradientTransformation, batch: int, kimg: float, rampup: float | None
) -> Any:
    """A step of `state.params` along `grads`, and of their average `state.ema`, over a batch of so many pictures.

    state: a flax.struct dataclass with params, ema, opt and images; `images` are counted on. kimg, rampup: see
    `ema_decay`.
    """
    updates, opt = optimizer.update(grads, state.opt, state.params)
    params = optax.apply_updates(state.params, updates)
    ema = optax.incremental_update(params, state.ema, 1 - ema_decay(state.images, batch, kimg, rampup))
    return state.replace(params=params, ema=ema, opt=opt, images=state.images + batch)
