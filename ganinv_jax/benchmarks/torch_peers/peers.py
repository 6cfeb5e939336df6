"""PyTorch's side of a benchmark: networks with our weights, on the device, and how their work is timed."""

import os
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
import torch

from conversion.nvidia_torch import export_discriminator, export_generator
from ganinv_jax.benchmarks import networks
from ganinv_jax.benchmarks.options import Options
from ganinv_jax.benchmarks.torch_peers import nvidia
from ganinv_jax.benchmarks.torch_peers.formulation import Formulation
from ganinv_jax.benchmarks.torch_peers.networks import Discriminator, Generator
from ganinv_jax.benchmarks.torch_peers.plain import PLAIN
from ganinv_jax.benchmarks.torch_peers.same import SAME

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
FORMULATIONS = (PLAIN, SAME)


class Peer(NamedTuple):
    """Networks as NVIDIA's are called: generator(z, c, noise_mode=...), discriminator(images, c).

    formulation: None for NVIDIA's own code.
    """

    name: str
    generator: Any
    discriminator: Any
    formulation: Formulation | None


def peers(options: Options) -> list[Peer]:
    """The two written here, and NVIDIA's where a checkout is named; all with the weights of `benchmarks.networks`."""
    prepare()
    made = [
        Peer(
            f"torch {formulation.name}",
            Generator(options.generator, formulation, DTYPES[options.dtype]),
            Discriminator(options.discriminator, formulation, DTYPES[options.dtype]),
            formulation,
        )
        for formulation in FORMULATIONS
    ]
    if options.nvidia:
        made.append(Peer("nvidia", *nvidia.networks(options), None))
    generator = export_generator(options.generator, networks.generator_variables(options.generator))
    discriminator = export_discriminator(options.discriminator, networks.discriminator_variables(options.discriminator))
    return [
        peer._replace(
            generator=_loaded(peer.generator, generator, options),
            discriminator=_loaded(peer.discriminator, discriminator, options),
        )
        for peer in made
    ]


def prepare() -> None:
    """As many threads as JAX has, true fp32 as JAX's side computes in, and algorithms chosen by trial."""
    torch.set_num_threads(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True


def device() -> torch.device:
    """Where JAX computes."""
    return torch.device("cuda" if jax.default_backend() == "gpu" else "cpu")


def tensor(array: Any) -> torch.Tensor:
    """An array on the device; pictures [b, h, w, c] become [b, c, h, w]."""
    array = np.asarray(array)
    array = array.transpose(0, 3, 1, 2) if array.ndim == 4 else array
    return torch.from_numpy(np.array(array)).to(device())


def array(given: torch.Tensor) -> np.ndarray:
    """The way back."""
    found = given.detach().float().cpu().numpy()
    return found.transpose(0, 2, 3, 1) if found.ndim == 4 else found


def compiled(module: Any, options: Options) -> Any:
    """The module through torch.compile where the options ask for it."""
    return torch.compile(module) if options.torch_compile else module


def waiting(function: Callable[..., Any], *arguments: Any, **named: Any) -> Callable[[], Any]:
    """A call that returns when the result is there."""
    if device().type == "cpu":
        return lambda: function(*arguments, **named)

    def call() -> Any:
        result = function(*arguments, **named)
        torch.cuda.synchronize()
        return result

    return call


def without_gradient(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function in inference mode."""
    return torch.inference_mode()(function)


def _loaded(module: Any, tensors: Mapping[str, np.ndarray], options: Options) -> Any:
    """With the weights, on the device, in evaluation mode."""
    wanted = module.state_dict().keys()  # ours keeps no filters, which NVIDIA's code stores beside each layer
    module.load_state_dict({name: torch.from_numpy(np.array(x)) for name, x in tensors.items() if name in wanted})
    module = module.eval().requires_grad_(False).to(device())
    return module.to(memory_format=torch.channels_last) if options.channels_last else module
