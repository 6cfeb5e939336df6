"""Official weight files into model folders."""

import hashlib
import os
from pathlib import Path
from typing import Any

import jax
import numpy as np

from conversion import nvidia_torch
from conversion.families import Converted, description
from ganinv_jax.core import folders
from ganinv_jax.core.configs import from_dict, to_dict, unknown_key
from ganinv_jax.core.errors import InputError
from ganinv_jax.core.torchfile import read
from ganinv_jax.models.stylegan2 import DiscriminatorConfig, GeneratorConfig

FAMILIES = {family.NAME: family for family in (nvidia_torch,)}


def convert(path: str | os.PathLike, out: str | os.PathLike, family: str = "auto", dtype: str = "fp32") -> Converted:
    """Convert the official weight file `path` into the model folder `out`, which is written whole or not at all.

    family: 'auto' goes by the content, else a key of FAMILIES. dtype: how weights are stored ('fp32', 'fp16', 'bf16').
    Raises InputError for a file that is damaged, hostile, incomplete or of an unknown family.
    """
    converted = load(path, family)
    config = {part: to_dict(options) for part, options in converted.configs.items()}
    folders.save(out, config, converted.variables, card=_card(Path(path), converted), dtype=dtype)
    return converted


def load(path: str | os.PathLike, family: str = "auto") -> Converted:
    """Read and convert a file without writing anything. Raises InputError as `convert` does."""
    if family != "auto" and family not in FAMILIES:
        raise unknown_key(family, ["auto", *FAMILIES], "family")
    content = read(path)
    if family == "auto":
        family = next((name for name, entry in FAMILIES.items() if entry.recognise(content)), "")
    elif not FAMILIES[family].recognise(content):
        raise InputError(f"{Path(path).name} must be a {FAMILIES[family].TITLE}, but is {description(content)}.")
    if not family:
        known = ", ".join(entry.TITLE for entry in FAMILIES.values())
        raise InputError(f"{Path(path).name} must be of a known family ({known}), but is {description(content)}.")
    return FAMILIES[family].convert(content)


def inspect(path: str | os.PathLike) -> dict[str, Any]:
    """A summary of an official file: family, per part its options and count of parameters, and what is left out."""
    converted = load(path)
    return {
        "file": str(path),
        "family": converted.family,
        "parts": {
            part: {"config": to_dict(converted.configs[part]), "parameters": _count(converted.variables[part])}
            for part in converted.configs
        },
        "dropped": converted.dropped,
    }


def to_nvidia(folder: str | os.PathLike) -> dict[str, dict[str, np.ndarray]]:
    """The networks of a model folder as NVIDIA's state dicts, {'G_ema': {name: array}, 'D': ...}.

    Bit for bit what the official file held, where the folder was converted from one and is stored in fp32. Raises
    InputError for a folder without a generator.
    """
    config, arrays = folders.load(folder)
    if "generator" not in arrays:
        raise InputError(f"{folder} must hold a generator, but its parts are {', '.join(sorted(arrays)) or 'none'}.")
    generator = from_dict(GeneratorConfig, config.get("generator", {}))
    exported = {"G_ema": nvidia_torch.export_generator(generator, arrays["generator"])}
    if "discriminator" in arrays:
        discriminator = from_dict(DiscriminatorConfig, config.get("discriminator", {}))
        exported["D"] = nvidia_torch.export_discriminator(discriminator, arrays["discriminator"])
    return exported


def _count(variables: dict[str, Any]) -> int:
    return sum(np.size(leaf) for leaf in jax.tree.leaves(variables["params"]))


def _card(path: Path, converted: Converted) -> str:
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    lines = [
        f"# {path.stem}",
        "",
        f"Converted from `{path.name}` ({converted.title}, sha256 `{digest}`).",
        "The weights keep the licence of that file.",
        "",
        "| part | parameters |",
        "|---|---|",
        *(f"| {part} | {_count(variables):,} |" for part, variables in converted.variables.items()),
    ]
    if converted.dropped:
        lines += ["", "Left out:", *(f"- `{key}`: {reason}" for key, reason in sorted(converted.dropped.items()))]
    return "\n".join(lines) + "\n"
