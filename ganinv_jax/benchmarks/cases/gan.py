"""The whole lazily regularised training iteration of a GAN: generator, path lengths every 4 steps, discriminator, R1
every 16 steps, both optimisers and the averaged weights.

Each kind of step is timed by itself, and counts as often as it comes in 16 steps.
"""

import collections
import functools
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from ganinv_jax.benchmarks import networks
from ganinv_jax.benchmarks.case import Case, Contestant, Cost
from ganinv_jax.benchmarks.options import Options
from ganinv_jax.benchmarks.timing import Part
from ganinv_jax.benchmarks.xla import compile_for
from ganinv_jax.core import devices
from ganinv_jax.core.configs import check
from ganinv_jax.losses.adversarial import r1_penalty
from ganinv_jax.training import loop
from ganinv_jax.training.adversaries.stylegan2 import StyleGAN2AdversaryConfig
from ganinv_jax.training.options import DataConfig
from ganinv_jax.training.tasks.encode import EncodeConfig
from ganinv_jax.training.tasks.gan import GanConfig, GanTask
from ganinv_jax.training.tasks.inpaint import InpaintConfig

BATCH = 8


def gan_step(options: Options) -> Iterator[Case]:
    """StyleGAN2 against its own discriminator, as NVIDIA's `--cfg=auto` trains it, without augmentation."""
    alike = options.dtype == "fp32" or not options.against
    check(alike, f"gan-step must run in fp32 for a comparison with PyTorch, but got {options.dtype}.")
    batch = options.batch or BATCH
    recipe = _recipe(options, batch)
    images = networks.pictures(options.generator.resolution, batch, options.generator.img_channels)
    contestants = {f"jax {name}": _jax(recipe, options, name, images) for name in options.implementations}
    if options.against:
        contestants |= _torch(recipe, options, images)
    yield Case("gan-step", options.settings(batch), batch, "img", contestants)


def shares(task: Any) -> dict[str, float]:
    """How often each kind of step comes, by its name."""
    kinds = collections.Counter(_name(task.variant(step)) for step in range(_period(task.config)))
    return {name: count / _period(task.config) for name, count in kinds.items()}


def jax_contestant(
    task: Any, rows: Mapping[str, np.ndarray], mesh: Mesh, answer: Callable[[], Any] | None = None
) -> Contestant:
    """The steps of a GAN, an inpainter or an encoder on the batch `rows`, as the training loop compiles them; each goes
    on from the state that the one before left."""
    init_key, step_key = loop.keys(task)
    state = devices.replicate(task.init(init_key), mesh)
    batch = devices.shard_batch(rows, mesh)
    step_key, frozen = devices.replicate((step_key, task.frozen), mesh)
    advance, held = loop.compile_step(task, mesh), {"state": state}
    variants = {_name(task.variant(step)): task.variant(step) for step in range(_period(task.config))}
    programs, costs = {}, {}
    for name, variant in variants.items():
        arguments = (state, batch, frozen, step_key, np.uint32(0), variant)
        programs[name], costs[name] = compile_for(advance, *arguments)

    def step(name: str) -> None:
        held["state"], metrics = programs[name](held["state"], batch, frozen, step_key, np.uint32(0))
        jax.block_until_ready((held["state"], metrics))

    parts = {name: Part(functools.partial(step, name), share) for name, share in shares(task).items()}
    return Contestant(parts, Cost.total(costs, shares(task)), answer)


def _jax(recipe: GanConfig, options: Options, implementation: str, images: np.ndarray) -> Contestant:
    task = GanTask(recipe)
    task.generator = networks.generator(options, implementation)
    one = devices.data_mesh(jax.devices()[:1])  # as PyTorch's side
    return jax_contestant(task, {"image": images}, one, functools.partial(_answer, options, implementation, images))


def _answer(options: Options, implementation: str, images: np.ndarray) -> dict[str, Any]:
    """Pictures, logits and R1 with the common weights, so that one network is trained everywhere."""
    generator, discriminator = options.generator, options.discriminator
    weights = networks.discriminator_variables(discriminator)
    reals = np.float32(images) / 127.5 - 1
    drawn = jax.jit(networks.generator(options, implementation).apply)
    score = functools.partial(networks.discriminator(options).apply, weights)
    return {
        "images": drawn(networks.generator_variables(generator), networks.latents(generator, len(images))),
        "logits": jax.jit(score)(reals),
        "R1": jax.jit(functools.partial(r1_penalty, score))(reals),
    }


def _torch(recipe: GanConfig, options: Options, images: np.ndarray) -> dict[str, Contestant]:
    from ganinv_jax.benchmarks.torch_peers import losses, nvidia, peers, training

    adversary = recipe.stylegan2
    assert adversary is not None  # as `_recipe` made it
    settings = training.Settings(
        recipe.optimizer.learning_rate, adversary.r1_gamma, recipe.pl_weight, recipe.style_mixing, recipe.ema_kimg
    )
    z, reals = peers.tensor(networks.latents(recipe.generator, len(images))), peers.tensor(images)

    def answer(peer: peers.Peer) -> dict[str, Any]:
        scaled = reals.float() / 127.5 - 1
        mode = peer.formulation is not None and peer.formulation.forward_over_reverse
        penalty = losses.r1_penalty(lambda x: peer.discriminator(x, None), scaled, mode) / (2 if mode else 1)
        return {
            "images": peers.array(peer.generator(z, None, noise_mode="const")),
            "logits": peers.array(peer.discriminator(scaled, None))[:, 0],
            "R1": peers.array(penalty),
        }

    def contestant(peer: peers.Peer) -> Contestant:
        given = answer(peer)  # before training changes the weights
        if peer.formulation is None:
            loss: Any = nvidia.NvidiaLoss(options, peer.generator, peer.discriminator, settings, peers.device())
        else:
            mode = peer.formulation.forward_over_reverse
            loss = training.StyleGAN2Loss(peer.generator, peer.discriminator, settings, mode)
            loss.synthesize, loss.score = (peers.compiled(f, options) for f in (loss.synthesize, loss.score))
        iteration = training.Iteration(
            peer.generator, peer.discriminator, loss, settings, len(images), recipe.generator.z_dim
        )
        parts = {
            name: Part(peers.waiting(iteration.step, reals, "path length" in name, "R1" in name), share)
            for name, share in shares(GanTask(recipe)).items()
        }
        return Contestant(parts, answer=lambda: given)

    return {peer.name: contestant(peer) for peer in peers.peers(options)}


def _recipe(options: Options, batch: int) -> GanConfig:
    side = options.generator.resolution
    # gamma, half-life and ramp as `--cfg=auto` in stylegan2-ada-pytorch's train.py
    gamma = 0.0002 * side**2 / batch
    adversary = StyleGAN2AdversaryConfig(options.discriminator, gamma, augment=None)
    return GanConfig(
        DataConfig("none"),
        options.generator,
        batch,
        stylegan2=adversary,
        pl_weight=2.0,
        style_mixing=0.9,
        ema_kimg=batch * 10 / 32,
        compute=options.compute,  # type: ignore[arg-type]
    )


def _period(config: GanConfig | InpaintConfig | EncodeConfig) -> int:
    """Steps after which the kinds of steps repeat."""
    intervals = [config.pl_interval] if isinstance(config, GanConfig) and config.pl_weight else []
    if config.stylegan2 is not None and config.stylegan2.r1_gamma:
        intervals.append(config.stylegan2.r1_interval)
    return math.lcm(*(max(1, interval) for interval in intervals))


def _name(variant: Any) -> str:
    """('step', 'step, path length', 'step, path length, R1')[...] of a task's variant; an inpainter's is R1 alone."""
    lengths, r1 = variant if isinstance(variant, tuple) else (False, variant)
    return ", ".join(["step"] + ["path length"] * bool(lengths) + ["R1"] * bool(r1))
