"""The MODEL_CARD.md of a model folder that a run writes: what was trained, on what, at what cost, and how it went."""

import json
import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from ganinv_jax import __version__
from ganinv_jax.core.configs import to_dict
from ganinv_jax.training.logs import TIMES, Row
from ganinv_jax.training.task import Task

POINTS = 10
"""Rows of the run's log that a card shows at most."""


def card(name: str, task: Task, arrays: Mapping[str, Any], images: int, rows: Sequence[Row]) -> str:
    """The text.

    name: the run's. arrays: the folder's, by part. images: pictures seen. rows: of the run's log, of which a few are
    shown, each a mean since the one before.
    """
    seconds = float(rows[-1].get("seconds", 0.0)) if rows else 0.0
    options = json.dumps(to_dict(task.config), indent=2)
    return "\n".join(
        [
            f"# {name}",
            "",
            f"Trained by `ganinv train` (task `{task.name}`). Its licence follows from the pictures that it was "
            "trained on and from the model that it began from: add it before you hand the folder on.",
            "",
            f"- **Seen**: {images:,} pictures in batches of {task.batch_size}",
            f"- **Took**: {seconds / 3600:.2g} hours, at last on {_hardware()}",
            f"- **By**: ganinv_jax {__version__}, jax {jax.__version__}, on {time.strftime('%Y-%m-%d')}",
            "",
            "| part | numbers |",
            "|---|---|",
            *(f"| {part} | {_count(tree):,} |" for part, tree in sorted(arrays.items())),
            "",
            "## How it went",
            "",
            *_curve(rows),
            "",
            "## Options",
            "",
            "```json",
            options,
            "```",
            "",
        ]
    )


def _curve(rows: Sequence[Row]) -> list[str]:
    if not rows:
        return ["No figures were logged."]
    places = np.unique(np.linspace(0, len(rows) - 1, POINTS).round().astype(int))
    names = [name for name in dict.fromkeys(name for row in rows for name in row) if name not in (*TIMES, "step")]
    head = [f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]
    return [*head, *(f"| {' | '.join(_cell(rows[place].get(name)) for name in names)} |" for place in places)]


def _cell(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def _hardware() -> str:
    kind = jax.devices()[0].device_kind
    cores = f", {os.cpu_count()} cores" if jax.default_backend() == "cpu" else ""
    hosts = f" of {jax.process_count()} hosts" if jax.process_count() > 1 else ""
    return f"{jax.device_count()} x {kind}{hosts}{cores}"


def _count(tree: Any) -> int:
    return sum(np.size(leaf) for leaf in jax.tree.leaves(tree))
