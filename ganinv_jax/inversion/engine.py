"""The one loop that all methods run in: start, stages of steps, result.

Pictures of a batch are inverted side by side and do not feel one another: each has its variables, its optimiser's
state and its random numbers. Many steps run in one compiled program, the same one for any number of steps.
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ganinv_jax.inversion.degradations import Degradation
from ganinv_jax.inversion.drawing import Draw, Drawn
from ganinv_jax.inversion.networks import Frozen, Networks
from ganinv_jax.inversion.scene import Scene, View
from ganinv_jax.inversion.schedule import Method, Stage

STEPS_A_CALL = 20
"""Between calls the progress is shown and a wish to stop is heard."""


class Progress(NamedTuple):
    """done, total: steps. loss: the mean over pictures of the last step's total."""

    done: int
    total: int
    loss: float


Watch = Callable[[Progress], bool]
"""Called between stretches of steps; True stops the inversion."""


class Outcome(NamedTuple):
    """What an inversion found, a row a picture.

    variables: as the method's draw takes them. losses: [steps, b] by name of the term, as weighted in their sum
    'total'; NaN in steps of other stages. stopped: whether `watch` ended it early.
    """

    variables: dict[str, Any]
    images: Float[np.ndarray, "b h w 3"]
    ws: Float[np.ndarray, "b l w"]
    seen: Float[np.ndarray, "b ..."]
    losses: dict[str, Float[np.ndarray, "steps b"]]
    stopped: bool

    def first(self, count: int) -> "Outcome":
        """The first `count` pictures."""
        variables = jax.tree.map(lambda x: x[:count], self.variables)
        losses = {name: values[:, :count] for name, values in self.losses.items()}
        return Outcome(variables, self.images[:count], self.ws[:count], self.seen[:count], losses, self.stopped)


def run(
    networks: Networks,
    frozen: Frozen,
    method: Method,
    degradation: Degradation,
    photos: Float[Any, "b h w 3"],
    seeds: Sequence[int],
    watch: Watch = lambda progress: False,
) -> Outcome:
    """Invert photos in [-1, 1] of the generator's size, all at once.

    seeds: one a photo; all random numbers of its inversion come from it, so that the result is the same alone and
    beside others. When `watch` stops it, each picture gets the variables of least loss among those between calls.
    """
    keys = jnp.stack([jax.random.key(seed) for seed in seeds])
    seen = _observe(degradation, jnp.asarray(photos), keys)
    looks = _look(networks, frozen, seen) if method.looks else ()
    again = method.restarts
    seen_again, looks = jax.tree.map(lambda x: jnp.repeat(x, again, axis=0), (seen, looks))
    batch = _Batch(
        seen_again, looks, jnp.stack([jax.random.fold_in(key, turn) for key in keys for turn in range(again)])
    )
    variables = _begin(networks, method.start, frozen, degradation, batch)
    history, stopped = [], False
    total, done = sum(stage.steps for stage in method.stages), 0
    for index, stage in enumerate(method.stages):
        variables = {name: value for name, value in variables.items() if name not in stage.forget}
        watched = functools.partial(_watched, watch, done, total)
        variables, losses, stopped = _run_stage(
            networks, frozen, method.draw, degradation, batch, index, stage, variables, watched
        )
        history.append(losses)
        done += stage.steps
        if stopped:
            break
    losses = _joined(history, len(keys) * again)
    chosen = _least(losses, again)
    variables = jax.tree.map(lambda x: x[chosen], variables)
    drawn = render(networks, method.draw, frozen, variables)
    losses = {name: values[:, chosen] for name, values in losses.items()}
    return Outcome(variables, np.asarray(drawn.images)[:, 0], np.asarray(drawn.ws), np.asarray(seen), losses, stopped)


@functools.partial(jax.jit, static_argnums=(0, 1))
def render(networks: Networks, draw: Draw, frozen: Frozen, variables: Any) -> Drawn:
    """The pictures [b, 1, h, w, 3] and codes of variables, a row a picture."""
    return jax.lax.map(lambda one: draw(networks, frozen, one), variables)


def together(outcomes: Sequence[Outcome]) -> Outcome:
    """The pictures of several runs of one method; losses that the last one was stopped before are NaN."""
    steps = max(len(outcome.losses["total"]) for outcome in outcomes)
    rows = [{n: _padded(values, steps) for n, values in outcome.losses.items()} for outcome in outcomes]
    gap = [np.full_like(row["total"], np.nan) for row in rows]
    names = dict.fromkeys(name for row in rows for name in row)
    variables = jax.tree.map(lambda *x: np.concatenate(x), *(jax.device_get(one.variables) for one in outcomes))
    images, ws, seen = (np.concatenate([getattr(one, name) for one in outcomes]) for name in ("images", "ws", "seen"))
    losses = {n: np.concatenate([row.get(n, g) for row, g in zip(rows, gap, strict=True)], axis=1) for n in names}
    return Outcome(variables, images, ws, seen, losses, outcomes[-1].stopped)


def _padded(values: np.ndarray, steps: int) -> np.ndarray:
    return np.pad(values, ((0, steps - len(values)), (0, 0)), constant_values=np.nan)


class _Batch(NamedTuple):
    """What steps need to know of the pictures: a row each."""

    seen: Array
    looks: Any
    keys: Array


def _run_stage(networks, frozen, draw, degradation, batch, index, stage, variables, watch):
    """(variables, losses [steps, b] by name, whether it was stopped) of one stage."""
    program = _Program(networks, draw, dataclasses.replace(stage, steps=1))
    batch = batch._replace(keys=_fold(batch.keys, index))
    active = {name: variables[name] for name in stage.active}
    resting = {name: value for name, value in variables.items() if name not in active}
    moments = jax.vmap(stage.optimiser.direction().init)(active)
    rows, best = [], (jnp.full(len(batch.keys), jnp.inf), active)
    for first in range(0, stage.steps, STEPS_A_CALL):
        count = min(STEPS_A_CALL, stage.steps - first)
        active, moments, losses = _advance(
            program, frozen, degradation, batch, resting, active, moments, first, stage.steps
        )
        rows.append({name: np.asarray(values)[:count] for name, values in losses.items()})
        last = rows[-1]["total"][-1]
        best = _better(best, jnp.asarray(last), active)
        if watch(first + count, float(last.mean())):
            return {**resting, **best[1]}, _stacked(rows), True
    return {**resting, **active}, _stacked(rows), False


@dataclasses.dataclass(frozen=True)
class _Program:
    """What a stage is compiled for; the number of its steps is not part of it."""

    networks: Networks
    draw: Draw
    stage: Stage


@functools.partial(jax.jit, static_argnums=0)
def _advance(program: _Program, frozen, degradation, batch, resting, active, moments, first, steps):
    """STEPS_A_CALL steps from step `first` on, those beyond `steps` left out: (active, moments, losses by name)."""
    one = functools.partial(_step, program, frozen, degradation)
    # A generator a picture would make every convolution one a picture, which is slow; those go picture by picture.
    weights = "weights" in resting or "weights" in active
    each = _one_by_one if weights else jax.vmap

    def step(carry, number):
        def take(active, moments):
            at = functools.partial(one, number, number / steps)
            return each(at)(batch, resting, active, moments)

        def skip(active, moments):
            shapes = jax.eval_shape(take, active, moments)[2]
            return active, moments, jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)

        active, moments, losses = jax.lax.cond(number < steps, take, skip, *carry)
        return (active, moments), losses

    (active, moments), losses = jax.lax.scan(step, (active, moments), first + jnp.arange(STEPS_A_CALL))
    return active, moments, losses


def _one_by_one(function):
    return lambda *rows: jax.lax.map(lambda row: function(*row), rows)


def _step(program: _Program, frozen, degradation, number, progress, batch: _Batch, resting, active, moments):
    """One step of one picture."""
    stage, networks = program.stage, program.networks
    drawing, perturbing, after = jax.random.split(jax.random.fold_in(batch.keys, number), 3)
    scene = Scene(networks, frozen, degradation, batch.seen[None])
    looks = jax.tree.map(lambda x: x[None], batch.looks)

    def objective(active):
        variables = {**resting, **active}
        if stage.perturbation:
            variables = stage.perturbation(variables, frozen.w_std, progress, perturbing)
        view = View(scene, looks, drawing, variables, program.draw(networks, frozen, variables))
        values = {term.name: term.weight * term(view) for term in stage.terms}
        total = sum(values.values())
        return total, {**values, "total": total}

    gradients, values = jax.grad(objective, has_aux=True)(active)
    direction, moments = stage.optimiser.direction().update(gradients, moments, active)
    rate = stage.optimiser.rate(progress)
    active = jax.tree.map(lambda value, uphill: value - rate * uphill, active, direction)
    for key, rule in zip(jax.random.split(after, max(1, len(stage.after))), stage.after, strict=False):
        active = rule(active, key)
    return active, moments, values


@jax.jit
def _observe(degradation: Degradation, photos, keys):
    def one(photo, key):
        return degradation.spoil(degradation.observe(photo[None]), jax.random.fold_in(key, 1))[0]

    return jax.vmap(one)(photos, _fold(keys, 2**31))


@functools.partial(jax.jit, static_argnums=0)
def _look(networks: Networks, frozen: Frozen, seen):
    return networks.distance.embed(frozen.features, seen)  # type: ignore[union-attr]


@functools.partial(jax.jit, static_argnums=(0, 1))
def _begin(networks: Networks, start, frozen: Frozen, degradation: Degradation, batch: _Batch):
    def one(batch: _Batch):
        scene = Scene(networks, frozen, degradation, batch.seen[None])
        keys = jax.random.split(jax.random.fold_in(batch.keys, 2**30), len(start))
        return {name: begin(scene, key) for (name, begin), key in zip(start, keys, strict=True)}

    return jax.lax.map(one, batch)


@jax.jit
def _better(best, losses, active):
    """Picture by picture what has the smaller loss."""
    least, held = best
    wins = losses < least

    def pick(new, old):
        return jnp.where(wins.reshape(-1, *[1] * (new.ndim - 1)), new, old)

    return jnp.minimum(losses, least), jax.tree.map(pick, active, held)


def _fold(keys, number: int):
    return jax.vmap(lambda key: jax.random.fold_in(key, number))(keys)


def _watched(watch: Watch, before: int, total: int, done: int, loss: float) -> bool:
    return watch(Progress(before + done, total, loss))


def _stacked(rows: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}


def _joined(history: list[dict[str, np.ndarray]], pictures: int) -> dict[str, np.ndarray]:
    """The losses of all stages under one another."""
    names = dict.fromkeys(name for losses in history for name in losses if name != "total")
    missing = [np.full_like(losses["total"], np.nan) for losses in history]
    empty = [np.zeros((0, pictures), np.float32)]
    return {
        name: np.concatenate(empty + [one.get(name, gap) for one, gap in zip(history, missing, strict=True)])
        for name in [*names, "total"]
    }


def _least(losses: dict[str, np.ndarray], restarts: int) -> np.ndarray:
    """Of each picture's restarts the row of least final loss."""
    pictures = losses["total"].shape[1] // restarts
    first = np.arange(pictures) * restarts
    if restarts == 1 or not len(losses["total"]):
        return first
    return first + np.nan_to_num(losses["total"][-1], nan=np.inf).reshape(pictures, restarts).argmin(axis=1)
