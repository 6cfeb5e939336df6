"""StyleGAN2's discriminator with the logistic loss, lazy R1 and adaptive augmentation."""

import dataclasses
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import optax

from ganinv_jax.core import folders
from ganinv_jax.core.configs import check, check_not_negative, to_dict
from ganinv_jax.data.augment import ada
from ganinv_jax.losses.adversarial import discriminator_logistic, generator_logistic, r1_penalty
from ganinv_jax.models.precision import Compute
from ganinv_jax.models.stylegan2 import Discriminator, DiscriminatorConfig
from ganinv_jax.training.optimizers import AdamConfig, in_range, lazy


@dataclasses.dataclass(frozen=True)
class StyleGAN2AdversaryConfig:
    """network: the discriminator. r1_gamma: weight of R1, applied every `r1_interval` steps (0: never).

    R1 takes steps of its own, lazily, as StyleGAN2 has it; with an interval of 1 it is a term of the loss.
    augment: an ADA preset such as 'bgc', or None; its strength is steered by `controller`, from p = augment_p on.
    Defaults are those of NVIDIA's `--cfg=auto` but for gamma, which depends on resolution and batch.
    """

    network: DiscriminatorConfig
    r1_gamma: float
    r1_interval: int = 16
    augment: str | None = "bgc"
    augment_p: float = 0.0
    controller: ada.AdaController = dataclasses.field(default_factory=ada.AdaController)
    optimizer: AdamConfig = dataclasses.field(default_factory=AdamConfig)

    def __post_init__(self):
        check_not_negative(self, "r1_gamma", "r1_interval")
        check(0 <= self.augment_p <= 1, f"augment_p is a probability, but got {self.augment_p}.")
        frozen, most = self.network.freeze_layers, len(_layers(self.network))
        check(frozen <= most, f"freeze_layers must be at most the {most} layers before 4x4, but it is {frozen}.")
        if self.augment is not None:
            ada.AdaSpec.preset(self.augment)  # Raises InputError for an unknown name.

    def check_batch(self, batch_size: int, name: str = "batch_size") -> None:
        """Raise InputError unless the groups of the minibatch standard deviation divide the batch, called `name`."""
        group = self.network.mbstd_group_size or batch_size
        divides = not self.network.mbstd_num_channels or batch_size % min(group, batch_size) == 0
        check(
            divides,
            f"{name} must be a multiple of the discriminator's mbstd_group_size {group}, but it is {batch_size}.",
        )


class State(flax.struct.PyTreeNode):
    params: Any
    opt: Any
    ada: ada.AdaState
    steps: jax.Array


class StyleGAN2Adversary:
    """See `Adversary`. Source: `training/loss.py` and `training_loop.py` of NVlabs/stylegan2-ada-pytorch."""

    def __init__(self, config: StyleGAN2AdversaryConfig, compute: Compute = "fp32"):
        self.config, self.compute, self.frozen = config, compute, {}
        self._network: Any = Discriminator(config.network, compute)
        self._lazy = config.r1_interval > 1
        self._optimizer = lazy(config.optimizer, config.r1_interval if config.r1_gamma and self._lazy else 0)

    def init(self, key, model=None):
        network = self.config.network
        images = jnp.zeros((1, network.resolution, network.resolution, network.img_channels))
        labels = jnp.zeros((1, network.c_dim)) if network.c_dim else None
        if model is None:
            model = jax.jit(self._network.init)(key, images, labels)
        else:
            shapes = jax.eval_shape(self._network.init, key, images, labels)
            folders.check_like(model, shapes, "the discriminator")
        params = model["params"]
        steering = self.config.controller.init(self.config.augment_p)
        return State(params, self._optimizer.init(params), steering, jnp.int32(0))

    def variant(self, step: int) -> bool:
        """Whether R1 runs."""
        return bool(self.config.r1_gamma and self.config.r1_interval and step % self.config.r1_interval == 0)

    def judge(self, state, fakes, c, key, frozen):
        logits = self._score(state.params, self._augment(fakes, state, key), c)
        return jnp.mean(generator_logistic(logits)), None

    def learn(self, state, reals, fakes, c, key, frozen, variant, seen=None):
        config = self.config
        fake_key, real_key = jax.random.split(key)
        fakes = jax.lax.stop_gradient(self._augment(fakes, state, fake_key))

        def loss_fn(params):
            real_logits = self._score(params, self._augment(reals, state, real_key), c)
            fake_logits = self._score(params, fakes, c)
            loss = jnp.mean(discriminator_logistic(real_logits, fake_logits))
            return loss, (real_logits, fake_logits)

        def r1_fn(params):
            penalty = r1_penalty(lambda x: self._score(params, self._augment(x, state, real_key), c), reals)
            return penalty * (config.r1_gamma / 2 * config.r1_interval), penalty

        (loss, (real_logits, fake_logits)), grads = jax.value_and_grad(loss_fn, has_aux=True)(state.params)
        metrics = {"loss_d": loss, "real_score": real_logits.mean(), "fake_score": fake_logits.mean()}
        if variant and not self._lazy:
            (_, metrics["r1"]), more = jax.value_and_grad(r1_fn, has_aux=True)(state.params)
            grads = jax.tree.map(jnp.add, grads, more)
        params, opt = self._update(state.params, state.opt, grads)
        if variant and self._lazy:
            (_, metrics["r1"]), grads = jax.value_and_grad(r1_fn, has_aux=True)(params)
            params, opt = self._update(params, opt, grads)
        steps = state.steps + 1
        steering = config.controller.update(config.controller.observe(state.ada, real_logits), steps, reals.shape[0])
        metrics |= {"real_sign": jnp.sign(real_logits).mean(), "augment_p": steering.p} if config.augment else {}
        return State(params, opt, steering if config.augment else state.ada, steps), metrics

    def export(self, state):
        return {"kind": "stylegan2", **to_dict(self.config.network)}, {"params": state.params}

    def _score(self, params, images, c):
        return self._network.apply({"params": params}, images, c)

    def _augment(self, images, state, key):
        return ada.augment(images, key, state.ada.p, self.config.augment) if self.config.augment else images

    def _update(self, params, opt, grads):
        grads = in_range(grads) if self.compute == "source" else grads
        updates, opt = self._optimizer.update(grads, opt, params)
        frozen = frozen_layers(self.config.network)

        def keep(path, update):
            return jnp.zeros_like(update) if tuple(key.key for key in path[:2]) in frozen else update

        return optax.apply_updates(params, jax.tree_util.tree_map_with_path(keep, updates)), opt


def frozen_layers(config: DiscriminatorConfig) -> set[tuple[str, str]]:
    """The first `freeze_layers` layers, counted from the picture inwards (Freeze-D, Mo et al. 2020)."""
    return set(_layers(config)[: config.freeze_layers])


def _layers(config: DiscriminatorConfig) -> list[tuple[str, str]]:
    """All layers but those of the last block, which reads 4x4."""
    names = []
    for resolution in reversed(config.block_resolutions[1:]):
        block = f"b{resolution}"
        first = resolution == config.resolution or config.architecture == "skip"
        layers = ["conv0", "conv1"] + ["skip"] * (config.architecture == "resnet")
        names += [(block, layer) for layer in ["fromrgb"] * first + layers]
    return names
