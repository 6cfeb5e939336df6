"""What inpainting training starts from: the generator and whatever else the folder `init_from` holds."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax

from ganinv_jax.core import folders
from ganinv_jax.core.configs import check, from_dict, to_dict
from ganinv_jax.core.errors import InputError
from ganinv_jax.models import registry
from ganinv_jax.models.inpainting import PARTS, Inpainter, InpainterConfig, light, make_inpainter, psp
from ganinv_jax.models.stylegan2 import GeneratorConfig
from ganinv_jax.training.adversaries import Adversary, ProjectedAdversary, StyleGAN2Adversary
from ganinv_jax.training.tasks.inpaint.config import InpaintConfig


@dataclasses.dataclass(frozen=True)
class Start:
    """inpainter: the modules, described by `options` (part -> config). variables: the generator's and those of the
    parts that the folder holds as the recipe wants them. discriminator: its variables, or None; other_parts: what the
    folder's config and arrays say of a discriminator that is neither trained nor used, to be handed on."""

    inpainter: Inpainter
    options: dict[str, Any]
    variables: dict[str, Any]
    discriminator: dict[str, Any] | None
    handed_on: tuple[dict[str, Any], dict[str, Any]]


def read_start(config: InpaintConfig) -> Start:
    """Read the folder `config.init_from` and fit the recipe's networks to its generator.

    Raises InputError where it holds no unconditional RGB generator, or lacks a part that is not to be trained.
    """
    model, arrays = folders.load(config.init_from)
    network = registry.restore("generator", model, arrays, config.compute)
    options = network.config
    check(
        options.c_dim == 0 and options.img_channels == 3,
        f"The generator of an inpainter must make RGB pictures and take no labels, but that of {config.init_from} has "
        f"{options.img_channels} channels and {options.c_dim} labels.",
    )
    networks = _networks(config, options, model)
    inpainter = make_inpainter(networks, network.module)
    entries = {part: to_dict(getattr(networks, part)) for part in PARTS if getattr(networks, part)}
    variables = {"generator": network.variables}
    shapes = jax.eval_shape(inpainter.init, jax.random.key(0))
    for part in entries:
        if part in arrays and model.get(part) == entries[part]:
            folders.check_like(arrays[part], shapes[part], part)
            variables[part] = arrays[part]
    return Start(
        inpainter,
        {"generator": to_dict(options), **entries},
        variables,
        _discriminator(config, model, arrays),
        _handed_on(config, model, arrays),
    )


def make_adversary(config: InpaintConfig, resolution: int) -> Adversary | None:
    """The recipe's discriminator."""
    if config.projected is not None:
        return ProjectedAdversary(config.projected)
    if config.stylegan2 is None:
        return None
    given = config.stylegan2.network.resolution
    check(given == resolution, f"The discriminator must have the generator's resolution {resolution}, not {given}.")
    return StyleGAN2Adversary(config.stylegan2)


def _networks(config: InpaintConfig, generator: GeneratorConfig, model: Mapping[str, Any]) -> InpainterConfig:
    """The preset with the recipe's changes for the parts in training, the folder's own options for the others."""
    preset = {"light": light, "psp": psp}[config.preset](generator, config.skip_resolutions)
    wanted = to_dict(preset)
    unknown = sorted(config.options.keys() - wanted.keys())
    check(not unknown, f"options must be those of encoder, mixer and skip, but there are {', '.join(unknown)}.")
    for part, changes in config.options.items():
        wanted[part] = wanted[part] | dict(changes)
    wanted["mixer"]["gate"] = config.gate
    for part in PARTS:
        if part in config.trains:
            continue
        wanted[part] = model.get(part)
        if wanted[part] is None and part != "skip":
            raise InputError(
                f"The {part} is not in training, so init_from must hold one, but {config.init_from} does not; name the "
                f"model folder that stage 1 wrote, or train it too (config.trains)."
            )
    return from_dict(InpainterConfig, wanted)


def _discriminator(config: InpaintConfig, model: Mapping[str, Any], arrays: Mapping[str, Any]) -> Any:
    """The folder's discriminator, where it is of the kind and the options that the recipe asks for."""
    kind, chosen = ("projected", config.projected) if config.projected else ("stylegan2", config.stylegan2)
    entry = {"kind": "stylegan2", **model.get("discriminator", {})}
    same = chosen is not None and entry == {"kind": kind, **to_dict(chosen.network)}
    return arrays.get("discriminator") if same else None


def _handed_on(config: InpaintConfig, model: Mapping[str, Any], arrays: Mapping[str, Any]) -> tuple[dict, dict]:
    keep = {"discriminator"} if config.projected is None and config.stylegan2 is None else set()
    return tuple({part: tree[part] for part in keep & tree.keys()} for tree in (model, arrays))  # type: ignore
