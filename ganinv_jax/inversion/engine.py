"""The one loop that all methods run in: start, stages of steps, result.

Pictures of a batch are inverted side by side and do not feel one another: each has its variables, its optimiser's
memory and its random numbers.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int, UInt8

from ganinv_jax.core.configs import check
from ganinv_jax.inversion.degradations import Degradation, Sight
from ganinv_jax.inversion.drawing import Draw, Drawn, render
from ganinv_jax.inversion.film import Film, joined, pace
from ganinv_jax.inversion.networks import Frozen, Networks
from ganinv_jax.inversion.scene import Scene
from ganinv_jax.inversion.schedule import Method
from ganinv_jax.inversion.stepping import STEPS_A_CALL, Batch, Walked, fold, walk


class Progress(NamedTuple):
    """done, total: steps. loss: of the last step's totals the mean over the pictures where it is finite."""

    done: int
    total: int
    loss: float


Watch = Callable[[Progress], bool]
"""Called between stretches of steps; True stops the inversion."""


class Outcome(NamedTuple):
    """What an inversion found, a row a picture.

    variables: as the method's draw takes them. sight: what the task left of the photos. losses: [steps, b] by name of
    the term, as weighted in their sum 'total'; NaN in steps of other stages, and not finite where a picture diverged.
    loss: the total of what is kept; NaN where nothing was optimised. diverged: the first step without a finite loss, -1
    where all have one. frames: pictures of the way, from the start to the end, where they were asked for. stopped:
    whether `watch` ended it early.
    """

    variables: dict[str, Any]
    images: Float[np.ndarray, "b h w 3"]
    ws: Float[np.ndarray, "b l w"]
    sight: Sight
    losses: dict[str, Float[np.ndarray, "steps b"]]
    loss: Float[np.ndarray, "b"]
    diverged: Int[np.ndarray, "b"]
    frames: UInt8[np.ndarray, "b n r r 3"] | None
    stopped: bool

    def first(self, count: int) -> "Outcome":
        """The first `count` pictures."""
        losses = {name: values[:, :count] for name, values in self.losses.items()}
        rows = {name: value for name, value in self._asdict().items() if name not in ("losses", "stopped")}
        return self._replace(**jax.tree.map(lambda x: x[:count], rows), losses=losses)


def run(
    networks: Networks,
    frozen: Frozen,
    method: Method,
    degradation: Degradation,
    photos: Float[Any, "b h w 3"],
    seeds: Sequence[int],
    watch: Watch = lambda progress: False,
    given: Any = None,
    frames: int = 0,
) -> Outcome:
    """Invert photos in [-1, 1] of the generator's size, all at once.

    seeds: one a photo; all random numbers of its inversion come from it, so that the result is the same alone and
        beside others.
    given: variables to start from by name, a row a photo, for a method that starts so.
    frames: how many pictures of the way are kept at most, evenly over the steps; none by default.
    When `watch` stops it, each picture gets the variables of least loss in the stage that it was in, and so does one
    whose loss or picture stops being finite. Raises InputError where no loss of a photo is finite.
    """
    keys = jnp.stack([jax.random.key(seed) for seed in seeds])
    sight = _observe(degradation, jnp.asarray(photos), keys)
    batch = _begun(networks, frozen, method, sight, keys, given)
    variables = _start(networks, method.start, frozen, degradation, batch)
    film = Film(networks, method.draw, frozen, pace(method.lengths, frames)) if frames else None
    if film:
        film.take(variables)
    end = _run_stages(networks, frozen, method, degradation, batch, variables, watch, film)
    chosen = _least(end.loss, method.restarts)
    variables, drawn = jax.tree.map(lambda x: x[chosen], (end.variables, end.drawn))
    return Outcome(
        variables=variables,
        images=np.asarray(drawn.images)[:, 0],
        ws=np.asarray(drawn.ws),
        sight=jax.device_get(sight),
        losses={name: values[:, chosen] for name, values in end.losses.items()},
        loss=end.loss[chosen],
        diverged=end.diverged[chosen],
        frames=film.frames(chosen) if film else None,
        stopped=end.stopped,
    )


def together(outcomes: Sequence[Outcome]) -> Outcome:
    """The pictures of several runs of one method; losses that the last one was stopped before are NaN."""
    rows = [{**one._asdict(), "variables": jax.device_get(one.variables)} for one in outcomes]
    plain = {
        name: jax.tree.map(lambda *x: np.concatenate(x), *(row[name] for row in rows))
        for name in Outcome._fields
        if name not in ("losses", "frames", "stopped")
    }
    steps = max(len(one.losses["total"]) for one in outcomes)
    padded = [{name: _padded(values, steps) for name, values in one.losses.items()} for one in outcomes]
    losses = {
        name: np.concatenate([row.get(name, np.full_like(row["total"], np.nan)) for row in padded], axis=1)
        for name in dict.fromkeys(name for row in padded for name in row)
    }
    return Outcome(
        **plain, losses=losses, frames=joined([one.frames for one in outcomes]), stopped=outcomes[-1].stopped
    )


def _padded(values: np.ndarray, steps: int) -> np.ndarray:
    return np.pad(values, ((0, steps - len(values)), (0, 0)), constant_values=np.nan)


def _begun(networks, frozen, method: Method, sight: Sight, keys, given) -> Batch:
    """What the steps know of the pictures, a row each time that a picture begins."""
    again = method.restarts
    looks = _look(networks, frozen, sight.seen) if method.looks else ()
    sight, looks, given = jax.tree.map(lambda x: jnp.repeat(x, again, axis=0), (sight, looks, given))
    return Batch(
        sight, looks, jnp.stack([jax.random.fold_in(key, turn) for key in keys for turn in range(again)]), given
    )


class _End(NamedTuple):
    """As `Outcome` has them, a row each time that a picture began."""

    variables: dict[str, Any]
    drawn: Drawn
    losses: dict[str, Float[np.ndarray, "steps b"]]
    loss: Float[np.ndarray, "b"]
    diverged: Int[np.ndarray, "b"]
    stopped: bool


def _run_stages(networks, frozen, method: Method, degradation, batch: Batch, variables, watch, film) -> _End:
    count, total, done, stopped = len(batch.keys), sum(method.lengths), 0, False
    drawn, loss, diverged = None, np.full(count, np.nan), np.full(count, -1)
    losses = {"total": np.zeros((0, count), np.float32)}
    for index, stage in enumerate(method.stages):
        variables = {name: value for name, value in variables.items() if name not in stage.forget}
        between = functools.partial(_between, watch, film, method.restarts, variables, stage.steps, done, total)
        every = film.every if film else STEPS_A_CALL
        walked = walk(networks, frozen, method.draw, degradation, batch.fold(index), stage, variables, every, between)
        variables, drawn, kept, lost = _settled(networks, frozen, method.draw, variables, walked)
        loss = np.where(kept, walked.best.loss, walked.losses["total"][-1])
        diverged = np.where((diverged < 0) & (lost >= 0), len(losses["total"]) + lost, diverged)
        losses = _below(losses, walked.losses)
        done, stopped = done + stage.steps, walked.stopped
        if stopped:
            break
    drawn = render(networks, method.draw, frozen, variables) if drawn is None else drawn
    return _End(variables, drawn, losses, loss, diverged, stopped)


def _between(
    watch: Watch, film: Film | None, restarts: int, variables: Any, steps: int, before: int, total: int, *now: Any
) -> bool:
    """What happens between calls of a stage of `steps`, `before` which others were done."""
    taken, active, best, mean = now
    lost = np.asarray(best.loss).reshape(-1, restarts).min(axis=1) == np.inf
    check(
        not lost.any(),
        f"Losses must be finite, but for {np.sum(lost)} of {len(lost)} photos none ever was; choose another start or "
        "seed, or a lower rate.",
    )
    if film and (taken % film.every == 0 or taken == steps):
        film.take({**variables, **best.or_last(active, best.diverged >= 0)})
    return watch(Progress(before + taken, total, mean))


def _settled(networks, frozen, draw: Draw, variables, walked: Walked):
    """(variables at a stage's end, their pictures, who has the best ones, the first step without a finite loss [b]).

    The best are kept where the stage was stopped, and where a picture or a loss of it is not finite.
    """
    best, diverged = walked.best, np.asarray(walked.best.diverged)
    drawn = render(networks, draw, frozen, {**variables, **walked.active})
    finite = np.isfinite(np.asarray(drawn.images)).all(axis=(1, 2, 3, 4))
    lost = np.where((diverged < 0) & ~finite, len(walked.losses["total"]), diverged)
    kept = walked.stopped | (lost >= 0)
    if not np.any(kept):
        return {**variables, **walked.active}, drawn, kept, lost
    variables = {**variables, **best.or_last(walked.active, kept)}
    return variables, render(networks, draw, frozen, variables), kept, lost


@jax.jit
def _observe(degradation: Degradation, photos, keys) -> Sight:
    def one(photo, key):
        return jax.tree.map(lambda x: x[0], degradation.see(photo[None], jax.random.fold_in(key, 1)))

    return jax.vmap(one)(photos, fold(keys, 2**31))


@functools.partial(jax.jit, static_argnums=0)
def _look(networks: Networks, frozen: Frozen, seen):
    return networks.distance.embed(frozen.features, seen)  # type: ignore[union-attr]


@functools.partial(jax.jit, static_argnums=(0, 1))
def _start(networks: Networks, start, frozen: Frozen, degradation: Degradation, batch: Batch):
    def one(batch: Batch):
        scene = Scene(networks, frozen, degradation, jax.tree.map(lambda x: x[None], batch.sight), batch.given)
        keys = jax.random.split(jax.random.fold_in(batch.keys, 2**30), len(start))
        return {name: begin(scene, key) for (name, begin), key in zip(start, keys, strict=True)}

    return jax.lax.map(one, batch)


def _below(losses: dict[str, np.ndarray], more: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """A further stage's losses under those before it, the total last."""
    names = [*dict.fromkeys(name for name in (*losses, *more) if name != "total"), "total"]
    gaps = [np.full_like(each["total"], np.nan) for each in (losses, more)]
    return {name: np.concatenate([losses.get(name, gaps[0]), more.get(name, gaps[1])]) for name in names}


def _least(loss: np.ndarray, restarts: int) -> np.ndarray:
    """Of each picture's restarts the row of least loss."""
    each = np.nan_to_num(loss, nan=np.inf).reshape(-1, restarts)
    return np.arange(len(each)) * restarts + each.argmin(axis=1)
