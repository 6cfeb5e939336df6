"""The report of a benchmark as text."""

from collections.abc import Iterable, Mapping
from typing import Any

HEAD = ("", "median", "quartiles", "a second", "compile", "memory", "GFLOP", "of peak", "times the first")


def case(result: Mapping[str, Any]) -> str:
    """One case: a line that names it, and a table of its contestants."""
    settings = ", ".join(
        f"{value}" if key == "preset" else f"{key} {value}" for key, value in result["settings"].items()
    )
    title = f"{result['name']}: {settings}"
    if result["difference"] is not None:
        title += f" (answers agree to {result['difference']:.1e})"
    rows: list[tuple[str, ...]] = [HEAD]
    for one in result["contestants"]:
        rows.append(_row(one, result["unit"]))
        rows += [_part(name, spread, one["shares"][name]) for name, spread in one.get("parts", {}).items()]
    return "\n".join([title, *_aligned(rows)])


def machine(found: Mapping[str, Any]) -> str:
    """What it was measured on."""
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    peak = found["peak_flops_per_second"]
    told = "" if peak is None else f"{peak / 1e9:,.0f} GFLOP/s "
    return (
        f"{found['devices']} x {found['device']} ({found['backend']}), {found['usable_cores']} of {found['cores']} "
        f"cores, load {found['load'][0]}; peak {told}({found['peak_source']})\n{versions}"
    )


def seconds(value: float) -> str:
    """In the unit that suits."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if value >= scale or unit == "us":
            return f"{value / scale:.3g} {unit}"
    raise AssertionError


def _row(one: Mapping[str, Any], unit: str) -> tuple[str, ...]:
    spread, ratio = one["seconds"], one["times_first"]
    memory, flops, share = (one.get(key) for key in ("memory_bytes", "flops", "share_of_peak"))
    compiled = one.get("compile_seconds")
    return (
        one["name"],
        seconds(spread["median"]),
        f"{seconds(spread['lower'])} - {seconds(spread['upper'])}",
        f"{one['per_second']:.3g} {unit}",
        "" if compiled is None else seconds(one["trace_seconds"] + compiled),
        "" if memory is None else f"{memory / 2**20:,.0f} MiB",
        "" if flops is None else f"{flops / 1e9:,.3g}",
        "" if share is None else f"{share:.0%}",
        f"{ratio['median']:.2f} ({ratio['lower']:.2f} - {ratio['upper']:.2f})",
    )


def _part(name: str, spread: Mapping[str, float], share: float) -> tuple[str, ...]:
    between = f"{seconds(spread['lower'])} - {seconds(spread['upper'])}"
    return (f"  {share:.0%} {name}", seconds(spread["median"]), between, *[""] * (len(HEAD) - 3))


def _aligned(rows: Iterable[tuple[str, ...]]) -> list[str]:
    rows = list(rows)
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEAD))]
    return [
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
