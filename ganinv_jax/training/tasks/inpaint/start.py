"""What inpainting training starts from: the generator and whatever else the folder `init_from` holds."""

import dataclasses
import logging
from collections.abc import Mapping
from typing import Any

import numpy as np

from ganinv_jax.core.configs import check, differences, from_dict, to_dict, unknown_key
from ganinv_jax.models import registry
from ganinv_jax.models.inpainting import PARTS, Inpainter, InpainterConfig, light, make_inpainter, psp
from ganinv_jax.models.stylegan2 import GeneratorConfig
from ganinv_jax.training.frozen import held_discriminator, put_into, read_model
from ganinv_jax.training.tasks.inpaint.config import InpaintConfig

ADDING = ("blocks", "sees_render")
"""Options of which more adds layers that change nothing as they begin."""

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Start:
    """inpainter: the modules. config: their options by part, as a model folder tells them. variables: the generator's,
    and those of the parts that the folder holds with the same options, or with less of `ADDING`. discriminator: that
    with the same options, or None. kept: config and arrays of a discriminator that the recipe does not use, to be
    handed on."""

    inpainter: Inpainter
    config: dict[str, Any]
    variables: dict[str, Any]
    discriminator: dict[str, Any] | None
    kept: tuple[dict[str, Any], dict[str, Any]]

    def complete(self, fresh: Mapping[str, Any], part: str) -> dict[str, Any]:
        """The variables of a part; what the folder lacks is as in `fresh`."""
        return put_into(fresh, self.variables.get(part, {}))


def read_start(config: InpaintConfig) -> Start:
    """Read the folder `config.init_from` and fit the recipe's networks to its generator.

    A warning names the parts to be trained that the folder holds otherwise, and that therefore begin anew.

    Raises InputError where it holds no unconditional RGB generator, or lacks a part that is not to be trained.
    """
    model, arrays, generator = read_model(config.init_from, config.compute, "An inpainter")
    networks = _networks(config, generator.config, model)
    options = {part: to_dict(getattr(networks, part)) for part in PARTS if getattr(networks, part)}
    held = [part for part, wanted in options.items() if part in arrays and _goes_on(model.get(part), wanted)]
    for part in set(config.trains) & arrays.keys() - set(held):
        unlike = differences(model.get(part) or {}, options[part])
        _log.warning("The %s begins anew, since in %s its %s.", part, config.init_from, unlike)
    variables = {part: registry.restore(part, model, arrays).variables for part in held}
    return Start(
        make_inpainter(networks, generator.module),
        {"generator": to_dict(generator.config), **options},
        {"generator": generator.variables, **variables},
        held_discriminator(config, model, arrays),
        _kept(config, model, arrays),
    )


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


def _goes_on(held: Mapping[str, Any] | None, wanted: Mapping[str, Any]) -> bool:
    """Whether these are the options of one network, but for what only adds to it and changes nothing at first."""
    if held is None:
        return False
    for name in ADDING:
        before, after = (np.asarray(options.get(name, 0)) for options in (held, wanted))
        if before.shape != after.shape or np.any(before > after):
            return False
    same = dict.fromkeys(ADDING)
    return {**held, **same} == {**wanted, **same}


def _kept(config: InpaintConfig, model: Mapping[str, Any], arrays: Mapping[str, Any]) -> tuple[dict, dict]:
    keep = not config.projected and not config.stylegan2 and "discriminator" in arrays
    parts = ["discriminator"] if keep else []
    return {part: model[part] for part in parts}, {part: arrays[part] for part in parts}
