"""Work that is done in pieces, each kept on disk until all are there: so that a stopped command goes on."""

import copy
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ganinv_jax.core.errors import InputError
from ganinv_jax.core.files import atomic_file

PLAN = "plan.json"
Piece = dict[str, np.ndarray]
"""Arrays by name, of any type that NumPy stores without pickling."""


class Pieces:
    """Pieces in `folder` that belong to one plan: whatever the work's results depend on, as JSON.

    resumed: whether there were any before. Raises InputError where the folder holds pieces of another plan.
    """

    def __init__(self, folder: Path, plan: Mapping[str, Any]):
        self._folder, self._root, self._plan = folder, folder, plan
        self.resumed = check_plan(folder, plan)

    def get(self, name: str, compute: Callable[[], Piece]) -> Piece:
        """The piece of that name: read if it is there, else computed and kept."""
        path = self._folder / f"{name}.npz"
        if path.is_file():
            with np.load(path, allow_pickle=False) as arrays:
                return dict(arrays)
        piece = compute()
        write_plan(self._root, self._plan)  # only now, so that what failed before its first piece binds nobody
        with atomic_file(path) as file:
            np.savez(file, **piece)  # type: ignore[arg-type]
        return piece

    def within(self, group: str) -> "Pieces":
        """Pieces of the same plan whose names are counted within a group."""
        inner = copy.copy(self)
        inner._folder = self._folder / group
        return inner

    def clear(self) -> None:
        """Remove all pieces, once their result is written."""
        shutil.rmtree(self._folder, ignore_errors=True)


def check_plan(folder: Path, plan: Mapping[str, Any]) -> bool:
    """Whether the folder holds work of this plan. Raises InputError where it holds work of another."""
    file = folder / PLAN
    if not file.is_file():
        return False
    wanted, given = json.loads(json.dumps(plan)), json.loads(file.read_text(encoding="utf-8"))
    unlike = [key for key in wanted.keys() | given.keys() if wanted.get(key) != given.get(key)]
    if unlike:
        key = min(unlike)
        raise InputError(
            f"{folder} holds a part of another evaluation ({key} was {given.get(key)!r}, and is {wanted.get(key)!r}"
            " now); run that one to its end, remove the folder, or give another --out."
        )
    return True


def write_plan(folder: Path, plan: Mapping[str, Any]) -> None:
    """Say in the folder which plan its work belongs to, unless it says so already."""
    if not (folder / PLAN).is_file():
        with atomic_file(folder / PLAN) as file:
            file.write_text(json.dumps(plan, indent=2), encoding="utf-8")


def as_text(rows: Any) -> np.ndarray:
    """JSON content as an array for a piece."""
    return np.array(json.dumps(rows))


def from_text(array: np.ndarray) -> Any:
    """What `as_text` was given."""
    return json.loads(str(array))
