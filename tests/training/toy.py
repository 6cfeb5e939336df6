"""A task small enough to test the loop with: linear regression with noise, a lazy regulariser and a frozen array."""

import dataclasses
import itertools

import accidents
import flax.struct
import jax
import jax.numpy as jnp
import numpy as np

from ganinv_jax.core.configs import check

SIZE = 6


@dataclasses.dataclass(frozen=True)
class Optimizer:
    learning_rate: float = 0.05
    momentum: float = 0.9


@dataclasses.dataclass(frozen=True)
class ToyConfig(accidents.Accidents):
    seed: int = 0
    batch_size: int = 8
    optimizer: Optimizer = Optimizer()
    name: str | None = None
    shape: tuple[int, ...] = (SIZE,)
    workers: int = 0
    nan_at: int = -1  # The step whose batch is not finite.
    init_from: str | None = None

    def __post_init__(self):
        check(self.batch_size > 0, f"batch_size must be positive, but it is {self.batch_size}.")


@flax.struct.dataclass
class ToyState:
    params: dict
    average: dict
    velocity: dict
    key: jax.Array


class ToyTask:
    Config = ToyConfig
    name = "toy"
    free_options = accidents.NAMES | {"workers", "nan_at"}

    def __init__(self, config):
        self.config, self.seed, self.batch_size = config, config.seed, config.batch_size
        accidents.begin(config)
        self.frozen = {"truth": np.arange(SIZE, dtype=np.float32)}

    def init(self, key):
        params = {"w": jax.random.normal(key, self.config.shape), "b": jnp.zeros((), jnp.bfloat16)}
        # Two names for the same arrays, as a fresh average has.
        return ToyState(params, params, jax.tree.map(jnp.zeros_like, params), jax.random.fold_in(key, 1))

    def variant(self, step):
        return step % 4 == 0

    def step(self, state, batch, key, *, frozen, variant):
        noise = 0.01 * jax.random.normal(key, batch["x"].shape[:1])

        def loss_fn(params):
            wanted = batch["x"] @ frozen["truth"] + noise
            return jnp.mean((batch["x"] @ params["w"] + params["b"] - wanted) ** 2)

        loss, grads = jax.value_and_grad(loss_fn)(state.params)
        metrics = {"loss": loss, "noise": noise[0]}
        if variant:
            metrics["penalty"] = jnp.sum(state.params["w"] ** 2)
            grads["w"] = grads["w"] + 1e-3 * state.params["w"]
        o = self.config.optimizer
        velocity = jax.tree.map(lambda v, g: (o.momentum * v + g).astype(v.dtype), state.velocity, grads)
        params = jax.tree.map(lambda p, v: (p - o.learning_rate * v).astype(p.dtype), state.params, velocity)
        average = jax.tree.map(lambda a, p: (0.9 * a + 0.1 * p).astype(a.dtype), state.average, params)
        return ToyState(params, average, velocity, jax.random.fold_in(state.key, 1)), metrics

    def batches(self, start_step):
        return accidents.befall(self.config, map(self._batch, itertools.count(start_step)), start_step)

    def snapshot(self, state):
        return {"weights": np.tile(np.uint8(np.clip(state.params["w"], 0, 9) * 20)[None, :, None], (4, 1, 3))}

    def export(self, state):
        return {"toy": {"size": SIZE}}, {"toy": state.average}

    def _batch(self, step):
        x = np.random.default_rng((self.seed, step)).normal(size=(self.batch_size, SIZE)).astype(np.float32)
        here = x.reshape(jax.process_count(), -1, SIZE)[jax.process_index()]
        return {"x": here * np.nan if step == self.config.nan_at else here}
