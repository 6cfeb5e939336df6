"""The steps of one stage: a compiled program of many steps, the same one for any number of them."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ganinv_jax.inversion.degradations import Degradation, Sight
from ganinv_jax.inversion.drawing import Draw
from ganinv_jax.inversion.networks import Frozen, Networks
from ganinv_jax.inversion.scene import Scene, View
from ganinv_jax.inversion.schedule import Stage

STEPS_A_CALL = 20
"""Between calls the progress is shown and a wish to stop is heard."""


class Batch(NamedTuple):
    """What steps need to know of the pictures: a row each.

    sight: what the degradation leaves. looks: its features, where anything looks. keys: the source of all random
    numbers. given: variables to start from, by name, where somebody has some.
    """

    sight: Sight
    looks: Any
    keys: Array
    given: Any = None

    def fold(self, number: int) -> "Batch":
        """The same, with other random numbers."""
        return self._replace(keys=fold(self.keys, number))


class Best(NamedTuple):
    """A stage's least loss of each picture, and the active variables that have it.

    diverged: the first step whose loss was not finite, -1 where there is none.
    """

    loss: Float[Array, "b"]
    variables: Any
    diverged: Int[Array, "b"]

    def or_last(self, last: Any, which: Any) -> Any:
        """The best variables of the pictures of `which` [b], the last ones of the others."""
        return jax.tree.map(functools.partial(_pick, which), self.variables, last)


class Walked(NamedTuple):
    """A stage's end: the active variables, the best of them, and losses [steps, b] by the terms' names."""

    active: Any
    best: Best
    losses: dict[str, Float[np.ndarray, "steps b"]]
    stopped: bool


Between = Callable[[int, Any, Best, float], bool]
"""Called after a call of steps: (steps done, active variables, the best so far, the pictures' mean loss) -> whether to
stop."""


def walk(
    networks: Networks,
    frozen: Frozen,
    draw: Draw,
    degradation: Degradation,
    batch: Batch,
    stage: Stage,
    variables: dict[str, Any],
    every: int,
    between: Between,
) -> Walked:
    """Take a stage's steps. every: `between` is called after each so many steps as well, and after the last one.

    It ends early where no picture has a finite loss any more.
    """
    program = _Program(networks, draw, dataclasses.replace(stage, steps=1))
    active = {name: variables[name] for name in stage.active}
    resting = {name: value for name, value in variables.items() if name not in active}
    count = len(batch.keys)
    best = Best(jnp.full(count, jnp.inf), active, jnp.full(count, -1))
    carry = active, jax.vmap(stage.optimiser.begin)(active), best
    rows, done = [], 0
    for end in _ends(stage.steps, every):
        carry, losses = _advance(program, frozen, degradation, batch, resting, carry, done, end, stage.steps)
        rows.append({name: np.asarray(values)[: end - done] for name, values in losses.items()})
        last, done = rows[-1]["total"][-1], end
        finite = last[np.isfinite(last)]
        if between(done, carry[0], carry[2], float(finite.mean()) if len(finite) else np.nan):
            return Walked(carry[0], carry[2], _stacked(rows), True)
        if not len(finite):
            break
    return Walked(carry[0], carry[2], _stacked(rows), False)


def fold(keys: Array, number: int) -> Array:
    """A key a picture, made out of each picture's own."""
    return jax.vmap(lambda key: jax.random.fold_in(key, number))(keys)


def _ends(steps: int, every: int) -> list[int]:
    return sorted({*range(STEPS_A_CALL, steps, STEPS_A_CALL), *range(every, steps, every), steps})


@dataclasses.dataclass(frozen=True)
class _Program:
    """What a stage is compiled for; the number of its steps is not part of it."""

    networks: Networks
    draw: Draw
    stage: Stage


@functools.partial(jax.jit, static_argnums=0)
def _advance(program: _Program, frozen, degradation, batch, resting, carry, first, end, steps):
    """The steps from `first` to `end`, STEPS_A_CALL at most, of a stage of `steps`: (carry, losses by name).

    carry: (active variables, the optimiser's memory, the best so far), a row a picture.
    """
    one = functools.partial(_step, program, frozen, degradation)
    # A generator a picture would make every convolution one a picture, which is slow; those go picture by picture.
    weights = "weights" in resting or "weights" in carry[0]
    each = _one_by_one if weights or program.stage.optimiser.searches else jax.vmap

    def step(carry, number):
        def take(carry):
            return each(functools.partial(one, number, number / steps))(batch, resting, carry)

        def skip(carry):
            shapes = jax.eval_shape(take, carry)[1]
            return carry, jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)

        return jax.lax.cond(number < end, take, skip, carry)

    return jax.lax.scan(step, carry, first + jnp.arange(STEPS_A_CALL))


def _one_by_one(function):
    return lambda *rows: jax.lax.map(lambda row: function(*row), rows)


def _step(program: _Program, frozen, degradation, number, progress, batch: Batch, resting, carry):
    """One step of one picture."""
    stage, networks = program.stage, program.networks
    active, memory, best = carry
    drawing, perturbing, after = jax.random.split(jax.random.fold_in(batch.keys, number), 3)
    sight, looks = jax.tree.map(lambda x: x[None], (batch.sight, batch.looks))
    scene = Scene(networks, frozen, degradation, sight, batch.given)

    def objective(active):
        variables = {**resting, **active}
        if stage.perturbation:
            variables = stage.perturbation(variables, frozen.w_std, progress, perturbing)
        view = View(scene, looks, drawing, variables, program.draw(networks, frozen, variables))
        values = {term.name: term.weight * term(view) for term in stage.terms}
        total = jnp.sum(jnp.stack(list(values.values())))
        return total, {**values, "total": total}

    moved, memory, values = stage.optimiser.step(objective, active, memory, progress)
    best = _better(best, number, values["total"], active)
    for key, rule in zip(jax.random.split(after, max(1, len(stage.after))), stage.after, strict=False):
        moved = rule(moved, key)
    return (moved, memory, best), values


def _better(best: Best, number, loss, active) -> Best:
    """The best of one picture, with the variables of one more step."""
    finite = jnp.isfinite(loss)
    wins = finite & (loss < best.loss)
    diverged = jnp.where(finite | (best.diverged >= 0), best.diverged, number)
    pick = functools.partial(_pick, wins)
    return Best(pick(loss, best.loss), jax.tree.map(pick, active, best.variables), diverged)


def _pick(which, one, other):
    """`one` where `which` says so, row by row."""
    return jnp.where(jnp.reshape(which, jnp.shape(which) + (1,) * (jnp.ndim(one) - jnp.ndim(which))), one, other)


def _stacked(rows: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
