"""How strongly to augment: as strongly as the discriminator overfits."""

import dataclasses
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ganinv_jax.core.configs import check, check_positive


class AdaState(NamedTuple):
    """The probability p, and the signs of the discriminator's scores of reals since p last moved."""

    p: Float[Array, ""]
    sign_sum: Float[Array, ""]
    count: Float[Array, ""]


@dataclasses.dataclass(frozen=True)
class AdaController:
    """Steers p so that the mean sign of the scores of (augmented) reals stays at `target`.

    A discriminator that knows its training pictures by heart gives nearly all reals a positive score. Every `interval`
    batches p moves up if the mean sign is above the target, down if below, at a speed that takes it from 0 to 1 in
    `kimg` thousand pictures (NVIDIA: 500; 100 when resuming from a trained network), and stays within [0, 1]
    (NVIDIA bounds it below only; more than 1 means nothing to a probability).

    Every method is pure and works on traced values. Source: `training_loop.py` of stylegan2-ada-pytorch; 2006.06676,
    section 3.
    """

    target: float = 0.6
    kimg: float = 500.0
    interval: int = 4

    def __post_init__(self):
        check(-1 <= self.target <= 1, f"AdaController.target is a mean sign in [-1, 1], but got {self.target}.")
        check_positive(self, "kimg", "interval", where="AdaController.")

    def init(self, p: float = 0.0) -> AdaState:
        """The state before the first batch."""
        check(0 <= p <= 1, f"ADA's p is a probability in [0, 1], but got {p}.")
        return AdaState(jnp.float32(p), jnp.float32(0), jnp.float32(0))

    def observe(self, state: AdaState, real_logits: Float[Array, "*b"]) -> AdaState:
        """Take note of the scores that a batch of reals got."""
        signs = jnp.sum(jnp.sign(real_logits.astype(jnp.float32)))
        return AdaState(state.p, state.sign_sum + signs, state.count + real_logits.size)

    def update(self, state: AdaState, step: int | Int[Array, ""], batch: int) -> AdaState:
        """Call after every batch: moves p, and forgets the signs, where `step` is a multiple of `interval`.

        step: batches finished, this one included. batch: pictures in a global batch. Without any score since the last
        move, p stays.
        """
        excess = jnp.sign(state.sign_sum / jnp.maximum(state.count, 1) - self.target) * (state.count > 0)
        p = jnp.clip(state.p + excess * (batch * self.interval / (self.kimg * 1000)), 0, 1)
        moved = AdaState(p, jnp.zeros_like(p), jnp.zeros_like(p))
        due = jnp.asarray(step) % self.interval == 0
        return AdaState(*(jnp.where(due, new, old) for new, old in zip(moved, state, strict=True)))
