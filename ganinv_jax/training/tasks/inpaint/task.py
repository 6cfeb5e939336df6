"""Training encoder, mixer and skip encoder on pictures of a frozen generator (arXiv:2307.15033)."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ganinv_jax.core.devices import fill_rows, split_rows
from ganinv_jax.core.images import to_float
from ganinv_jax.data.sources import Source, open_source
from ganinv_jax.data.unbroken import Unbroken
from ganinv_jax.losses.perceptual import PerceptualDistance
from ganinv_jax.losses.pixels import psnr
from ganinv_jax.models.inpainting import Completion, erase
from ganinv_jax.training.calibration import calibrated
from ganinv_jax.training.frozen import make_adversary
from ganinv_jax.training.optimizers import adam
from ganinv_jax.training.tasks.inpaint import data, losses
from ganinv_jax.training.tasks.inpaint.config import InpaintConfig
from ganinv_jax.training.tasks.inpaint.show import Show
from ganinv_jax.training.tasks.inpaint.start import read_start
from ganinv_jax.training.tasks.judged import JudgedTask, State

COMPLETIONS = 2  # of each picture: from its own code, and from another


class InpaintTask(JudgedTask):
    """See `training.task.Task`. Stage 1 and stage 2 differ only in the parts that the recipe trains."""

    Config = InpaintConfig
    name = "inpaint"
    free_options = frozenset({"init_from", "photos.source", "photos.threads", "show"})

    def __init__(self, config: InpaintConfig):
        self.config, self.seed, self.batch_size = config, config.seed, config.batch_size
        self._start = read_start(config)
        self.inpainter = self._start.inpainter
        self.generator = self.inpainter.generator
        self.adversary = make_adversary(config, self.generator.config.resolution)
        self._distance = PerceptualDistance(size=config.perceptual_size)
        self.optimizer = adam(config.optimizer)
        held = {part: tree for part, tree in self._start.variables.items() if part not in config.trains}
        self.frozen = {
            "model": held,
            "perceptual": self._distance.variables,
            "adversary": self.adversary.frozen if self.adversary else {},
        }
        self._show = Show(config.show, self.inpainter)

    @functools.cached_property
    def pictures(self) -> Source | None:
        return Unbroken(open_source(self.config.photos.source)) if self.config.photos else None

    def init(self, key: jax.Array) -> State:
        key, adversary_key = jax.random.split(key)
        fresh = self.inpainter.init(key)
        params = {part: self._start.complete(fresh[part], part) for part in self.config.trains}
        return self._begin(params, self._start.discriminator, jax.jit(self._calibrate)(self.frozen), adversary_key)

    def step(self, state: State, batch, key: jax.Array, *, frozen, variant) -> tuple[State, dict[str, jax.Array]]:
        draw_key, judge_key, learn_key = jax.random.split(key, 3)
        sources, ws_rand, own = self._draw(batch, draw_key, frozen)
        erased, known = erase(sources, batch["hole"])
        targets = jnp.repeat(sources[:, None], COMPLETIONS, axis=1)
        region = self._region(known)
        perceptual = losses.RegionPerceptual(self._distance, frozen["perceptual"], targets, region)

        def loss_fn(params):
            done = self.inpainter.complete(frozen["model"] | params, erased, known, ws_rand)
            terms = {
                "mse": losses.region_mse(done.images, targets, region),
                "perceptual": state.scale * perceptual(done.images),
            }
            weights = self._row_weights(state)
            means = {name: losses.weighted_mean(x, weights) for name, x in terms.items()}
            if self.config.full_branch:
                means["latent"] = jnp.mean((done.ws[: len(own), 0] - own) ** 2)
            if self.config.weights.diversity and "mixer" in params:
                photos = (x[len(own) :] for x in (done.images, sources, batch["hole"]))
                share = losses.diversity(functools.partial(self._distance, frozen["perceptual"]), *photos)
                lacking = jnp.maximum(0, 1 - share / self.config.diversity_share)
                means["diversity"] = jnp.mean(weights[len(own) :] * lacking)
            composites = losses.composites(self._one_of_each(done.images), sources, known)
            judged = self._judge(state, means, composites, judge_key, frozen)
            return self._weighed(judged.terms), (judged, done)

        (_, (judged, done)), grads = jax.value_and_grad(loss_fn, has_aux=True)(state.params)
        state, metrics = self._end_step(state, grads, judged, sources, learn_key, frozen, variant)
        return state, metrics | self._figures(done, targets, known)

    def batches(self, start_step: int):
        return data.batches(self.config, self.generator.config.resolution, start_step, self.pictures)

    def snapshot(self, state: State) -> dict[str, np.ndarray]:
        """Rows of picture, erased picture and four completions, of averaged weights: real pictures, then generated."""
        return self._show(self.frozen["model"] | state.ema)

    def export(self, state: State) -> tuple[dict[str, Any], dict[str, Any]]:
        """The generator, the averaged parts, and the discriminator."""
        config, arrays = self._start.kept
        config, arrays = {**self._start.config, **config}, {**self.frozen["model"], **state.ema, **arrays}
        if self.adversary:
            config["discriminator"], arrays["discriminator"] = self.adversary.export(state.adversary)
        return config, jax.device_get(arrays)

    def _draw(self, batch, key, frozen):
        """Pictures [b, h, w, 3], two codes for each [b, 2, l, w], and the codes that the generated ones came from.

        A generated picture's first code is its own, except in the ablation.
        """
        photos = batch.get("image")
        size = self.batch_size - (0 if photos is None else len(photos))
        own_key, other_key = jax.random.split(key)
        own = self._map(split_rows(jax.random.normal(own_key, (size, self._z_dim))), frozen)
        others = jax.random.normal(other_key, (self.batch_size * COMPLETIONS, self._z_dim))
        ws_rand = self._map(split_rows(others), frozen)
        ws_rand = ws_rand.reshape(self.batch_size, COMPLETIONS, *ws_rand.shape[1:])
        if self.config.full_branch:
            ws_rand = ws_rand.at[:size, 0].set(own)
        images = self.inpainter.render(frozen["model"], fill_rows(own))[:size]
        images = images if photos is None else split_rows(jnp.concatenate([images, to_float(photos)]))
        return images, ws_rand, own

    def _region(self, known):
        """Where a completion is compared: everywhere if it was given the true code, else on the known pixels."""
        region = jnp.repeat(known[:, None], COMPLETIONS, axis=1)
        if not self.config.full_branch:
            return region
        return region.at[: self.batch_size - self.config.photo_count, 0].set(1.0)

    def _one_of_each(self, images):
        """One completion of each picture, from both kinds of codes alike, for the discriminator to see beside it."""
        return images[jnp.arange(self.batch_size), jnp.arange(self.batch_size) % COMPLETIONS]

    def _row_weights(self, state: State):
        photos = self.config.photos
        if photos is None:
            return jnp.ones(self.batch_size)
        risen = jnp.minimum(1.0, state.images / (1000 * photos.warmup_kimg)) if photos.warmup_kimg else 1.0
        real = jnp.arange(self.batch_size) >= self.batch_size - self.config.photo_count
        return jnp.where(real, risen, 1.0)

    def _figures(self, done: Completion, targets, known) -> dict[str, jax.Array]:
        """What tells whether the mixer listens to both of its inputs; 'true' is the picture's own code."""
        generated = slice(self.batch_size - self.config.photo_count)
        known = jnp.broadcast_to(known[:, None], (*targets.shape[:-1], 1))
        seen, hidden = (losses.region_mse(done.images, targets, region) for region in (known, 1 - known))
        figures = {
            "gate_other": jnp.mean(done.gate[generated, 1]),
            "hole_mse_other": jnp.mean(hidden[generated, 1]),
            "known_psnr": jnp.mean(psnr(seen[generated, 1])),
        }
        if self.config.full_branch:
            figures["gate_true"] = jnp.mean(done.gate[generated, 0])
            figures["hole_mse_true"] = jnp.mean(hidden[generated, 0])
        if self.config.photos:
            figures["known_psnr_photos"] = jnp.mean(psnr(seen[generated.stop :]))
        return figures

    def _calibrate(self, frozen):

        def draw(z):
            return self.inpainter.render(frozen["model"], self._map(z, frozen))

        return calibrated(self._distance, frozen["perceptual"], draw, self._z_dim)

    def _map(self, z, frozen):
        return self.generator.apply(frozen["model"]["generator"], z, method="map")

    @property
    def _z_dim(self) -> int:
        return self.generator.config.z_dim
