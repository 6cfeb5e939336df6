"""Drawing pictures, and scoring them."""

from collections.abc import Callable, Iterator
from typing import Any

from ganinv_jax.benchmarks import networks
from ganinv_jax.benchmarks.case import Case, Contestant
from ganinv_jax.benchmarks.options import Options
from ganinv_jax.benchmarks.xla import compile_for, waiting

BATCH = 8


def synthesis(options: Options) -> Iterator[Case]:
    """From z to pictures, mapping included, with constant noise."""
    config, batch = options.generator, options.batch or BATCH
    z, variables = networks.latents(config, batch), networks.generator_variables(config)
    contestants = {
        f"jax {name}": _jax(networks.generator(options, name).apply, (variables, z), "images")
        for name in options.implementations
    }
    if options.against:
        from ganinv_jax.benchmarks.torch_peers import peers

        for peer in peers.peers(options):
            draw = peers.without_gradient(peers.compiled(peer.generator, options))
            call = peers.waiting(draw, peers.tensor(z), None, noise_mode="const")
            contestants[peer.name] = Contestant.of(call, answer=_read(call, "images"))
    yield Case("synthesis", options.settings(batch), batch, "img", contestants, options.dtype)


def discriminator(options: Options) -> Iterator[Case]:
    """From pictures to logits."""
    config, batch = options.discriminator, options.batch or BATCH
    images = networks.pictures(config.resolution, batch, config.img_channels).astype("float32") / 127.5 - 1
    variables = networks.discriminator_variables(config)
    contestants = {"jax": _jax(networks.discriminator(options).apply, (variables, images), "logits")}
    if options.against:
        from ganinv_jax.benchmarks.torch_peers import peers

        for peer in peers.peers(options):
            score = peers.without_gradient(peers.compiled(peer.discriminator, options))
            call = peers.waiting(score, peers.tensor(images), None)
            contestants[peer.name] = Contestant.of(call, answer=_read(call, "logits"))
    yield Case("discriminator", options.settings(batch), batch, "img", contestants, options.dtype)


def _jax(function: Callable[..., Any], arguments: tuple, name: str) -> Contestant:
    program, cost = compile_for(function, *arguments)
    call = waiting(program, *arguments)
    return Contestant.of(call, cost, lambda: {name: call()})


def _read(call: Callable[[], Any], name: str) -> Callable[[], dict[str, Any]]:
    """A PyTorch network's answer in our layout."""
    from ganinv_jax.benchmarks.torch_peers import peers

    def answer() -> dict[str, Any]:
        found = peers.array(call())
        return {name: found[:, 0] if found.ndim == 2 else found}

    return answer
