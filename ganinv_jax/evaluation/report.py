"""What an evaluation leaves behind: report.json, a Markdown table, plots and a sheet of pictures."""

import dataclasses
import json
import math
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import UInt8

from ganinv_jax import __version__
from ganinv_jax.core.errors import InputError
from ganinv_jax.core.files import atomic_files
from ganinv_jax.core.images import write_png
from ganinv_jax.evaluation.plots import Plot, draw

Columns = Mapping[str, Mapping[str, Any]]
"""Figures by what was scored, then by name: a column of the table each. A figure's name says its network."""

DIGITS = 5  # significant ones that are kept


@dataclasses.dataclass(frozen=True)
class Report:
    """command: such as 'evaluate inpainting'. asked: what the figures depend on: model, data, counts, presets.

    columns: the figures. pictures: those of single pictures. notes: sentences that the reader of the figures needs.
    sheet: pictures to look at. plots: by file name.
    """

    command: str
    asked: Mapping[str, Any]
    columns: Columns
    pictures: Sequence[Mapping[str, Any]] = ()
    notes: Sequence[str] = ()
    sheet: UInt8[np.ndarray, "H W 3"] | None = None
    plots: Mapping[str, Plot] = dataclasses.field(default_factory=dict)
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """The content of report.json."""
        return _rounded(
            {
                "version": __version__,
                "command": self.command,
                **self.asked,
                "hardware": hardware(),
                "seconds": round(self.seconds, 1),
                "notes": list(self.notes),
                "figures": self.columns,
                "pictures": list(self.pictures),
            }
        )

    def markdown(self) -> str:
        """The content of report.md: what was asked, and the figures as a table."""
        asked = ", ".join(f"{key} {_told(value)}" for key, value in self.asked.items() if value not in (None, [], ""))
        notes = "".join(f"- {note}\n" for note in self.notes)
        return f"# ganinv {self.command}\n\n{asked}.\n\n{table(_rounded(self.columns))}\n{notes}"

    def write(self, folder: str | os.PathLike) -> list[str]:
        """Write report.json, report.md, sheet.png and the plots (PNG and SVG) into `folder`, all or none.

        Returns the files' names. Raises InputError where they cannot be written.
        """
        with atomic_files(folder) as inside:
            text = json.dumps(self.as_json(), indent=2, allow_nan=False) + "\n"
            (inside / "report.json").write_text(text, encoding="utf-8")
            (inside / "report.md").write_text(self.markdown(), encoding="utf-8")
            if self.sheet is not None:
                write_png(inside / "sheet.png", self.sheet)
            for name, plot in self.plots.items():
                draw(plot, inside / f"{name}.png", inside / f"{name}.svg")
            return sorted(file.name for file in inside.iterdir())


def table(columns: Columns) -> str:
    """Figures as a Markdown table: a row a figure, in the order in which they first appear."""
    names = list(dict.fromkeys(name for figures in columns.values() for name in figures))
    lines = [f"| | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for name in names:
        cells = [_told(figures.get(name, "")) for figures in columns.values()]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def read_report(path: str | os.PathLike) -> dict[str, Any]:
    """A report.json, given as the file or as its folder. Raises InputError where it is none."""
    file = Path(path).expanduser()
    file = file / "report.json" if file.is_dir() else file
    try:
        report = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"There is no report at {file} ({error.strerror}); name what an evaluation wrote.") from error
    except ValueError as error:
        raise InputError(f"{file} is no report, as it is not JSON ({error}); name what an evaluation wrote.") from error
    figures = report.get("figures") if isinstance(report, dict) and "command" in report else None
    if not isinstance(figures, dict) or not all(isinstance(column, dict) for column in figures.values()):
        raise InputError(f"{file} is not the report of an evaluation, as it has no figures; name another.")
    return report


def compare(a: Mapping[str, Any], b: Mapping[str, Any], names: tuple[str, str] = ("A", "B")) -> Report:
    """Two reports of one kind side by side: for every column A, B and B - A.

    What they were not both asked, and not both computed with, is said in the notes. Raises InputError for reports of
    different commands.
    """
    if a["command"] != b["command"]:
        raise InputError(
            f"Reports must come from one command to be compared, but these are of {a['command']!r} and "
            f"{b['command']!r}; name two of one kind."
        )
    skip = {"figures", "pictures", "seconds", "notes", "command"}
    unlike = [key for key in a.keys() | b.keys() if key not in skip and a.get(key) != b.get(key)]
    notes = [f"{key}: {_told(a.get(key))} | {_told(b.get(key))}" for key in sorted(unlike)]
    columns: dict[str, dict[str, Any]] = {}
    for column in [*a["figures"], *(name for name in b["figures"] if name not in a["figures"])]:
        sides = [report["figures"].get(column, {}) for report in (a, b)]
        for name, side in zip(names, sides, strict=True):
            columns[f"{column}, {name}"] = side
        both = [key for key in sides[0] if _is_number(sides[0][key]) and _is_number(sides[1].get(key))]
        columns[f"{column}, {names[1]} - {names[0]}"] = {key: sides[1][key] - sides[0][key] for key in both}
    return Report(f"{a['command']} --compare", dict(zip(("a", "b"), names, strict=True)), columns, notes=notes)


def hardware() -> dict[str, Any]:
    """What figures of time depend on."""
    device = jax.devices()[0]
    return {
        "backend": jax.default_backend(),
        "device": device.device_kind if device.platform != "cpu" else _processor(),
        "devices": jax.device_count(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _rounded(value: Any) -> Any:
    """Plain JSON with few digits; what is not finite has no place in it."""
    if isinstance(value, Mapping):
        return {str(key): _rounded(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(each) for each in value]
    if isinstance(value, float | np.floating):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value


def _told(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return " ".join(map(_told, value))
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_told(each)}" for key, each in value.items())
    return "" if value is None else str(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
