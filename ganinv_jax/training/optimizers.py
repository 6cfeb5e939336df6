"""Adam as the recipes describe it."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import optax

from ganinv_jax.core.configs import check, check_not_negative, check_positive


@dataclasses.dataclass(frozen=True)
class AdamConfig:
    """Adam's options; the defaults are StyleGAN2's at 64 to 512 pixels.

    warmup: steps over which the rate rises from 0. decay, decay_steps: the rate falls to this share of itself in so
        many steps after that, evenly, and so on without end; 1: it does not.
    """

    learning_rate: float = 0.0025
    b1: float = 0.0
    b2: float = 0.99
    eps: float = 1e-8
    warmup: int = 0
    decay: float = 1.0
    decay_steps: int = 1

    def __post_init__(self):
        check_positive(self, "learning_rate", "eps", "decay_steps", where="Adam's ")
        check_not_negative(self, "warmup", where="Adam's ")
        betas = 0 <= self.b1 < 1 and 0 <= self.b2 < 1
        check(betas, f"Adam's b1 and b2 must lie in [0, 1), but got {self.b1} and {self.b2}.")
        check(0 < self.decay <= 1, f"Adam's decay must lie above 0 and up to 1, but got {self.decay}.")


def adam(config: AdamConfig) -> optax.GradientTransformation:
    """The optimiser."""
    return optax.adam(_rate(config), config.b1, config.b2, config.eps)


def lazy(config: AdamConfig, interval: int) -> optax.GradientTransformation:
    """Adam for a network that takes one extra, regularising step every `interval` steps (0: none).

    `warmup` and `decay_steps` count these as well.

    With c = interval / (interval + 1) the rate is scaled by c and the betas are raised to c, so that an interval moves
    the weights as far as plain Adam would. Source: Karras et al. 2020, appendix B.
    """
    if not interval:
        return adam(config)
    c = interval / (interval + 1)
    scaled = {"learning_rate": config.learning_rate * c, "b1": config.b1**c, "b2": config.b2**c}
    return adam(dataclasses.replace(config, **scaled))


def in_range(grads: Any) -> Any:
    """Gradients with what overflowed fp16 put to +-1e5, and what is no number to 0.

    Source: `training_loop.py` of NVlabs/stylegan2-ada-pytorch, which trains without scaling the loss.
    """
    return jax.tree.map(lambda x: jnp.nan_to_num(x, nan=0.0, posinf=1e5, neginf=-1e5), grads)


def _rate(config: AdamConfig) -> optax.ScalarOrSchedule:
    """By the number of the step, where it changes at all."""
    rate, warmup = config.learning_rate, config.warmup
    falling = optax.exponential_decay(rate, config.decay_steps, config.decay)
    if warmup:
        rising = optax.linear_schedule(0.0, rate, warmup)
        return optax.join_schedules([rising, falling], [warmup])
    return falling if config.decay < 1 else rate
