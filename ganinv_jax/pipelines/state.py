"""What a completion or an inversion leaves behind so that an edit can go on from it: `state.npz`."""

import dataclasses
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from flax import traverse_util
from jaxtyping import Bool, Float, Int, UInt8

from ganinv_jax.core.configs import check
from ganinv_jax.core.errors import InputError
from ganinv_jax.core.files import atomic_file

FORMAT = 1
STATE = "state.npz"
_VARIABLE = "variables/"  # what an inversion's variables are stored under, by their paths
DAMAGES = (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile)


@dataclasses.dataclass(frozen=True)
class State:
    """ws: the codes that were rendered. ws_rand: those of the seeds, before the mixer.

    erased, hole: what the model was shown, and where nothing was known (True). composite: whether the known pixels were
    pasted back. model, digest: `Model.name` and `Model.digest` of the model that made it.
    """

    ws: Float[np.ndarray, "k l w"]
    ws_rand: Float[np.ndarray, "k l w"]
    erased: UInt8[np.ndarray, "r r 3"]
    hole: Bool[np.ndarray, "r r"]
    seeds: Int[np.ndarray, "k"]
    composite: bool
    noise_mode: str
    model: str
    digest: str

    def save(self, path: str | os.PathLike) -> None:
        """Write the file, whole or not at all."""
        with atomic_file(path) as temporary:
            np.savez_compressed(temporary, format=FORMAT, **vars(self))

    @classmethod
    def load(cls, path: str | os.PathLike) -> "State":
        """Read a file that `save` wrote. Raises InputError for any other."""
        return filled(cls, read_values(path), path)


@dataclasses.dataclass(frozen=True)
class Codes:
    """What an edit needs of any other state: codes, and the `Model.name` and `Model.digest` of their model.

    variables: what was optimised besides, where there is any, with a row a picture: 'noise', the generator's buffers of
    noise, and 'weights', the synthesis network's parameters, replace the model's own, and features are changed as
    `inversion.drawing` says; 'z_codes' and 'channels' are composed at the resolution `composed` by mGANprior, with
    labels of the class `class_idx`. Others do not count. photos: the squares of the photos, where there were any.
    """

    ws: Float[np.ndarray, "k l w"]
    model: str
    digest: str
    variables: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    composed: int = 0
    class_idx: int = -1
    photos: UInt8[np.ndarray, "k r r 3"] | None = None

    def save(self, path: str | os.PathLike) -> None:
        """Write the file, whole or not at all; `load_state` reads it."""
        values = {name: value for name, value in vars(self).items() if name != "variables" and value is not None}
        with atomic_file(path) as temporary:
            np.savez_compressed(temporary, **{"format": FORMAT, **values, **flat(self.variables)})


def load_state(path: str | os.PathLike) -> State | Codes:
    """A completion's state, or the codes of any other. Raises InputError for a file that has neither."""
    values = read_values(path)
    return filled(State if {"erased", "hole"} <= values.keys() else Codes, values, path)


def load_states(path: str | os.PathLike) -> dict[str, State | Codes]:
    """The states of a file, of a folder, or of the photos in a folder that `ganinv invert` wrote, by name.

    Folders of photos that the last inversion there did not write are left alone. Raises InputError where there are
    none.
    """
    path = Path(path)
    if path.is_file():
        return {path.stem: load_state(path)}
    if (path / STATE).is_file():
        return {path.name: load_state(path / STATE)}
    files = [path / name / STATE for name in _inverted(path)] or sorted(path.glob(f"*/{STATE}"))
    check(bool(files), f"{path} must hold {STATE}, as ganinv inpaint and ganinv invert write it, but does not.")
    return {file.parent.name: load_state(file) for file in files}


def check_made_by(model: Any, state: Any) -> None:
    """Raise InputError unless `model` made the state."""
    same = state.digest == model.digest
    check(same, f"The state was made by {state.model}, whose weights are not those of {model.name}; open that model.")


def _inverted(folder: Path) -> list[str]:
    """The photos of an inversion's report, in their order; none where there is no such report."""
    try:
        report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        return [entry["name"] for entry in report["pictures"]] if report["command"] == "invert" else []
    except DAMAGES:
        return []


def flat(variables: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """An inversion's variables as `read_values` expects them: arrays by their paths."""
    paths = traverse_util.flatten_dict(dict(variables), sep="/")
    return {_VARIABLE + path: np.asarray(leaf) for path, leaf in paths.items()}


def read_values(path: str | os.PathLike) -> dict[str, Any]:
    """What a state.npz holds, an inversion's variables as one tree. Raises InputError for a damaged or newer file."""
    other = Path(path).is_file() and not zipfile.is_zipfile(path)  # of which NumPy says that it might be unsafe
    check(not other, f"{path} must be a whole state.npz, but is another file or a part of one; make it again.")
    try:
        with np.load(path, allow_pickle=False) as file:
            values: dict[str, Any] = {name: file[name] for name in file.files}
            version = int(values["format"])
    except DAMAGES as error:
        raise InputError(f"{path} must be a whole state.npz, but is not ({error}); make it again.") from error
    if version > FORMAT:
        raise InputError(f"{path} has format {version}, but this version reads up to {FORMAT}; upgrade ganinv_jax.")
    paths = {name: values.pop(name) for name in list(values) if name.startswith(_VARIABLE)}
    nested = {name.removeprefix(_VARIABLE): value for name, value in paths.items()}
    return values | {"variables": traverse_util.unflatten_dict(nested, sep="/")}


def filled(cls: Any, values: Mapping[str, Any], path: str | os.PathLike) -> Any:
    """The dataclass, from a file's values that have its fields' names. Raises InputError where some are missing."""
    fields = dataclasses.fields(cls)
    optional = (dataclasses.MISSING, dataclasses.MISSING)
    needed = [field.name for field in fields if (field.default, field.default_factory) == optional]
    missing = [name for name in needed if name not in values]
    check(not missing, f"{path} must be a whole state.npz, but has no {', '.join(missing)}; make it again.")
    own = {field.name: values[field.name] for field in fields if field.name in values}
    scalars = {name: x.item() for name, x in own.items() if isinstance(x, np.ndarray) and not x.ndim}
    return cls(**{**own, **scalars})
