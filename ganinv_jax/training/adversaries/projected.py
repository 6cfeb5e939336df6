"""The projected discriminator with the hinge loss and DiffAugment: for small data and small budgets."""

import dataclasses
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import optax
from flax import traverse_util

from ganinv_jax.core import folders
from ganinv_jax.core.configs import check, to_dict
from ganinv_jax.data.augment import diffaugment
from ganinv_jax.losses.hinge import discriminator_hinge, generator_hinge
from ganinv_jax.models.features import load_features
from ganinv_jax.models.precision import Compute
from ganinv_jax.models.projected import ProjectedConfig, ProjectedDiscriminator, init_variables
from ganinv_jax.training.optimizers import AdamConfig, adam


@dataclasses.dataclass(frozen=True)
class ProjectedAdversaryConfig:
    """network: the discriminator. augment: a DiffAugment policy ('' for none), always on.

    Defaults: Sauer et al. 2021 (arXiv:2111.01007).
    """

    network: ProjectedConfig = dataclasses.field(default_factory=ProjectedConfig)
    augment: str = "color,translation,cutout"
    optimizer: AdamConfig = dataclasses.field(default_factory=lambda: AdamConfig(learning_rate=2e-4))

    def __post_init__(self):
        diffaugment.transforms(self.augment)  # Raises InputError for an unknown name.

    def check_batch(self, batch_size: int, name: str = "batch_size") -> None:
        """Raise InputError unless the groups that heads compare divide the batch, called `name`, or are larger."""
        group = self.network.spread_group
        divides = not group or batch_size % min(group, batch_size) == 0
        check(
            divides, f"{name} must be a multiple of the discriminator's spread_group {group}, but it is {batch_size}."
        )


class State(flax.struct.PyTreeNode):
    """params, buffers: of the heads. mixing: the fixed random mixing."""

    params: Any
    buffers: Any
    mixing: Any
    opt: Any


class ProjectedAdversary:
    """See `Adversary`; labels are not used. `frozen` holds the feature network's weights."""

    def __init__(self, config: ProjectedAdversaryConfig, compute: Compute = "fp32"):
        self.config = config
        self._network: Any = ProjectedDiscriminator(config.network, compute)
        self._optimizer = adam(config.optimizer)
        self.frozen = {config.network.feature_network: load_features(config.network.feature_network).variables}

    def init(self, key, model=None):
        fresh = init_variables(self._network, key)
        variables = {name: tree for name, tree in fresh.items() if name != "features"}
        if model is not None:
            variables = _go_on_from(model, variables)
        params = variables["params"]
        return State(params, variables["buffers"], variables["frozen"], self._optimizer.init(params))

    def variant(self, step: int) -> None:
        """One program serves all steps."""

    def judge(self, state, fakes, c, key, frozen):
        features = self._extract(state, fakes, key, frozen)
        logits, _ = self._heads(state, state.params, features, frozen)
        return jnp.mean(generator_hinge(logits)), jax.lax.stop_gradient(features)

    def learn(self, state, reals, fakes, c, key, frozen, variant, seen=None):
        fake_key, real_key = jax.random.split(key)
        real_features = jax.lax.stop_gradient(self._extract(state, reals, real_key, frozen))
        if seen is None:
            seen = jax.lax.stop_gradient(self._extract(state, fakes, fake_key, frozen))

        def loss_fn(params):
            real_logits, buffers = self._heads(state, params, real_features, frozen)
            fake_logits, buffers = self._heads(state.replace(buffers=buffers), params, seen, frozen)
            scores = [-jnp.mean(generator_hinge(logits)) for logits in (real_logits, fake_logits)]
            return jnp.mean(discriminator_hinge(real_logits, fake_logits)), (buffers, scores)

        (loss, (buffers, scores)), grads = jax.value_and_grad(loss_fn, has_aux=True)(state.params)
        updates, opt = self._optimizer.update(grads, state.opt, state.params)
        state = state.replace(params=optax.apply_updates(state.params, updates), buffers=buffers, opt=opt)
        return state, {"loss_d": loss, "real_score": scores[0], "fake_score": scores[1]}

    def export(self, state):
        variables = {"params": state.params, "buffers": state.buffers, "frozen": state.mixing}
        return {"kind": "projected", **to_dict(self.config.network)}, variables

    def _extract(self, state, images, key, frozen):
        if self.config.augment:
            images = diffaugment.augment(images, key, self.config.augment)
        return self._network.apply({"frozen": state.mixing, "features": frozen}, images, method="extract")

    def _heads(self, state, params, features, frozen):
        variables = {"params": params, "buffers": state.buffers, "frozen": state.mixing, "features": frozen}
        logits, moved = self._network.apply(variables, features, train=True, method="heads", mutable="buffers")
        return logits, moved["buffers"]


def _go_on_from(model, fresh):
    """`model`'s variables; where heads begin or cease to compare pictures, `Spread` is fresh or left out."""
    given, wanted = traverse_util.flatten_dict(model), traverse_util.flatten_dict(fresh)
    added = {path: leaf for path, leaf in wanted.items() if "spread" in path and path not in given}
    kept = {path: leaf for path, leaf in given.items() if path in wanted or "spread" not in path}
    variables = traverse_util.unflatten_dict(kept | added)
    folders.check_like(variables, fresh, "the discriminator")
    return variables
