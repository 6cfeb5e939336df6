"""Training an encoder of whole pictures into W+ of a frozen generator (idinvert, arXiv:2004.00049, section 3.2).

Source: training/loss_encoder.py and training_loop_encoder.py of genforce/idinvert. There the discriminator is shown
pictures of the encoder after its step; here those that the encoder was judged on, which are there already. There codes
are read directly; here as offsets from the average w, so that training begins with a picture of the domain.
"""

import functools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ganinv_jax.core.devices import fill_rows, split_rows
from ganinv_jax.core.images import grid, to_float, to_uint8
from ganinv_jax.data.sources import Source, open_source
from ganinv_jax.data.unbroken import Unbroken
from ganinv_jax.losses.perceptual import PerceptualDistance
from ganinv_jax.losses.pixels import psnr
from ganinv_jax.models import encoders, registry
from ganinv_jax.models.features import load_features
from ganinv_jax.training.calibration import calibrated
from ganinv_jax.training.frozen import make_adversary
from ganinv_jax.training.optimizers import adam
from ganinv_jax.training.photos import a_few_at_a_time, first_photos, photo_batches
from ganinv_jax.training.tasks.encode import losses
from ganinv_jax.training.tasks.encode.config import EncodeConfig
from ganinv_jax.training.tasks.encode.start import read_start
from ganinv_jax.training.tasks.judged import JudgedTask, State

PAIRS_A_ROW = 4  # of a picture and its reconstruction, in a sample grid


class EncodeTask(JudgedTask):
    """See `training.task.Task`."""

    Config = EncodeConfig
    name = "encode"
    free_options = frozenset({"init_from", "data.source", "data.threads", "show"})

    def __init__(self, config: EncodeConfig):
        self.config, self.seed, self.batch_size = config, config.seed, config.batch_size
        self._start = read_start(config)
        self.generator, self.encoder = self._start.generator, self._start.encoder
        self._side = self.generator.config.resolution
        self.adversary = make_adversary(config, self._side)
        self._distance = PerceptualDistance(load_features(config.features), size=config.perceptual_size)
        self.optimizer = adam(config.optimizer)
        self.frozen = {
            "generator": self._start.variables,
            "buffers": {name: tree for name, tree in (self._start.held or {}).items() if name != "params"},
            "perceptual": self._distance.variables,
            "adversary": self.adversary.frozen if self.adversary else {},
        }
        self._shown = first_photos(config.show.source or config.data.source, config.show.count, self._side)
        self._reconstructed = jax.jit(self._reconstruct)

    @functools.cached_property
    def pictures(self) -> Source:
        return Unbroken(open_source(self.config.data.source))

    def init(self, key: jax.Array) -> State:
        key, adversary_key = jax.random.split(key)
        params = self._start.held["params"] if self._start.held else self._fresh(key)
        return self._begin(params, self._start.discriminator, jax.jit(self._calibrate)(self.frozen), adversary_key)

    def step(self, state: State, batch, key: jax.Array, *, frozen, variant) -> tuple[State, dict[str, jax.Array]]:
        draw_key, judge_key, learn_key = jax.random.split(key, 3)
        photos = to_float(batch["image"])
        images, true = self._with_generated(photos, draw_key, frozen)
        targets = self._distance.embed(frozen["perceptual"], images)

        def loss_fn(params):
            ws = self._read(params, images, frozen)
            drawn = self._draw(ws, frozen)
            means = self._terms(state.scale, ws, drawn, images, true, targets, frozen)
            judged = self._judge(state, means, drawn[: len(photos)], judge_key, frozen)
            return self._weighed(judged.terms), judged

        (_, judged), grads = jax.value_and_grad(loss_fn, has_aux=True)(state.params)
        state, metrics = self._end_step(state, grads, judged, photos, learn_key, frozen, variant)
        return state, metrics | {"psnr": jnp.mean(psnr(jnp.mean((judged.fakes - photos) ** 2, axis=(1, 2, 3))))}

    def batches(self, start_step: int):
        """{'image': uint8 [p, r, r, 3]}: the real pictures of each batch."""
        config = self.config
        return photo_batches(config.data, config.photo_count, self._side, config.seed, start_step, self.pictures)

    def snapshot(self, state: State) -> dict[str, np.ndarray]:
        """Pictures, each with its reconstruction on its right, by averaged weights."""
        drawn = a_few_at_a_time(lambda rows: self._reconstructed(state.ema, rows, self.frozen), self._shown)
        pairs = np.stack([self._shown, drawn], axis=1)
        return {"samples": grid(to_uint8(pairs.reshape(-1, *pairs.shape[2:])), columns=2 * PAIRS_A_ROW)}

    def export(self, state: State) -> tuple[dict[str, Any], dict[str, Any]]:
        """What training began from with the averaged encoder and the discriminator, less what fills holes."""
        config, arrays = (dict(kept) for kept in self._start.kept)
        config["encoder"] = registry.describe("encoder", self.encoder.config)
        arrays["encoder"] = {**self.frozen["buffers"], "params": state.ema}
        if self.adversary:
            config["discriminator"], arrays["discriminator"] = self.adversary.export(state.adversary)
        return config, jax.device_get(arrays)

    def _with_generated(self, photos, key, frozen):
        """All pictures of the batch, those that the generator draws last, and the codes of these (None without any)."""
        count = self.config.generated_count
        if not count:
            return photos, None
        true = self._map(split_rows(jax.random.normal(key, (count, self.generator.config.z_dim))), frozen)
        return split_rows(jnp.concatenate([photos, self._draw(fill_rows(true), frozen)[:count]])), true

    def _terms(self, scale, ws, drawn, images, true, targets, frozen) -> dict[str, jax.Array]:
        """The means of all terms of the loss but the adversarial one; those that weigh nothing are left out."""
        weights, distances = self.config.weights, self._distance.to(frozen["perceptual"], drawn, targets)
        means = {"mse": jnp.mean((drawn - images) ** 2), "perceptual": scale * jnp.mean(distances)}
        if true is not None:
            means["latent"] = jnp.mean(losses.code_error(ws[-len(true) :], true))
        if weights.delta:
            means["delta"] = jnp.mean(losses.row_spread(ws))
        return means

    def _reconstruct(self, params, images, frozen):
        return self._draw(self._read(params, images, frozen), frozen)

    def _read(self, params, images, frozen):
        variables: Mapping[str, Any] = {
            "encoder": {**frozen["buffers"], "params": params},
            "generator": frozen["generator"],
        }
        return encoders.encode(self.encoder, self.generator, variables, images)

    def _map(self, z, frozen):
        return self.generator.apply(frozen["generator"], z, method="map")

    def _draw(self, ws, frozen):
        """Pictures of codes, with the generator's own noise."""
        images = self.generator.apply(frozen["generator"], ws, method="synthesize")
        return images["rgb"] if isinstance(images, dict) else images

    def _fresh(self, key):
        images = jnp.zeros((1, self._side, self._side, 3))
        return jax.jit(self.encoder.init)(key, images, images[..., :1])["params"]

    def _calibrate(self, frozen):
        def draw(z):
            return self._draw(self._map(z, frozen), frozen)

        return calibrated(self._distance, frozen["perceptual"], draw, self.generator.config.z_dim)
