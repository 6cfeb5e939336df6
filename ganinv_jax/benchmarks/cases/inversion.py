"""Finding codes by StyleGAN2's projector: a step, amortised over a stretch of steps with their beginning and end."""

import functools
import time
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from ganinv_jax.benchmarks import networks
from ganinv_jax.benchmarks.case import Case, Contestant, Cost
from ganinv_jax.benchmarks.options import Options
from ganinv_jax.benchmarks.timing import Part
from ganinv_jax.inversion import TASKS, engine
from ganinv_jax.inversion.methods.projector import projector
from ganinv_jax.inversion.networks import Frozen, Networks, mean_code
from ganinv_jax.losses.perceptual import PerceptualDistance
from ganinv_jax.models.features import load_features

BATCHES = (1, 8)
STEPS = engine.STEPS_A_CALL
LARGEST_LOOK = 256  # as the projector and `Model.invert` look at pictures
SMALLEST_LOOK = 32  # below, the network's last features are a single pixel and less
MEAN_SAMPLES = 1000


def inversion(options: Options) -> Iterator[Case]:
    """One case a batch."""
    for batch in (options.batch,) if options.batch else BATCHES:
        contestants = {f"jax {name}": _jax(options, name, batch) for name in options.implementations}
        if options.against:
            contestants |= _torch(options, batch)
        settings = options.settings(batch, method="projector", features="efficientnet_lite0")
        yield Case("inversion", settings, batch, "img step", contestants, options.dtype)


def _jax(options: Options, implementation: str, batch: int) -> Contestant:
    modules, frozen = _networks(options, implementation)
    method = projector().scaled(STEPS)
    degradation = TASKS["inversion"](options.generator.resolution, 0)
    photos = _photos(options, batch)
    call = functools.partial(engine.run, modules, frozen, method, degradation, photos, range(batch))
    # Several programs run one after the other, so what the first call takes longer stands for compiling all of them.
    first, second = _timed(call), _timed(call)
    cost = Cost(0.0, max(0.0, first - second), None, None)
    return Contestant({"": Part(call, 1 / STEPS)}, cost, lambda: _answer(options, modules, frozen, batch))


def _answer(options: Options, modules: Networks, frozen: Frozen, batch: int) -> dict[str, Any]:
    """A picture's distance from its photo: so that generators and feature networks are the same."""
    z = networks.latents(options.generator, batch)

    @jax.jit
    def distances(frozen, photos):
        images = modules.generator.apply(frozen.generator, z)
        return modules.distance(frozen.features, images, photos)  # type: ignore[misc]

    return {"distances": distances(frozen, _photos(options, batch))}


def _torch(options: Options, batch: int) -> dict[str, Contestant]:
    from ganinv_jax.benchmarks.torch_peers import peers
    from ganinv_jax.benchmarks.torch_peers.features import PerceptualDistance as TorchDistance
    from ganinv_jax.benchmarks.torch_peers.projector import project

    frozen = _networks(options, "auto")[1]
    distance = TorchDistance(load_features(), _size(options)).to(peers.device())
    photos, z = peers.tensor(_photos(options, batch)), peers.tensor(networks.latents(options.generator, batch))
    w_mean, w_std = peers.tensor(frozen.w_mean), float(frozen.w_std)

    def contestant(peer: peers.Peer) -> Contestant:
        call = peers.waiting(project, peer.generator, distance, photos, w_mean, w_std, STEPS)
        answer = peers.without_gradient(lambda: distance(peer.generator(z), photos))
        return Contestant({"": Part(call, 1 / STEPS)}, answer=lambda: {"distances": peers.array(answer())})

    # NVIDIA's own projector takes one photo, and through a network that has to be downloaded.
    return {peer.name: contestant(peer) for peer in peers.peers(options) if peer.formulation is not None}


def _networks(options: Options, implementation: str) -> tuple[Networks, Frozen]:
    features = load_features()
    distance = _distance(_size(options))
    modules = Networks(networks.generator(options, implementation), None, distance)
    frozen = Frozen(networks.generator_variables(options.generator), None, features.variables)
    z = networks.latents(options.generator, MEAN_SAMPLES)
    w_mean, w_std = jax.jit(mean_code, static_argnums=0)(Networks(modules.generator), frozen, z)
    return modules, frozen._replace(w_mean=w_mean, w_std=w_std)


@functools.cache
def _distance(size: int) -> PerceptualDistance:
    return PerceptualDistance(load_features(), (), size)


def _size(options: Options) -> int:
    return max(SMALLEST_LOOK, min(options.generator.resolution, LARGEST_LOOK))


def _photos(options: Options, batch: int) -> np.ndarray:
    return networks.pictures(options.generator.resolution, batch).astype(np.float32) / 127.5 - 1


def _timed(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
