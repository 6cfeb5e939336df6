"""Opening a model: a folder, a bundled name, or an official file."""

import os
from pathlib import Path
from typing import Any

from ganinv_jax.core import folders
from ganinv_jax.pipelines.model import Model

DEFAULT = "cat64"


def load(source: str | os.PathLike | None = None, compute: str = "fp32", implementation: str = "auto") -> Model:
    """Open a model.

    source: a model folder, the name of a bundled model (default: the bundled one), or an official weight file, which is
        read without running or writing anything.
    compute: 'fp32' (the same figures on every backend), 'bf16', or 'source': in half precision where the official code
        uses it.
    implementation: of the generator's modulated convolutions: 'auto', 'lax' or 'pallas' (see `ops.modulated_conv`).
    Raises InputError where there is no such model, or where it is damaged or does not fit its config.
    """
    config, arrays, name = read(source)
    return Model(config, arrays, name, compute, implementation)


def read(source: str | os.PathLike | None = None) -> tuple[dict[str, Any], dict[str, Any], str]:
    """The config and the arrays by part of a model that `load` would open, and its name."""
    source = DEFAULT if source is None else source
    path = Path(source).expanduser()
    if path.is_file():
        return *_official(path), path.name
    return *folders.load(folders.find(source)), str(source)


def _official(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    # Conversion stands beside the package; only those who open such a file load it.
    from conversion import convert

    converted = convert.load(path)
    return converted.options(), converted.variables
