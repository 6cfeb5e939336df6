"""What can be timed: a function a target, from options to cases."""

from collections.abc import Callable, Iterator

from ganinv_jax.benchmarks.case import Case
from ganinv_jax.benchmarks.cases.gan import gan_step
from ganinv_jax.benchmarks.cases.inpainting import inpainting
from ganinv_jax.benchmarks.cases.inversion import inversion
from ganinv_jax.benchmarks.cases.loader import loader
from ganinv_jax.benchmarks.cases.networks import discriminator, synthesis
from ganinv_jax.benchmarks.cases.ops import ops
from ganinv_jax.benchmarks.cases.startup import startup
from ganinv_jax.benchmarks.cases.train import train
from ganinv_jax.benchmarks.options import Options

TARGETS: dict[str, Callable[[Options], Iterator[Case]]] = {
    "ops": ops,
    "synthesis": synthesis,
    "discriminator": discriminator,
    "gan-step": gan_step,
    "inpainting": inpainting,
    "inversion": inversion,
    "loader": loader,
    "startup": startup,
    "train": train,
}

WITH_PEERS = ("ops", "synthesis", "discriminator", "gan-step", "inversion")
"""The targets that PyTorch has a part in."""
