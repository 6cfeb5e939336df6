"""What inpainting training starts from: the generator and whatever else the folder `init_from` holds."""

import dataclasses
import logging
from collections.abc import Mapping
from typing import Any

from ganinv_jax.core import folders
from ganinv_jax.core.configs import check, differences, from_dict, to_dict, unknown_key
from ganinv_jax.models import registry
from ganinv_jax.models.inpainting import PARTS, Inpainter, InpainterConfig, light, make_inpainter, psp
from ganinv_jax.models.stylegan2 import GeneratorConfig
from ganinv_jax.training.adversaries import Adversary, ProjectedAdversary, StyleGAN2Adversary
from ganinv_jax.training.tasks.inpaint.config import InpaintConfig

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Start:
    """inpainter: the modules. config: their options by part, as a model folder tells them. variables: the generator's,
    and those of the parts that the folder holds with the same options. discriminator: likewise, or None. kept: config
    and arrays of a discriminator that the recipe does not use, to be handed on."""

    inpainter: Inpainter
    config: dict[str, Any]
    variables: dict[str, Any]
    discriminator: dict[str, Any] | None
    kept: tuple[dict[str, Any], dict[str, Any]]


def read_start(config: InpaintConfig) -> Start:
    """Read the folder `config.init_from` and fit the recipe's networks to its generator.

    Raises InputError where it holds no unconditional RGB generator, or lacks a part that is not to be trained.
    """
    model, arrays = folders.load(folders.find(config.init_from))
    generator = registry.restore("generator", model, arrays, config.compute)
    channels, labels = generator.config.img_channels, generator.config.c_dim
    check(
        (channels, labels) == (3, 0),
        f"The generator of an inpainter must make RGB pictures and take no labels, but that of {config.init_from} has "
        f"{channels} channels and {labels} labels.",
    )
    networks = _networks(config, generator.config, model)
    options = {part: to_dict(getattr(networks, part)) for part in PARTS if getattr(networks, part)}
    held = [part for part, wanted in options.items() if part in arrays and model.get(part) == wanted]
    variables = {part: registry.restore(part, model, arrays).variables for part in held}
    return Start(
        make_inpainter(networks, generator.module),
        {"generator": to_dict(generator.config), **options},
        {"generator": generator.variables, **variables},
        _discriminator(config, model, arrays),
        _kept(config, model, arrays),
    )


def make_adversary(config: InpaintConfig, resolution: int) -> Adversary | None:
    """The recipe's discriminator."""
    if config.projected is not None:
        return ProjectedAdversary(config.projected, config.compute)
    if config.stylegan2 is None:
        return None
    given = config.stylegan2.network.resolution
    check(given == resolution, f"The discriminator must have the generator's resolution {resolution}, not {given}.")
    return StyleGAN2Adversary(config.stylegan2, config.compute)


def _networks(config: InpaintConfig, generator: GeneratorConfig, model: Mapping[str, Any]) -> InpainterConfig:
    """The preset with the recipe's changes for the parts in training, the folder's own options for the others."""
    options = to_dict({"light": light, "psp": psp}[config.preset](generator, config.skip_resolutions))
    for part, changes in config.options.items():
        if part not in options:
            raise unknown_key(part, options, "config.options")
        options[part] |= changes
    options["mixer"]["gate"] = config.gate
    for part in set(PARTS) - set(config.trains):
        options[part] = model.get(part)
        whole = part == "encoder" and (model.get(part) or {}).get("kind", "style") != "style"
        check(not whole, f"The encoder of {config.init_from} reads whole pictures; train one of erased pictures first.")
        check(
            part == "skip" or options[part] is not None,
            f"The {part} is not in training, so init_from must hold one, but {config.init_from} does not; name the "
            "model folder that stage 1 wrote, or train it too (config.trains).",
        )
    return from_dict(InpainterConfig, options)


def _discriminator(config: InpaintConfig, model: Mapping[str, Any], arrays: Mapping[str, Any]) -> Any:
    """The folder's discriminator, where it is of the kind and the options that the recipe asks for."""
    kind, chosen = ("projected", config.projected) if config.projected else ("stylegan2", config.stylegan2)
    if chosen is None or "discriminator" not in arrays:
        return None
    given = {"kind": "stylegan2", **model.get("discriminator", {})}
    unlike = differences(given, {"kind": kind, **to_dict(chosen.network)})
    if unlike:
        _log.warning("The discriminator begins anew, since in %s its %s.", config.init_from, unlike)
        return None
    return arrays["discriminator"]


def _kept(config: InpaintConfig, model: Mapping[str, Any], arrays: Mapping[str, Any]) -> tuple[dict, dict]:
    keep = not config.projected and not config.stylegan2 and "discriminator" in arrays
    parts = ["discriminator"] if keep else []
    return {part: model[part] for part in parts}, {part: arrays[part] for part in parts}
