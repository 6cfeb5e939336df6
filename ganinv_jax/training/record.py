"""A run's record of what it trains, `config.json` in its folder, so that only the same training goes on in it."""

import hashlib
import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ganinv_jax.core.configs import from_dict, to_dict
from ganinv_jax.core.errors import InputError
from ganinv_jax.core.files import atomic_file
from ganinv_jax.training.auto import Hardware
from ganinv_jax.training.checkpoints import fingerprint, saved_steps
from ganinv_jax.training.config import LoopSettings
from ganinv_jax.training.task import Task

CHECKPOINTS = "checkpoints"
"""The folder of a run's checkpoints."""


def began_on(workdir: Path) -> Hardware | None:
    """What the options of the run in `workdir` were chosen for (see `training.auto`).

    None where there is no run with a checkpoint, or one whose options were not chosen so.
    """
    path = workdir / "config.json"
    if not path.is_file() or not saved_steps(workdir / CHECKPOINTS):
        return None
    chosen_by = _read(path)["config"].get("auto")
    return Hardware(chosen_by["devices"], chosen_by.get("platform")) if chosen_by else None


def check_same(workdir: Path, task: Task) -> None:
    """Raise InputError, naming the option, where `workdir` holds another training than `task`.

    Options in `task.free_options` may differ, but not the weights that they lead to: those of `task.frozen`. An option
    that did not exist when the run began counts as its default. Before its first checkpoint a run may still become
    another.
    """
    path = workdir / "config.json"
    if not path.is_file() or not saved_steps(workdir / CHECKPOINTS):
        return
    saved = _read(path)
    before = {"task": saved["task"]}
    now = {"task": task.name}
    if before == now:
        before |= _flat(to_dict(from_dict(type(task.config), saved["config"])))
        now |= _flat(json.loads(json.dumps(to_dict(task.config))))
    for name in sorted(before.keys() | now.keys()):
        if before.get(name) != now.get(name) and not _is_free(name, task.free_options):
            raise InputError(
                f"The run in {workdir} began with config.{name} = {before.get(name)!r}, but now it is {now.get(name)!r}"
                "; give the old value, or another --workdir."
            )
    if saved["frozen"] not in (None, fingerprint(task.frozen)):
        raise InputError(
            f"The run in {workdir} began on top of other weights than it finds now; give config.init_from the model "
            "that it began with, or another --workdir."
        )


def drawn_from(workdir: Path, task: Task, over: bool = False) -> dict[str, Any] | None:
    """How many pictures the task draws from, and a hash of their names; None for a task without.

    A warning tells where the run in `workdir` drew from others before. A run that is `over` needs them no more: what
    its record says is returned.
    """
    path = workdir / "config.json"
    before = _read(path)["pictures"] if path.is_file() and saved_steps(workdir / CHECKPOINTS) else None
    source = None if over else getattr(task, "pictures", None)
    if source is None:
        return before if over else None
    names = hashlib.sha256()
    for name in source.listing():
        names.update(name.encode(errors="surrogatepass") + b"\0")
    now = {"count": len(source), "names": names.hexdigest()[:16]}
    if before not in (None, now):
        warnings.warn(
            f"The run in {workdir} began with {before['count']} pictures, and goes on with {now['count']} that are not "
            "all the same, or have other names; so it does not come to the same bits as with those.",
            stacklevel=2,
        )
    return now


def write(workdir: Path, task: Task, settings: LoopSettings, pictures: Mapping[str, Any] | None = None) -> None:
    """Write the record; it is read again by `check_same`, and by people. Raises OSError where it cannot.

    pictures: see `drawn_from`.
    """
    values = {"task": task.name, "config": to_dict(task.config), "loop": to_dict(settings)}
    values |= {"frozen": fingerprint(task.frozen), "pictures": pictures}
    with atomic_file(workdir / "config.json") as temporary:
        temporary.write_text(json.dumps(values, indent=2) + "\n")


def _read(path: Path) -> dict[str, Any]:
    try:
        saved = json.loads(path.read_text())
        return {"frozen": None, "pictures": None, **saved, "task": saved["task"], "config": saved["config"]}
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} must be a training run's record, but it is not; give another --workdir.") from error


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return flat


def _is_free(name: str, free: frozenset[str]) -> bool:
    parts = name.split(".")
    return any(".".join(parts[: n + 1]) in free for n in range(len(parts)))
