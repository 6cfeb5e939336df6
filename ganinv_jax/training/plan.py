"""The plan that `ganinv train --dry-run` prints: what would be trained, at what cost, and what would be written."""

import dataclasses
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
from clu import parameter_overview
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from ganinv_jax.core import devices
from ganinv_jax.training import loop, record
from ganinv_jax.training.config import LoopSettings
from ganinv_jax.training.task import Task


def show(task: Task, workdir: str | os.PathLike, settings: LoopSettings) -> None:
    """Print the plan; writes nothing. Takes the first batch, so that data that cannot be read is found here.

    Raises InputError as `loop.run` would before its first step.
    """
    workdir = Path(workdir)
    mesh = devices.data_mesh()
    devices.check_batch(task.batch_size, mesh)
    record.check_same(workdir, task)
    state = jax.eval_shape(task.init, loop.keys(task)[0])
    steps = settings.steps(task.batch_size)
    print(f"Task {task.name} on {mesh.size} x {mesh.devices.flat[0].device_kind}, batch {task.batch_size} ", end="")
    print(f"({task.batch_size // mesh.size} a device): {steps} steps, {steps * task.batch_size} images.\n")
    _show_state(state)
    _show_outputs(workdir, settings)
    print("\nCompiling the largest step for its memory (the run itself takes it from the cache) …", flush=True)
    print(_memory(task, state, mesh))


def _show_state(state: Any) -> None:
    for name, part in _parts(state).items():
        if "params" in name and isinstance(part, Mapping):
            print(parameter_overview.get_parameter_overview(dict(part), include_stats=False), "\n")
    print("State (saved in each checkpoint, whole on each device):")
    for name, part in {**_parts(state), "all": state}.items():
        leaves = jax.tree.leaves(part)
        size = sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in leaves) / 2**20
        print(f"  {name:<20} {sum(math.prod(leaf.shape) for leaf in leaves):>14,} numbers {size:>10.1f} MiB")


def _show_outputs(workdir: Path, settings: LoopSettings) -> None:
    print(f"\nWritten to {workdir}:")
    for name, text in {
        "config.json": "what is trained",
        "metrics.jsonl, metrics.csv": f"every {settings.log_kimg:g} kimg",
        "samples/": f"every {settings.snapshot_kimg:g} kimg",
        "checkpoints/": f"every {settings.checkpoint_kimg:g} kimg, the last {settings.keep} kept",
        "model/": f"every {settings.export_kimg:g} kimg and at the end",
    }.items():
        print(f"  {name:<28} {text}")


def _memory(task: Task, state: Any, mesh: Mesh) -> str:
    everywhere = NamedSharding(mesh, PartitionSpec())

    def one(leaf: Any) -> jax.ShapeDtypeStruct:
        leaf = leaf if hasattr(leaf, "dtype") else np.asarray(leaf)
        return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=everywhere)

    batch = devices.shard_batch(next(task.batches(0)), mesh)
    state, frozen, key = jax.tree.map(one, (state, task.frozen, loop.keys(task)[1]))
    # The step number without a sharding, as the loop hands it over: else it would be another program.
    step = loop.compile_step(task, mesh).lower(state, batch, frozen, key, np.uint32(0), task.variant(0)).compile()
    analysis = step.memory_analysis()
    if analysis is None:
        return "This backend tells no memory use."
    used = analysis.argument_size_in_bytes + analysis.output_size_in_bytes - analysis.alias_size_in_bytes
    return (
        f"Memory a device: {(used + analysis.temp_size_in_bytes) / 2**20:,.0f} MiB "
        f"({used / 2**20:,.0f} of them state, batch and frozen networks)."
    )


def _parts(state: Any) -> dict[str, Any]:
    """The top-level fields of a state."""
    if dataclasses.is_dataclass(state):
        return {field.name: getattr(state, field.name) for field in dataclasses.fields(state)}
    return dict(state) if isinstance(state, Mapping) else {}
