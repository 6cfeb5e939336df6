"""The one optimiser with memory of curvature."""

import dataclasses
import functools
from typing import ClassVar

import jax
import jax.numpy as jnp
import optax


@dataclasses.dataclass(frozen=True)
class LBFGS:
    """L-BFGS with a line search for the strong Wolfe conditions; a step is an iteration, and no rate is set.

    A picture has converged, and rests from then on, where an iteration lowers the loss f by no more than
    `tolerance` * max(|f before|, |f after|, 1), or where no slope is steeper than `tolerance`. Those are SciPy's
    conditions of L-BFGS-B for `tol`; memory and the 20 evaluations of a search are SciPy's defaults as well. Where a
    search finds no lower loss, the variables stay as they are. Pictures go one by one, since each search takes as many
    evaluations as it needs, and decides by differences so small that a batch's rounding would change its way.
    """

    tolerance: float = 1e-6
    memory: int = 10
    searches: ClassVar[bool] = True

    def begin(self, variables):
        return self._solver().init(variables), jnp.bool_(False)

    def step(self, objective, variables, memory, progress):
        def move(variables, state):
            # The gradient is the one that the last search ended with.
            value, gradient = optax.value_and_grad_from_state(value_of)(variables, state=state)
            given = {"value": value, "grad": gradient, "value_fn": value_of}
            updates, state = self._solver().update(gradient, state, variables, **given)
            after, slope = optax.tree.get(state, "value"), optax.tree.norm(optax.tree.get(state, "grad"), ord="inf")
            scale = jnp.maximum(jnp.maximum(jnp.abs(value), jnp.abs(after)), 1)
            done = ~(value - after > self.tolerance * scale) | (slope <= self.tolerance)
            # A search that finds nothing lower may end anywhere, even where there is no loss.
            moved = optax.apply_updates(variables, updates)
            return jax.tree.map(functools.partial(jnp.where, after < value), moved, variables), (state, done)

        def rest(variables, state):
            return variables, (state, jnp.bool_(True))

        def value_of(variables):
            return objective(variables)[0]

        state, done = memory
        _, values = objective(variables)
        variables, memory = jax.lax.cond(done, rest, move, variables, state)
        return variables, memory, values

    def _solver(self) -> optax.GradientTransformationExtraArgs:
        return optax.lbfgs(memory_size=self.memory)
