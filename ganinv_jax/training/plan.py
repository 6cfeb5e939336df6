"""The plan that `ganinv train --dry-run` prints: what would be trained, at what cost, and what would be written."""

import dataclasses
import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
from clu import parameter_overview
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from ganinv_jax.core import devices
from ganinv_jax.core.errors import InputError
from ganinv_jax.training import loop, record
from ganinv_jax.training.config import LoopSettings
from ganinv_jax.training.task import Task


def show(task: Task, workdir: str | os.PathLike, settings: LoopSettings, mesh: Mesh | None = None) -> None:
    """Print the plan; writes nothing. Takes the first batch, so that data that cannot be read is found here.

    mesh: what to plan for, which may be TPUs that are not here (see `core.topologies`); by default as `loop.run` does.
    Raises InputError as `loop.run` would before its first step, and where the step does not fit the devices' memory.
    """
    workdir, here = Path(workdir), mesh is None
    mesh = mesh or devices.data_mesh()
    devices.check_batch(task.batch_size, mesh)
    record.check_same(workdir, task)
    state = jax.eval_shape(task.init, loop.keys(task)[0])
    steps = settings.steps(task.batch_size)
    print(f"Task {task.name} on {mesh.size} x {mesh.devices.flat[0].device_kind}, batch {task.batch_size} ", end="")
    print(f"({task.batch_size // mesh.size} a device): {steps} steps, {steps * task.batch_size} images.\n")
    _show_state(state)
    _show_outputs(workdir, settings)
    cached = "the run itself takes it from the cache" if here else "ahead of time, which may take minutes"
    print(f"\nCompiling the largest step for its memory ({cached}) …", flush=True)
    _show_cost(_compile(task, state, settings, mesh))


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
        **({"model_best/": f"whenever the best checkpoint, by {settings.best}, is written"} if settings.best else {}),
    }.items():
        print(f"  {name:<28} {text}")


def _compile(task: Task, state: Any, settings: LoopSettings, mesh: Mesh) -> Any:
    """The first step's program, whose inputs exist as shapes alone."""

    def whole(leaf: Any) -> jax.ShapeDtypeStruct:
        leaf = leaf if hasattr(leaf, "dtype") else np.asarray(leaf)
        return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=NamedSharding(mesh, PartitionSpec()))

    def part(leaf: Any) -> jax.ShapeDtypeStruct:
        rows, times = (leaf.rows, 1) if isinstance(leaf, devices.Whole) else (leaf, jax.process_count())
        count = times * len(rows)
        return jax.ShapeDtypeStruct((count, *rows.shape[1:]), rows.dtype, sharding=devices.batch_sharding(count, mesh))

    batch = jax.tree.map(part, next(task.batches(0)), is_leaf=lambda leaf: isinstance(leaf, devices.Whole))
    state, frozen, key = jax.tree.map(whole, (state, task.frozen, loop.keys(task)[1]))
    # The step number without a sharding, as the loop hands it over: else it would be another program.
    lowered = loop.compile_step(task, mesh).lower(state, batch, frozen, key, np.uint32(0), task.variant(0))
    loop.check_best(settings, lowered.out_info[1])
    try:
        return lowered.compile()
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        told = re.search(r"Used (\S+) of (\S+) hbm", str(error))
        sizes = f": {told[1]} are needed, {told[2]} are there" if told else ""
        raise InputError(
            f"The largest step must fit the memory of each {mesh.devices.flat[0].device_kind}, but it does not{sizes}; "
            "give a smaller --config.batch_size, or more devices."
        ) from error


def _show_cost(step: Any) -> None:
    memory = step.memory_analysis()
    if memory is None:
        print("This backend tells no memory use.")
        return
    used = memory.argument_size_in_bytes + memory.output_size_in_bytes - memory.alias_size_in_bytes
    print(f"Memory a device: {(used + memory.temp_size_in_bytes) / 2**20:,.0f} MiB ", end="")
    print(f"({used / 2**20:,.0f} of them state, batch and frozen networks).")
    # A TPU's compiler tells it; it is a sum of what each operation would take at the chip's limits.
    seconds = (step.cost_analysis() or {}).get("optimal_seconds", 0)
    if seconds > 0:
        print(f"The compiler's estimate for that step, with all that is regularised: {seconds:.3g} s at best.")


def _parts(state: Any) -> dict[str, Any]:
    """The top-level fields of a state."""
    if dataclasses.is_dataclass(state):
        return {field.name: getattr(state, field.name) for field in dataclasses.fields(state)}
    return dict(state) if isinstance(state, Mapping) else {}
