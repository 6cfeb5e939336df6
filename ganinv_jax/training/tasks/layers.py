"""Training the encoders that invert a frozen generator layer by layer (Bau et al. 2019, arXiv:1910.11626, section 3.2).

Source: seeing/train_onelayer_inv.py and train_hybrid_inv.py of davidbau/ganseeing. First each encoder learns apart, on
features of generated pictures; then all of them end to end, from the picture to the code. No real picture is seen.
"""

import dataclasses
import itertools
from collections.abc import Hashable, Iterator
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
import optax

from ganinv_jax.core.configs import check_not_negative
from ganinv_jax.core.devices import own_rows
from ganinv_jax.core.images import grid, to_uint8
from ganinv_jax.core.rng import seed_z
from ganinv_jax.models import registry
from ganinv_jax.models.layerwise import LayerEncoders, layer_encoders
from ganinv_jax.models.layerwise.encoders import measured
from ganinv_jax.models.precision import Compute
from ganinv_jax.training.frozen import read_model
from ganinv_jax.training.optimizers import AdamConfig, adam
from ganinv_jax.training.options import check_common

MEASURED = 512  # generated pictures that means and deviations of features are taken over
SHOWN = 8  # pictures of a sample grid, of seeds that training does not meet
FEATURES_AGAIN = 0.01
"""The weight of what a block draws from what was read of it; source: encoder_loss of train_onelayer_inv.py."""


@dataclasses.dataclass(frozen=True)
class LayersConfig:
    """init_from: a model folder or a bundled name; its parts are handed on beside the encoders.

    middle: the resolution at which the picture network meets the block encoders. options: changes to their sizes, as
    {"hidden": 64}. apart_kimg: thousand pictures of the first phase; the rest of the run is the second.
    apart, together: the optimiser of each phase.
    """

    init_from: str
    batch_size: int
    middle: int = 16
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    apart_kimg: float = 320.0
    apart: AdamConfig = dataclasses.field(default_factory=lambda: AdamConfig(1e-4, 0.9, 0.999))
    together: AdamConfig = dataclasses.field(default_factory=lambda: AdamConfig(1e-5, 0.9, 0.999))
    compute: Compute = "fp32"
    seed: int = 0

    def __post_init__(self):
        check_common(self)
        check_not_negative(self, "apart_kimg")


class State(flax.struct.PyTreeNode):
    """params, buffers: the encoders'. apart, together: the optimisers' states."""

    params: Any
    buffers: Any
    apart: Any
    together: Any


class LayersTask:
    """See `training.task.Task`."""

    Config = LayersConfig
    name = "layers"
    free_options = frozenset({"init_from"})

    def __init__(self, config: LayersConfig):
        self.config, self.seed, self.batch_size = config, config.seed, config.batch_size
        self._model, self._arrays, network = read_model(config.init_from, config.compute, "A set of layer encoders")
        self._generator = network.module
        self.encoders = LayerEncoders(layer_encoders(network.config, config.middle, config.options))
        self._optimizers = {"apart": adam(config.apart), "together": adam(config.together)}
        self.frozen = {"generator": network.variables}
        self._drawn = jax.jit(self._show)

    def init(self, key: jax.Array) -> State:
        init_key, z_key = jax.random.split(key)
        side = self._generator.config.resolution
        variables = jax.jit(self.encoders.init)(init_key, jnp.zeros((1, side, side, 3)))
        buffers = jax.jit(self._measure)(variables["buffers"], z_key, self.frozen)
        params = variables["params"]
        return State(params, buffers, *(optimizer.init(params) for optimizer in self._optimizers.values()))

    def variant(self, step: int) -> Hashable:
        """The phase."""
        return "apart" if step * self.batch_size < 1000 * self.config.apart_kimg else "together"

    def step(self, state: State, batch, key: jax.Array, *, frozen, variant) -> tuple[State, dict[str, jax.Array]]:
        true = self._generated(batch["z"], frozen)
        losses = {"apart": self._apart, "together": self._together}[variant]

        def total(params):
            variables = {"params": params, "buffers": state.buffers}
            terms = losses(variables, *true, frozen)
            return sum(terms.values()), terms

        (loss, terms), grads = jax.value_and_grad(total, has_aux=True)(state.params)
        updates, moments = self._optimizers[variant].update(grads, getattr(state, variant), state.params)
        state = state.replace(params=optax.apply_updates(state.params, updates), **{variant: moments})
        return state, {f"loss_{variant}": loss} | terms

    def batches(self, start_step: int) -> Iterator[dict[str, np.ndarray]]:
        """{'z': [b, z]}: latents are all that a step needs. Each process gives its own equal part."""
        shape, rows = (self.batch_size, self._generator.config.z_dim), own_rows(self.batch_size)
        for step in itertools.count(start_step):
            yield {"z": np.random.default_rng((self.seed, step)).standard_normal(shape, np.float32)[rows]}

    def snapshot(self, state: State) -> dict[str, np.ndarray]:
        """Generated pictures above those of the codes that are read in them."""
        rows = jax.device_get(self._drawn({"params": state.params, "buffers": state.buffers}, self.frozen))
        return {"generated": grid(to_uint8(np.concatenate(rows)), columns=SHOWN)}

    def export(self, state: State) -> tuple[dict[str, Any], dict[str, Any]]:
        """The folder that training began from, with the encoders as the part 'layers'."""
        config = self._model | {"layers": registry.describe("layers", self.encoders.config)}
        layers = jax.device_get({"params": state.params, "buffers": state.buffers})
        return config, self._arrays | {"layers": layers}

    def _apart(self, variables, features, images, w, frozen) -> dict[str, jax.Array]:
        """Each encoder's own loss, on true features: no gradient flows from one to another."""
        buffers, terms = variables["buffers"], {}
        x, late = self.encoders.apply(variables, images, method="read")
        terms["picture"] = self._unexplained(buffers, self.encoders.config.middle, x, features)
        terms["w_late"] = _of_code(buffers, late, w)
        for resolution in self.encoders.config.blocks:
            read: Any
            before, read = self.encoders.apply(variables, resolution, features[resolution], method="invert")
            terms[f"w{resolution}"] = _of_code(buffers, read, w)
            if before is not None:
                terms[f"features{resolution // 2}"] = self._unexplained(buffers, resolution // 2, before, features)
            ws = jnp.repeat(read[:, None], self._generator.config.num_ws, axis=1)
            again, _ = self._block(frozen, ws, resolution, before)
            terms[f"again{resolution}"] = FEATURES_AGAIN * self._unexplained(buffers, resolution, again, features)
        return terms

    def _together(self, variables, features, images, w, frozen) -> dict[str, jax.Array]:
        """Of the whole chain: features read from the picture, the code, and what it draws in the middle and at the end.

        Source: encoder_loss of train_hybrid_inv.py, whose four terms weigh alike.
        """
        buffers, middle = variables["buffers"], self.encoders.config.middle
        x, _ = self.encoders.apply(variables, images, method="read")
        ws: Any = self.encoders.apply(variables, images)
        drawn, redrawn = self._draw(frozen, ws)
        return {
            "picture": self._unexplained(buffers, middle, x, features),
            "code": _of_code(buffers, ws, w[:, None]),
            "again": self._unexplained(buffers, middle, drawn[middle], features),
            "pixels": jnp.mean((redrawn - images) ** 2),
        }

    def _unexplained(self, buffers, resolution: int, x, features) -> jax.Array:
        """The mean squared error as a share of the features' variance.

        The official loss is 1 - cosine, since PGGAN makes every feature vector one of unit length. StyleGAN2 does not,
        and its mean features are most of their length.
        """
        return jnp.mean((x - features[resolution]) ** 2) / buffers[f"deviation{resolution}"] ** 2

    def _generated(self, z, frozen):
        """What leaves each block, the pictures [b, h, w, 3], and w [b, w]."""
        ws: Any = self._generator.apply(frozen["generator"], z, method="map")
        return *self._draw(frozen, ws), ws[:, 0]

    def _draw(self, frozen, ws):
        """What leaves each block up to the middle one, and the pictures."""
        middle, found = self.encoders.config.middle, {}
        x = images = None
        for resolution in self.encoders.config.blocks:
            x, images = self._block(frozen, ws, resolution, x, images)
            found[resolution] = x
        rest = {"start": 2 * middle, "x": x, "images": images}
        pictures = self._generator.apply(frozen["generator"], ws, method="synthesize", **rest)
        return found, pictures["rgb"] if isinstance(pictures, dict) else pictures

    def _block(self, frozen, ws, resolution: int, x, images=None):
        """What the block makes of the features (and images) that enter it."""
        given = {"start": resolution, "x": x, "images": images}
        return self._generator.apply(frozen["generator"], ws, resolution, method="features", **given)

    def _measure(self, buffers, key, frozen):
        z = jax.random.normal(key, (MEASURED, self._generator.config.z_dim))

        def one(z):
            features, _, w = self._generated(z[None], frozen)
            return jax.tree.map(lambda x: x[0], (features, w))

        return measured(buffers, *jax.lax.map(one, z, batch_size=16))

    def _show(self, variables, frozen):
        images = self._generated(seed_z(range(SHOWN), self._generator.config.z_dim), frozen)[1]
        return images, self._draw(frozen, self.encoders.apply(variables, images))[1]


def _of_code(buffers, read, w) -> jax.Array:
    """The mean squared error of codes as a share of their variance."""
    return jnp.mean((read - w) ** 2) / buffers["deviation_w"] ** 2
