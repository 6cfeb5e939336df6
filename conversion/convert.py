"""Official weight files into model folders."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from conversion import (
    arcface,
    contents,
    directions,
    inception_fid,
    nvidia_tf,
    nvidia_torch,
    psp,
    rosinality,
    torchvision,
)
from conversion.families import Converted, description
from ganinv_jax.core import folders, torchfile
from ganinv_jax.core.configs import check, from_dict, unknown_key
from ganinv_jax.core.errors import InputError
from ganinv_jax.models.stylegan2 import DiscriminatorConfig, GeneratorConfig

# In this order a file is asked for: the last one takes any table of vectors.
FAMILIES = {
    family.NAME: family
    for family in (nvidia_torch, nvidia_tf, rosinality, psp, torchvision, inception_fid, arcface, directions)
}


def convert(
    path: str | os.PathLike,
    out: str | os.PathLike,
    family: str = "auto",
    dtype: str = "fp32",
    raw: bool = False,
) -> Converted:
    """Convert the official weight file `path` into the model folder `out`, which is written whole or not at all.

    family: 'auto' goes by the content, else a key of FAMILIES. dtype: how weights are stored ('fp32', 'fp16', 'bf16').
    raw: also keep the generator as trained, without averaging, as `generator_raw`, which GAN training goes on from.
    Raises InputError for a file that is damaged, hostile, incomplete or of an unknown family.
    """
    path, out = Path(path).expanduser(), Path(out).expanduser()
    converted = load(path, family, raw)
    raw_missing = raw and "generator_raw" not in converted.configs
    check(not raw_missing, f"{path.name} holds no generator as trained beside the averaged one; leave out --raw.")
    folders.save(out, converted.options(), converted.variables, card=_card(path, converted), dtype=dtype)
    return converted


def load(path: str | os.PathLike, family: str = "auto", raw: bool = False) -> Converted:
    """Read and convert a file without writing anything. Raises InputError as `convert` does."""
    if family != "auto" and family not in FAMILIES:
        raise unknown_key(family, ["auto", *FAMILIES], "family")
    is_model = not Path(path).expanduser().is_file() and (folders.is_model(path) or str(path) in folders.bundled())
    check(not is_model, f"{path} is a model already; to write it as an official file, add --to nvidia.")
    content = contents.read(path)
    fitting = [name for name, entry in FAMILIES.items() if entry.recognise(content)]
    if not fitting:
        known = ", ".join(entry.TITLE for entry in FAMILIES.values())
        raise InputError(f"{Path(path).name} must be of a known family ({known}), but is {description(content)}.")
    if family not in ("auto", *fitting):
        asked, found = (f"{name} ({FAMILIES[name].TITLE})" for name in (family, fitting[0]))
        raise InputError(f"{Path(path).name} must be of the family {asked}, as asked for, but is of {found}.")
    return FAMILIES[fitting[0] if family == "auto" else family].convert(content, raw)


def inspect(path: str | os.PathLike) -> dict[str, Any]:
    """A summary of an official file: family, per part its options and count of parameters, what is left out or made."""
    converted = load(path)
    return {
        "file": str(path),
        "family": converted.family,
        "parts": {
            part: {"config": options, "parameters": _count(converted.variables[part])}
            for part, options in converted.options().items()
        },
        "dropped": converted.dropped,
        "made": converted.made,
    }


def export(source: str | os.PathLike, out: str | os.PathLike, to: str = "nvidia") -> list[str]:
    """Write the StyleGAN2 networks of a model as the torch file `out`, whole or not at all; returns their names.

    source: a model folder, a bundled name or an official file. to: a key of EXPORTS. Raises InputError for a model
    without a generator, or where `out` cannot be written.
    """
    if to not in EXPORTS:
        raise unknown_key(to, EXPORTS, "What models are exported to")
    path = Path(source).expanduser()
    if path.is_file():
        converted = load(path, raw=True)
        config, arrays = converted.options(), converted.variables
    else:
        config, arrays = folders.load(folders.find(source))
    tables = EXPORTS[to](config, arrays)
    torchfile.write(Path(out).expanduser(), tables)
    return list(tables)


def to_nvidia(config: Mapping[str, Any], arrays: Mapping[str, Any]) -> dict[str, dict[str, np.ndarray]]:
    """The networks of a model, given by part, as NVIDIA's state dicts: {'G_ema': {name: array}, 'D': ..., 'G': ...}.

    D and G, the generator as trained, are there where the model has them as StyleGAN2 networks. Bit for bit what the
    official file held, where the model was converted from one and is stored in fp32. Raises InputError for a model
    without a generator.
    """
    check("generator" in arrays, f"The model must hold a generator, but its parts are {', '.join(arrays) or 'none'}.")
    exported = {}
    for part, (name, options, send) in _NVIDIA_PARTS.items():
        settings = dict(config.get(part, {}))
        if part in arrays and settings.pop("kind", "stylegan2") == "stylegan2":
            exported[name] = send(from_dict(options, settings), arrays[part])
    return exported


_NVIDIA_PARTS = {
    "generator": ("G_ema", GeneratorConfig, nvidia_torch.export_generator),
    "discriminator": ("D", DiscriminatorConfig, nvidia_torch.export_discriminator),
    "generator_raw": ("G", GeneratorConfig, nvidia_torch.export_generator),
}
EXPORTS = {"nvidia": to_nvidia}


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
    for title, entries in (("Left out", converted.dropped), ("Made, since the file lacks it", converted.made)):
        if entries:
            lines += ["", f"{title}:", *(f"- `{key}`: {text}" for key, text in sorted(entries.items()))]
    return "\n".join(lines) + "\n"
