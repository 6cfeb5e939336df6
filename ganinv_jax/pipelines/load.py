"""Opening a model: a folder, a bundled name, or an official file."""

import difflib
import os
from pathlib import Path
from typing import Any

from ganinv_jax.core import folders
from ganinv_jax.core.configs import to_dict
from ganinv_jax.core.errors import InputError
from ganinv_jax.pipelines.model import Model

BUNDLED = Path(__file__).resolve().parents[1] / "bundled"
DEFAULT = "cat64"


def load(source: str | os.PathLike | None = None, compute: str = "fp32") -> Model:
    """Open a model.

    source: a model folder, the name of a bundled model (default: the bundled one), or an official weight file, which is
        read without running or writing anything.
    compute: 'fp32' (the same figures on every backend), 'bf16', or 'source': in half precision where the official code
        uses it.
    Raises InputError where there is no such model, or where it is damaged or does not fit its config.
    """
    config, arrays, name = read(source)
    return Model(config, arrays, name, compute)


def read(source: str | os.PathLike | None = None) -> tuple[dict[str, Any], dict[str, Any], str]:
    """The config and the arrays by part of a model that `load` would open, and its name."""
    source = DEFAULT if source is None else source
    path = Path(source).expanduser()
    if path.is_file():
        return *_official(path), path.name
    if (path / folders.CONFIG).is_file() or (path.exists() and str(source) not in bundled()):
        return *folders.load(path), str(source)
    if str(source) in bundled():
        return *folders.load(BUNDLED / str(source)), str(source)
    raise InputError(_missing(str(source)))


def bundled() -> list[str]:
    """The names of the models that the package brings along."""
    return sorted(file.parent.name for file in BUNDLED.glob(f"*/{folders.CONFIG}"))


def _official(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    # Conversion stands beside the package; only those who open such a file load it.
    from conversion import convert

    converted = convert.load(path)
    return {part: to_dict(options) for part, options in converted.configs.items()}, converted.variables


def _missing(source: str) -> str:
    names = bundled()
    near = difflib.get_close_matches(source, names, n=1)
    if near:
        remedy = f"did you mean {near[0]!r}?"
    elif names:
        remedy = f"give a model folder, an official weight file, or one of the bundled models: {', '.join(names)}."
    else:
        remedy = "give a model folder or an official weight file, since no model is bundled with this installation."
    return f"There is no model {source!r}; {remedy}"
