"""Model folders: `config.json`, one `PART.safetensors` a part, and a `MODEL_CARD.md`. Nothing in them is executed."""

import difflib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import traverse_util
from safetensors import SafetensorError
from safetensors.numpy import load_file
from safetensors.numpy import save as to_safetensors

from ganinv_jax.core.configs import check, unknown_key
from ganinv_jax.core.errors import InputError
from ganinv_jax.core.files import atomic_folder

FORMAT = 1  # the newest layout that this version reads, and the one it writes
DTYPES = {"fp32": jnp.float32, "fp16": jnp.float16, "bf16": jnp.bfloat16}
BUNDLED = Path(__file__).resolve().parents[1] / "bundled"
CONFIG, CARD = "config.json", "MODEL_CARD.md"

Config = dict[str, Any]
Arrays = dict[str, dict[str, Any]]


def save(
    path: str | os.PathLike,
    config: Mapping[str, Any],
    arrays: Mapping[str, Mapping[str, Any]],
    card: str | None = None,
    dtype: str | None = None,
) -> None:
    """Write the model folder `path`, whole or not at all; a model folder that is there already is replaced whole.

    config: JSON-ready options; 'format' and 'parts' are taken. arrays: for each part nested dictionaries of arrays.
    card: the text of MODEL_CARD.md.
    dtype: how floating-point arrays are stored: 'fp32', 'fp16', 'bf16', or None as they are; others stay as they are.
    Raises InputError where `path` holds something that is no model folder or cannot be written, and for an array that
    has a NaN or an infinity as stored.
    """
    if dtype is not None and dtype not in DTYPES:
        raise unknown_key(dtype, DTYPES, "A model folder's storage")
    taken = sorted({"format", "parts"} & config.keys())
    check(not taken, f"A model folder's config has its own {taken}; give those options other names.")
    path = Path(path)
    text = json.dumps({"format": FORMAT, "parts": sorted(arrays), **config}, indent=2, allow_nan=False) + "\n"
    with atomic_folder(path, overwrite=is_model(path)) as folder:
        for part, tree in arrays.items():  # one at a time, since a part can be hundreds of megabytes
            (folder / f"{part}.safetensors").write_bytes(to_safetensors(_stored(part, tree, dtype)))
        (folder / CONFIG).write_text(text, encoding="utf-8")
        if card is not None:
            (folder / CARD).write_text(card, encoding="utf-8")


def load(path: str | os.PathLike) -> tuple[Config, Arrays]:
    """The config and the arrays by part of a model folder, as `save` took them; floating-point arrays as float32.

    Raises InputError where something is missing, damaged or of a newer format, or where an array has a NaN or an
    infinity.
    """
    path = Path(path)
    config = load_config(path)
    return config, {part: _read_part(path / f"{part}.safetensors") for part in config.pop("parts")}


def load_config(path: str | os.PathLike) -> Config:
    """The config of a model folder, with the names of its 'parts'; raises InputError as `load` does."""
    path = Path(path)
    check(path.exists(), f"A model folder must exist, but {path} does not; check the path.")
    check((path / CONFIG).is_file(), f"A model folder must hold {CONFIG}, but {path} does not; is it another folder?")
    return _read_config(path / CONFIG)


def find(source: str | os.PathLike) -> Path:
    """The model folder that `source` means: a path, or the name of a bundled model where no model has that path.

    Raises InputError, with the nearest name, where there is neither.
    """
    path, names = Path(source).expanduser(), bundled()
    if (path / CONFIG).is_file() or (path.exists() and str(source) not in names):
        return path
    if str(source) in names:
        return BUNDLED / str(source)
    near = difflib.get_close_matches(str(source), names, n=1)
    if near:
        remedy = f"did you mean {near[0]!r}?"
    elif names:
        remedy = f"give the path of one, or the name of a bundled one: {', '.join(names)}."
    else:
        remedy = "give the path of one, since no model is bundled with this installation."
    raise InputError(f"There is no model {str(source)!r}; {remedy}")


def is_model(path: str | os.PathLike) -> bool:
    """Whether `path` is a model folder by its config; other programs' folders have a `config.json` too."""
    path = Path(path).expanduser()
    try:
        return (path / CONFIG).is_file() and bool(_read_config(path / CONFIG))
    except InputError:
        return False


def bundled() -> list[str]:
    """The names of the models that the package brings along."""
    return sorted(file.parent.name for file in BUNDLED.glob(f"*/{CONFIG}"))


def check_like(arrays: Mapping[str, Any], shapes: Mapping[str, Any], what: str) -> None:
    """Raise InputError unless `arrays` has the names and shapes of `shapes`, the tree that `jax.eval_shape` gives.

    what: whose arrays these are, for the message. The first few that differ are named.
    """
    given, wanted = (_flat(tree) for tree in (arrays, shapes))
    common = sorted(given.keys() & wanted.keys())
    wrong = [
        f"{name} {list(np.shape(given[name]))} instead of {list(wanted[name].shape)}"
        for name in common
        if np.shape(given[name]) != wanted[name].shape
    ]
    faults = {
        "missing": sorted(wanted.keys() - given.keys()),
        "left over": sorted(given.keys() - wanted.keys()),
        "of the wrong shape": wrong,
    }
    text = "; ".join(f"{fault}: {_few(names)}" for fault, names in faults.items() if names)
    check(not text, f"The weights of {what} must fit its config, but there are some {text}.")


def _stored(part: str, tree: Mapping[str, Any], dtype: str | None) -> dict[str, np.ndarray]:
    check(part.isidentifier(), f"A part of a model must be named like a variable, but one is called {part!r}.")
    stored = {}
    for name, leaf in traverse_util.flatten_dict(tree, sep="/").items():
        array = np.asarray(leaf, order="C")  # safetensors writes the memory as it lies
        if dtype is not None and _is_float(array):
            with np.errstate(over="ignore"):  # what overflows is reported below
                array = array.astype(DTYPES[dtype])
        _check_finite(array, f"{part}/{name}" + (f" as {dtype}" if dtype else ""))
        stored[name] = array
    return stored


def _read_config(file: Path) -> Config:
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{file} must be readable, but it is not ({error.strerror}).") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file} must be JSON, but it is not ({error}); fetch the model again.") from error
    version = config.pop("format", 0) if isinstance(config, dict) else 0
    good = type(version) is int and version >= 1
    check(good, f"{file} must give the model folder's format as a number, but it does not; is it another program's?")
    check(version <= FORMAT, f"{file} has format {version}, but this version reads up to {FORMAT}; upgrade ganinv_jax.")
    parts = config.get("parts")
    good = isinstance(parts, list) and all(isinstance(part, str) and part.isidentifier() for part in parts)
    check(good, f"{file} must list the model's parts, but has {parts!r}; fetch the model again.")
    return config


def _read_part(file: Path) -> dict[str, Any]:
    check(file.is_file(), f"{file.parent} must hold {file.name}, but does not; fetch the model again.")
    try:
        flat = load_file(file)
    except OSError as error:
        raise InputError(f"{file} must be readable, but it is not ({error.strerror or error}).") from error
    except (SafetensorError, AttributeError, TypeError) as error:  # the latter two: a type that NumPy does not have
        raise InputError(f"{file} must be whole, but is damaged ({error}); fetch the model again.") from error
    for name, array in flat.items():
        _check_finite(array, f"{file.stem}/{name}")
        inside = next((other for other in flat if name.startswith(f"{other}/")), None)
        check(inside is None, f"{file} must not have both {inside!r} and {name!r}; fetch the model again.")
    single = {name: array.astype(np.float32) if _is_float(array) else array for name, array in flat.items()}
    return traverse_util.unflatten_dict(single, sep="/")


def _check_finite(array: np.ndarray, name: str) -> None:
    fine = not _is_float(array) or bool(np.isfinite(array).all())
    check(fine, f"Weights must be finite numbers, but {name} has a NaN or an infinity.")


def _is_float(array: np.ndarray) -> bool:
    return jnp.issubdtype(array.dtype, jnp.floating)  # NumPy alone does not know that bfloat16 is one


def _few(names: list[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"


def _flat(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Leaves by their paths, joined with '/'."""
    return traverse_util.flatten_dict(tree, sep="/")  # type: ignore[return-value]
