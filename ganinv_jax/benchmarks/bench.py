"""Running targets, and the report of it: a plain dictionary, as it is written to JSON."""

import importlib.metadata
import os
import platform
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import jax

from ganinv_jax import __version__
from ganinv_jax.benchmarks import timing
from ganinv_jax.benchmarks.case import Case, Contestant, disagreement
from ganinv_jax.benchmarks.cases import TARGETS, WITH_PEERS
from ganinv_jax.benchmarks.options import Options
from ganinv_jax.benchmarks.peaks import peak
from ganinv_jax.core.configs import check, to_dict, unknown_key

PACKAGES = ("jax", "jaxlib", "flax", "numpy", "torch", "libtpu", "jax-cuda13-plugin")


def run(
    targets: Iterable[str], options: Options, tell: Callable[[dict[str, Any]], None] = lambda case: None
) -> dict[str, Any]:
    """Time targets one after the other; `tell` is given each case's part of the report when it is done.

    Raises InputError for an unknown target, for options that a target cannot do, and without PyTorch where it is to
    be compared with; GaninvError where contestants disagree.
    """
    targets = list(targets)
    for target in targets:
        if target not in TARGETS:
            raise unknown_key(target, TARGETS, "The list of targets")
    if options.against:
        alone = [target for target in targets if target not in WITH_PEERS]
        can = ", ".join(WITH_PEERS)
        check(not alone, f"--against torch goes with {can}; run {', '.join(alone)} without it.")
        from ganinv_jax.benchmarks import torch_peers

        torch_peers.require()
    machine = describe_machine(options.dtype)
    cases = []
    for target in targets:
        for case in TARGETS[target](options):
            cases.append(measure(case, options.repeats, machine["peak_flops_per_second"]))
            tell(cases[-1])
    return {
        "version": __version__,
        "command": "benchmark",
        "targets": targets,
        "options": to_dict(options) | {"nvidia": options.nvidia and str(options.nvidia)},
        "machine": machine,
        "cases": cases,
    }


def measure(case: Case, repeats: int, best: float | None) -> dict[str, Any]:
    """One case's part of the report. best: the device's peak."""
    differs = disagreement(case)
    samples = timing.interleave({name: one.parts for name, one in case.contestants.items()}, repeats)
    first = next(iter(samples.values()))
    rows = []
    for name, contestant in case.contestants.items():
        row = {"name": name} | _times(samples[name], case.count) | _cost(contestant, samples[name], best)
        row["times_first"] = timing.ratio(samples[name].whole, first.whole)._asdict()
        rows.append(row)
    return {
        "name": case.name,
        "settings": dict(case.settings),
        "count": case.count,
        "unit": case.unit,
        "difference": differs,
        "contestants": rows,
    }


def describe_machine(dtype: str) -> dict[str, Any]:
    """Hardware, how much of it is ours, and versions."""
    device = jax.local_devices()[0]
    best, source = peak(dtype)
    return {
        "backend": jax.default_backend(),
        "device": device.device_kind if device.platform != "cpu" else _processor(),
        "devices": jax.device_count(),
        "cores": os.cpu_count(),
        "usable_cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load": [round(load, 2) for load in os.getloadavg()],
        # Where it is set, what was compiled before is read from there, and takes no time to compile.
        "compilation_cache": jax.config.jax_compilation_cache_dir,  # type: ignore[attr-defined]
        "peak_flops_per_second": best,
        "peak_source": source,
        "system": platform.platform(),
        "versions": {"python": platform.python_version()} | _versions(),
    }


def _times(samples: timing.Samples, count: float) -> dict[str, Any]:
    whole = timing.spread(samples.whole)
    parts = {name: timing.spread(seconds)._asdict() for name, seconds in samples.parts.items() if name}
    shown = {"seconds": whole._asdict(), "samples": samples.whole, "per_second": count / whole.median}
    return shown | ({"parts": parts, "shares": samples.shares} if parts else {})


def _cost(contestant: Contestant, samples: timing.Samples, best: float | None) -> dict[str, Any]:
    cost = contestant.cost
    if cost is None:
        return {}
    rate = cost.flops / timing.spread(samples.whole).median if cost.flops else None
    return {
        "trace_seconds": cost.trace_seconds,
        "compile_seconds": cost.compile_seconds,
        "memory_bytes": cost.memory,
        "flops": cost.flops,
        "flops_per_second": rate,
        "share_of_peak": rate / best if rate and best else None,
    }


def _processor() -> str:
    """The processor's name, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
