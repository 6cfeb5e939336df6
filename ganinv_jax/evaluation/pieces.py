"""Work that is done in pieces, each kept on disk until all are there: so that a stopped command goes on."""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ganinv_jax.core.errors import InputError
from ganinv_jax.core.files import atomic_file

Piece = dict[str, np.ndarray]
"""Arrays by name, of any type that NumPy stores without pickling."""


class Pieces:
    """Pieces in `folder` that belong to one plan: whatever the work's results depend on, as JSON.

    resumed: whether there were any before. Raises InputError where the folder holds pieces of another plan.
    """

    def __init__(self, folder: Path, plan: Mapping[str, Any]):
        self._folder, self._plan, self._asked = folder, folder / "plan.json", plan
        self.resumed = self._plan.is_file()
        wanted = json.loads(json.dumps(plan))
        if not self.resumed:
            with atomic_file(self._plan) as file:
                file.write_text(json.dumps(wanted, indent=2), encoding="utf-8")
            return
        given = json.loads(self._plan.read_text(encoding="utf-8"))
        unlike = [key for key in wanted.keys() | given.keys() if wanted.get(key) != given.get(key)]
        if unlike:
            key = min(unlike)
            raise InputError(
                f"{folder} holds a part of another evaluation ({key} was {given.get(key)!r}, and is {wanted.get(key)!r}"
                " now); run that one to its end, remove the folder, or give another --out."
            )

    def get(self, name: str, compute: Callable[[], Piece]) -> Piece:
        """The piece of that name: read if it is there, else computed and kept."""
        path = self._folder / f"{name}.npz"
        if path.is_file():
            with np.load(path, allow_pickle=False) as arrays:
                return dict(arrays)
        piece = compute()
        with atomic_file(path) as file:
            np.savez(file, **piece)  # type: ignore[arg-type]
        return piece

    def within(self, group: str) -> "Pieces":
        """Pieces of the same plan whose names are counted within a group."""
        return Pieces(self._folder / group, self._asked)

    def clear(self) -> None:
        """Remove all pieces, once their result is written."""
        shutil.rmtree(self._folder, ignore_errors=True)


def as_text(rows: Any) -> np.ndarray:
    """JSON content as an array for a piece."""
    return np.array(json.dumps(rows))


def from_text(array: np.ndarray) -> Any:
    """What `as_text` was given."""
    return json.loads(str(array))
