"""What tasks share that train networks around a frozen generator, with a discriminator or without."""

from collections.abc import Hashable, Mapping
from typing import Any, NamedTuple

import flax.struct
import jax
import jax.numpy as jnp
import optax

from ganinv_jax.core.configs import to_dict
from ganinv_jax.training.adversaries import Adversary
from ganinv_jax.training.ema import averaged_step

Terms = dict[str, jax.Array]


class State(flax.struct.PyTreeNode):
    """params: what is in training. ema: their average. scale: of the perceptual term. images: how many were seen."""

    params: Any
    ema: Any
    opt: Any
    adversary: Any
    scale: jax.Array
    images: jax.Array


class Judged(NamedTuple):
    """terms: the means that make up the loss. fakes: what the discriminator saw. seen: what it computed on the way."""

    terms: Terms
    fakes: jax.Array
    seen: Any


class JudgedTask:
    """The base of such a task, which sets these attributes.

    config: with `weights` of terms by name, `ema_kimg` and `ema_rampup`. frozen: with 'adversary', the discriminator's.
    """

    config: Any
    batch_size: int
    adversary: Adversary | None
    optimizer: optax.GradientTransformation
    frozen: dict[str, Any]

    def variant(self, step: int) -> Hashable:
        """The adversary's own."""
        return self.adversary.variant(step) if self.adversary else None

    def _begin(self, params: Any, discriminator: Mapping[str, Any] | None, scale: jax.Array, key: jax.Array) -> State:
        """The first state; the discriminator goes on from those variables, or begins anew."""
        adversary = self.adversary.init(key, discriminator) if self.adversary else {}
        return State(params, params, self.optimizer.init(params), adversary, scale, images=jnp.int32(0))

    def _judge(self, state: State, terms: Terms, fakes: jax.Array, key: jax.Array, frozen: Any) -> Judged:
        """The terms with the adversarial one, where there is a discriminator."""
        if not self.adversary:
            return Judged(terms, fakes, None)
        adversarial, seen = self.adversary.judge(state.adversary, fakes, None, key, frozen["adversary"])
        return Judged(terms | {"adversarial": adversarial}, fakes, seen)

    def _weighed(self, terms: Terms) -> jax.Array:
        """The loss."""
        weights = to_dict(self.config.weights)
        return sum((weights[name] * mean for name, mean in terms.items()), jnp.zeros(()))

    def _end_step(
        self, state: State, grads: Any, judged: Judged, reals: jax.Array, key: jax.Array, frozen: Any, variant: Hashable
    ) -> tuple[State, Terms]:
        """The state after a step along `grads` and one of the discriminator, and the metrics of both."""
        metrics = {"loss": self._weighed(judged.terms)} | {f"loss_{name}": x for name, x in judged.terms.items()}
        adversary = state.adversary
        if self.adversary:
            adversary, learned = self.adversary.learn(
                adversary, reals, judged.fakes, None, key, frozen["adversary"], variant, judged.seen
            )
            metrics |= learned
        average = self.config.ema_kimg, self.config.ema_rampup
        state = averaged_step(state, grads, self.optimizer, self.batch_size, *average)
        return state.replace(adversary=adversary), metrics
