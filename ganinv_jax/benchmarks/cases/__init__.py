"""What can be timed: a function a target, from options to cases."""

from collections.abc import Callable, Iterator

from ganinv_jax.benchmarks.case import Case
from ganinv_jax.benchmarks.cases import gan, networks
from ganinv_jax.benchmarks.options import Options

TARGETS: dict[str, Callable[[Options], Iterator[Case]]] = {
    "synthesis": networks.synthesis,
    "discriminator": networks.discriminator,
    "gan-step": gan.gan_step,
}
