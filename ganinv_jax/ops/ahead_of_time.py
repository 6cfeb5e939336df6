"""What XLA's TPU compiler makes of the kernels and of their `lax` forms, on a machine without a TPU.

    JAX_PLATFORMS=cpu python -m ganinv_jax.ops.ahead_of_time > ahead_of_time.jsonl

needs the extra `tpu-aot`. It finds what does not fit a TPU's memory and what its compiler refuses. It does not find
what is fast: `optimal_seconds` is the compiler's sum of a roofline, in which a kernel counts by its own estimate.
"""

import dataclasses
import functools
import importlib.metadata
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import NamedSharding, PartitionSpec

from ganinv_jax.core.devices import data_mesh
from ganinv_jax.core.topologies import tpu_devices
from ganinv_jax.ops.modulated_conv import modulated_conv

TOPOLOGIES = ("v5e:2x2", "v6e:2x2")
BATCH = 4


@dataclasses.dataclass(frozen=True)
class Layer:
    """A layer of a generator; size 3 is a convolution with all that follows it, size 1 an output layer."""

    model: str
    side: int
    inputs: int
    outputs: int
    size: int = 3


# The first and the last resolutions that matter for time, of the bundled model and of StyleGAN2's config F.
LAYERS = (
    Layer("64 px", 16, 128, 128),
    Layer("64 px", 64, 48, 48),
    Layer("64 px", 64, 48, 3, size=1),
    Layer("256 px", 64, 512, 512),
    Layer("256 px", 256, 128, 128),
    Layer("1024 px", 512, 64, 64),
    Layer("1024 px", 1024, 32, 32),
    Layer("1024 px", 1024, 32, 3, size=1),
)


def call(layer: Layer, dtype: Any, implementation: str, batch: int = BATCH) -> tuple[Callable, tuple]:
    """The layer as a function of arrays, and their shapes and types."""
    styled, wide = layer.size == 3, jnp.float32
    run = functools.partial(
        modulated_conv,
        demodulate=styled,
        activation="lrelu" if styled else "linear",
        clamp=256.0,
        implementation=implementation,
    )
    pictures = (batch, layer.side, layer.side)
    return run, (
        jax.ShapeDtypeStruct((*pictures, layer.inputs), dtype),
        jax.ShapeDtypeStruct((layer.size, layer.size, layer.inputs, layer.outputs), wide),
        jax.ShapeDtypeStruct((batch, layer.inputs), wide),
        jax.ShapeDtypeStruct((1, layer.side, layer.side, 1), wide) if styled else None,
        jax.ShapeDtypeStruct((layer.outputs,), wide),
    )


def compile_for_tpu(topology: str, function: Callable, shapes: Any) -> Any:
    """The program as compiled for one device of a topology such as 'v5e:2x2'; raises what the compiler refuses."""
    mesh = data_mesh(tpu_devices(topology)[:1])
    sharding = NamedSharding(mesh, PartitionSpec())
    placed = jax.tree.map(lambda s: jax.ShapeDtypeStruct(s.shape, s.dtype, sharding=sharding), shapes)
    with jax.sharding.use_abstract_mesh(mesh.abstract_mesh):
        return jax.jit(function).trace(*placed).lower(lowering_platforms=("tpu",)).compile()


def figures(topology: str) -> Iterator[dict[str, Any]]:
    """One row a layer, type and implementation."""
    versions = {name: importlib.metadata.version(name) for name in ("jax", "libtpu")}
    for layer in LAYERS:
        for dtype in (jnp.float32, jnp.bfloat16):
            for implementation in ("lax", "pallas"):
                began = time.perf_counter()
                program = compile_for_tpu(topology, *call(layer, dtype, implementation))
                memory = program.memory_analysis()
                yield dataclasses.asdict(layer) | {
                    "topology": topology,
                    "dtype": jnp.dtype(dtype).name,
                    "implementation": implementation,
                    "optimal_seconds": program.cost_analysis()["optimal_seconds"],
                    "peak_bytes": memory.peak_memory_in_bytes,
                    "temporary_bytes": memory.temp_size_in_bytes,
                    "compile_seconds": round(time.perf_counter() - began, 1),
                    "batch": BATCH,
                } | versions  # fmt: skip


if __name__ == "__main__":
    for name in TOPOLOGIES:
        for row in figures(name):
            print(json.dumps(row), flush=True)
