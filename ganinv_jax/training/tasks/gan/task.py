"""Training a StyleGAN2 generator, against StyleGAN2's discriminator or the projected one."""

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.core import Tracer

from ganinv_jax.core.configs import check, to_dict
from ganinv_jax.core.devices import fill_rows, split_rows
from ganinv_jax.core.images import grid, to_float, to_uint8
from ganinv_jax.core.rng import seed_z
from ganinv_jax.data.sources import Source, open_source
from ganinv_jax.data.unbroken import Unbroken
from ganinv_jax.losses.adversarial import path_length_penalty
from ganinv_jax.models.stylegan2 import Generator
from ganinv_jax.training.ema import ema_decay, past_ramp
from ganinv_jax.training.frozen import make_adversary
from ganinv_jax.training.optimizers import adam, in_range, lazy
from ganinv_jax.training.photos import a_few_at_a_time, photo_batches, squares
from ganinv_jax.training.tasks.gan.anchors import Anchors, Projection
from ganinv_jax.training.tasks.gan.config import GanConfig
from ganinv_jax.training.tasks.gan.energy import Energy
from ganinv_jax.training.tasks.gan.start import read_start

SNAPSHOT_SEEDS = range(32)
SNAPSHOT_ANCHORS = 16
COARSE = "coarse"  # the variant of steps that train the first blocks alone


class State(flax.struct.PyTreeNode):
    """params, buffers: the generator in training. ema: its averaged params. images: how many it is an average over."""

    params: Any
    buffers: Any
    ema: Any
    opt: Any
    adversary: Any
    images: jax.Array
    pl_mean: jax.Array


class AnchoredState(State):
    """codes: what makes codes of anchors; no step changes it. A class of its own, since Orbax reads no checkpoint that
    lacks a field, and those without anchors do."""

    codes: Any


class GanTask:
    """See `training.task.Task`."""

    Config = GanConfig
    name = "gan"
    free_options = frozenset({"data.threads", "data.source", "init_from"})

    def __init__(self, config: GanConfig):
        self.config, self.seed, self.batch_size = config, config.seed, config.batch_size
        self.generator: Any = Generator(config.generator, config.compute)
        adversary = make_adversary(config, config.generator.resolution)
        assert adversary is not None  # GanConfig has checked it
        self.adversary = adversary
        self.anchors: Any = Anchors(config.anchors) if config.anchors else None
        self.energy: Any = Energy(config.energy) if config.energy else None
        self.frozen = dict(self.adversary.frozen)
        for part in (self.anchors, self.energy):
            self.frozen |= part.frozen if part else {}
        regularized = config.pl_interval if config.pl_weight else 0
        self.optimizer = lazy(config.optimizer, regularized)
        self._coarse_optimizer: Any = _coarse_optimizer(config)
        self._picture, self._again = jax.jit(self._render), jax.jit(self._draw_anchors)
        self._start = read_start(config) if config.init_from else None

    @functools.cached_property
    def pictures(self) -> Source:
        return Unbroken(open_source(self.config.data.source))

    def init(self, key: jax.Array) -> State:
        generator_key, adversary_key = jax.random.split(key)
        z, c = self._dummy_inputs()
        variables = jax.jit(self.generator.init)(generator_key, z, c)
        ema, discriminator = variables["params"], None
        if self._start:
            variables, ema, discriminator = self._start.complete(variables, adversary_key)
        params = variables["params"]
        adversary = self.adversary.init(adversary_key, discriminator)
        opt, buffers = self.optimizer.init(params), variables.get("buffers", {})
        fields = params, buffers, ema, opt, adversary, jnp.int32(self._averaged_before()), jnp.zeros(())
        return AnchoredState(*fields, self._projection(key)) if self.anchors else State(*fields)

    def variant(self, step: int) -> Any:
        """Whether path lengths are regularised, and the adversary's own; or that the step is a coarse one."""
        if 0 < step < self._coarse_steps:
            return COARSE
        lengths = bool(self.config.pl_weight and self.config.pl_interval and step % self.config.pl_interval == 0)
        return lengths, self.adversary.variant(step)

    def step(self, state: State, batch, key: jax.Array, *, frozen, variant) -> tuple[State, dict[str, jax.Array]]:
        if variant == COARSE:
            return self._step_coarse(state, to_float(batch["image"]), batch.get("label"), key, frozen)
        keys = dict(zip(("g", "lengths", "fakes", "judge", "learn"), jax.random.split(key, 5), strict=True))
        reals, c = to_float(batch["image"]), batch.get("label")
        state, fakes, seen, metrics = self._step_generator(state, reals, c, keys["g"], keys["judge"], frozen)
        if variant[0]:
            state, more = self._step_path_length(state, reals.shape[0], c, keys["lengths"])
            metrics |= more
        if not self.config.share_fakes:
            fakes, seen = self._fakes(state.params, state.buffers, reals.shape[0], c, keys["fakes"])[0], None
        fakes = jax.lax.stop_gradient(fakes)
        learned = self.adversary.learn(state.adversary, reals, fakes, c, keys["learn"], frozen, variant[1], seen)
        state = state.replace(adversary=learned[0], ema=self._average(state), images=state.images + reals.shape[0])
        return state, metrics | learned[1]

    def batches(self, start_step: int):
        config, labels = self.config, self.config.generator.c_dim
        source = self.pictures
        check(
            labels in (0, source.c_dim),
            f"generator.c_dim must be the width of the data's labels or 0, but it is {labels} and {config.data.source} "
            f"has {source.c_dim or 'none'}.",
        )
        side = config.generator.resolution
        return photo_batches(config.data, config.batch_size, side, config.seed, start_step, source)

    def snapshot(self, state: State) -> dict[str, np.ndarray]:
        """Averaged weights, psi 1, seeds 0 to 31; and the first pictures of the data, each beside itself as drawn."""
        z = seed_z(SNAPSHOT_SEEDS, self.config.generator.z_dim)
        c_dim = self.config.generator.c_dim
        c = np.eye(c_dim, dtype=np.float32)[np.arange(len(z)) % c_dim] if c_dim else None
        variables = {"params": state.ema, "buffers": state.buffers}
        images = a_few_at_a_time(functools.partial(self._picture, variables), z, c)
        shown = {"samples": grid(to_uint8(images), columns=8)}
        if self.anchors and not c_dim:
            photos = self._shown
            again = a_few_at_a_time(lambda rows: self._again(state, rows, self.frozen), photos)
            pairs = np.stack([photos, again], axis=1)
            shown["anchors"] = grid(to_uint8(pairs.reshape(-1, *photos.shape[1:])), columns=8)
        return shown

    def export(self, state: State) -> tuple[dict[str, Any], dict[str, Any]]:
        """The averaged generator, the one in training (to go on from), and the discriminator."""
        generator = to_dict(self.config.generator)
        discriminator, variables = self.adversary.export(state.adversary)
        config = {"generator": generator, "generator_raw": generator, "discriminator": discriminator}
        arrays = {
            "generator": {"params": state.ema, "buffers": state.buffers},
            "generator_raw": {"params": state.params, "buffers": state.buffers},
            "discriminator": variables,
        }
        return config, jax.device_get(arrays)

    def _step_generator(self, state: State, reals, c, key, judge_key, frozen):
        codes, anchored = self._anchored(state, reals, jax.random.fold_in(key, 1), frozen)
        compared = self._compared(reals, 0 if codes is None else len(codes), frozen)

        def loss_fn(params):
            fakes, w = self._fakes(params, state.buffers, len(reals), c, key, codes)
            loss, seen = self.adversary.judge(state.adversary, fakes, c, judge_key, frozen)
            (again, terms), (energy, others) = anchored(fakes), compared(fakes)
            return loss + again + energy, (fakes, seen, w, {"loss_g": loss} | terms | others)

        (_, (fakes, seen, w, metrics)), grads = jax.value_and_grad(loss_fn, has_aux=True)(state.params)
        state = self._update(state, grads)
        return state.replace(buffers=self._track_average(state.buffers, w)), fakes, seen, metrics

    def _anchored(self, state, reals, key, frozen) -> tuple[Any, Callable]:
        """Codes of the batch's anchors, and what maps fakes to their loss and its terms; nothing without anchors."""
        if not self.anchors:
            return None, lambda fakes: (0.0, {})
        known = split_rows(reals[: self.anchors.config.count(len(reals))])
        seen = self.anchors.look(known, frozen)
        codes = self.anchors.codes(known, seen, state.codes, key)
        return codes, lambda fakes: self.anchors.terms(fakes[: len(known)], known, seen, frozen)

    def _compared(self, reals, anchors: int, frozen) -> Callable:
        """What maps fakes to the loss for their energy distance and its terms; nothing where there is none.

        The first fakes, of anchors, stand for real pictures of this very batch: they are left out.
        """
        if not self.energy:
            return lambda fakes: (0.0, {})
        seen = self.energy.look(reals, frozen)
        return lambda fakes: self.energy.terms(split_rows(fakes[anchors:]), seen, frozen)

    def _step_coarse(self, state: Any, reals, c, key, frozen):
        """The first blocks learn to draw all of the batch from its codes, as far as their resolution goes."""
        side, codes_key, fakes_key = self.anchors.config.coarse_resolution, *jax.random.split(key)
        codes = self.anchors.codes(reals, self.anchors.look(reals, frozen), state.codes, codes_key)

        def loss_fn(params):
            fakes, w = self._fakes(params, state.buffers, len(reals), c, fakes_key, codes, stop=side)
            error = self.anchors.pixel_error(fakes, reals, side)
            return self.anchors.config.pixels * error, (w, error)

        (_, (w, error)), grads = jax.value_and_grad(loss_fn, has_aux=True)(state.params)
        # Adam begins anew before the first of these steps, lest momentum move later blocks, and after the last: else it
        # would know of later blocks that they have no gradients, and their next steps would be ten times too large.
        seen = state.images + len(reals)
        opt = self._anew(state, state.images == self.batch_size)
        updates, opt = self._coarse_optimizer.update(grads, opt, state.params)
        state = state.replace(params=optax.apply_updates(state.params, updates), opt=opt)
        opt = self._anew(state, seen >= self._coarse_steps * self.batch_size)
        buffers = self._track_average(state.buffers, w)
        state = state.replace(ema=self._average(state), opt=opt, buffers=buffers, images=seen)
        return state, {"anchor_pixels": error}

    def _step_path_length(self, state: State, batch: int, c, key):
        few = max(1, batch // self.config.pl_batch_shrink)
        z_key, mix_key, noise_key, length_key = jax.random.split(key, 4)

        def loss_fn(params):
            variables = {"params": params, "buffers": state.buffers}
            ws, _ = self._ws(variables, few, None if c is None else c[:few], z_key, mix_key)
            penalty, mean, length = path_length_penalty(
                lambda ws: self._synthesize(variables, fill_rows(ws), noise_key)[:few], ws, length_key, state.pl_mean
            )
            return penalty * (self.config.pl_weight * self.config.pl_interval), (penalty, mean, length)

        (_, (penalty, mean, length)), grads = jax.value_and_grad(loss_fn, has_aux=True)(state.params)
        state = self._update(state, grads).replace(pl_mean=jax.lax.stop_gradient(mean))
        return state, {"path_length_penalty": penalty, "path_length": length}

    def _fakes(self, params, buffers, batch: int, c, key, codes=None, stop: int | None = None):
        """Pictures, the first of them from `codes` where there are any, up to the block `stop`; and w."""
        z_key, mix_key, noise_key = jax.random.split(key, 3)
        variables = {"params": params, "buffers": buffers}
        ws, w = self._ws(variables, batch, c, z_key, mix_key, codes)
        return self._synthesize(variables, ws, noise_key, stop), w

    def _ws(self, variables, batch: int, c, z_key, mix_key, codes=None):
        """W+ with style mixing (one crossover a batch), and the unmixed w [b, d] that the average is taken of.

        codes [n, k] are the first k numbers of the first n latents.
        """
        config = self.config.generator
        z, other = (split_rows(z) for z in jax.random.normal(z_key, (2, batch, config.z_dim)))
        z = z if codes is None else z.at[: codes.shape[0], : codes.shape[1]].set(codes)
        ws = self.generator.apply(variables, z, c, method="map")
        w = ws[:, 0]
        if self.config.style_mixing:
            cut_key, chance_key = jax.random.split(mix_key)
            cut = jax.random.randint(cut_key, (), 1, config.num_ws)
            cut = jnp.where(jax.random.uniform(chance_key) < self.config.style_mixing, cut, config.num_ws)
            mixed = self.generator.apply(variables, other, c, method="map")
            ws = jnp.where(jnp.arange(config.num_ws)[:, None] < cut, ws, mixed)
        return ws, w

    def _synthesize(self, variables, ws, key, stop: int | None = None):
        if stop is None:
            return self.generator.apply(variables, ws, "random", key, method="synthesize")
        return self.generator.apply(variables, ws, stop, "random", key, method="features")[1]["rgb"]

    def _update(self, state: State, grads) -> State:
        grads = in_range(grads) if self.config.compute == "source" else grads
        updates, opt = self.optimizer.update(grads, state.opt, state.params)
        return state.replace(params=optax.apply_updates(state.params, updates), opt=opt)

    def _anew(self, state: State, when):
        return jax.tree.map(lambda new, old: jnp.where(when, new, old), self.optimizer.init(state.params), state.opt)

    def _average(self, state: State):
        decay = ema_decay(state.images, self.batch_size, self.config.ema_kimg, self.config.ema_rampup)
        return optax.incremental_update(state.params, state.ema, 1 - decay)

    def _averaged_before(self) -> int:
        """Pictures that the average is taken to be over at the start. A whole one that was loaded has no ramp, or its
        first step would take its place; coarse steps count from 0, and leave little of it."""
        whole = self._start is not None and self._start.whole and not self._coarse_steps
        return past_ramp(self.config.ema_kimg, self.config.ema_rampup) if whole else 0

    def _track_average(self, buffers, w):
        beta = self.config.generator.mapping.w_avg_beta
        if beta is None:
            return buffers
        mapping = buffers["mapping"]
        mean = jax.lax.stop_gradient(jnp.mean(w, axis=0))
        return buffers | {"mapping": mapping | {"w_avg": mean + beta * (mapping["w_avg"] - mean)}}

    def _projection(self, key: jax.Array) -> Projection:
        """What makes codes of anchors. Where `init` is traced, as its key tells, only shapes count: no data is read."""
        side = self.config.generator.resolution
        if isinstance(key, Tracer):
            return self.anchors.blank(side)
        return self.anchors.find(self.pictures, side, self.config.data.mirror)

    @functools.cached_property
    def _shown(self) -> np.ndarray:
        """The pictures of sample grids, read once."""
        return squares(self.pictures, SNAPSHOT_ANCHORS, self.config.generator.resolution)

    @property
    def _coarse_steps(self) -> int:
        """Steps before those of the whole generator, the very first among them: it is a whole one, as the memory
        estimate of the loop asks of it."""
        return math.ceil(1000 * self.config.anchors.coarse_kimg / self.batch_size) if self.config.anchors else 0

    def _draw_anchors(self, state: AnchoredState, photos, frozen):
        key = jax.random.key(0)
        codes = self.anchors.codes(photos, self.anchors.look(photos, frozen), state.codes, key)
        z = jax.random.normal(key, (len(photos), self.config.generator.z_dim))
        z = z.at[:, : codes.shape[1]].set(codes)
        return self._render({"params": state.ema, "buffers": state.buffers}, z, None)

    def _render(self, variables, z, c):
        return self.generator.apply(variables, z, c)

    def _dummy_inputs(self):
        config = self.config.generator
        return jnp.zeros((1, config.z_dim)), jnp.zeros((1, config.c_dim)) if config.c_dim else None


def _coarse_optimizer(config: GanConfig) -> optax.GradientTransformation | None:
    """The generator's, whose state it takes over, at another rate and with momentum, since nothing moves against it."""
    if not config.anchors:
        return None
    return adam(dataclasses.replace(config.optimizer, learning_rate=config.anchors.coarse_rate, b1=0.9))
