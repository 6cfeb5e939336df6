"""What training around a frozen generator starts from: the model folder that holds it, and that folder's discriminator.

The discriminator is the opponent of what is trained, and goes on from what it learned as the generator's.
"""

import logging
from collections.abc import Mapping
from typing import Any, Protocol

from flax import traverse_util

from ganinv_jax.core import folders
from ganinv_jax.core.configs import check, differences, to_dict
from ganinv_jax.models import registry
from ganinv_jax.models.precision import Compute
from ganinv_jax.training.adversaries import Adversary, ProjectedAdversary, StyleGAN2Adversary
from ganinv_jax.training.adversaries.projected import ProjectedAdversaryConfig
from ganinv_jax.training.adversaries.stylegan2 import StyleGAN2AdversaryConfig

_log = logging.getLogger(__name__)


class JudgeOptions(Protocol):
    """The options of a task that name a discriminator: one of them, or neither."""

    @property
    def init_from(self) -> str | None: ...
    @property
    def compute(self) -> Compute: ...
    @property
    def projected(self) -> ProjectedAdversaryConfig | None: ...
    @property
    def stylegan2(self) -> StyleGAN2AdversaryConfig | None: ...


def check_judge(config: JudgeOptions, pictures: int, name: str = "batch_size") -> None:
    """Raise InputError where a recipe describes two discriminators, or one that cannot judge its pictures.

    It sees so many at a time, which is called `name`; they are RGB, without labels.
    """
    projected, stylegan2 = config.projected, config.stylegan2
    one = projected is None or stylegan2 is None
    check(one, "a recipe on top of a model has one discriminator at most: give 'projected' or 'stylegan2', not both.")
    if projected is not None:
        projected.check_batch(pictures, name)
    if stylegan2 is not None:
        stylegan2.check_batch(pictures, name)
        seen = stylegan2.network.img_channels, stylegan2.network.c_dim
        told = (
            f"the discriminator must see RGB pictures without labels: img_channels 3 and c_dim 0, but they are {seen}."
        )
        check(seen == (3, 0), told)


def read_model(source: str, compute: str, what: str) -> tuple[dict[str, Any], dict[str, Any], registry.Network]:
    """(config, arrays, generator) of the model folder `source`; `what` is to be trained, for the error.

    Raises InputError where the folder holds no generator of RGB pictures without labels.
    """
    model, arrays = folders.load(folders.find(source))
    generator = registry.restore("generator", model, arrays, compute)
    channels, labels = generator.config.img_channels, generator.config.c_dim
    check(
        (channels, labels) == (3, 0),
        f"{what} needs a generator of RGB pictures without labels, but that of {source} has {channels} channels and "
        f"{labels} labels.",
    )
    return model, arrays, generator


def put_into(fresh: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """Nested variables: those that are given, and of `fresh` what they lack."""
    return traverse_util.unflatten_dict({**traverse_util.flatten_dict(fresh), **traverse_util.flatten_dict(given)})


def make_adversary(config: JudgeOptions, resolution: int) -> Adversary | None:
    """The recipe's discriminator, for a generator of that resolution."""
    if config.projected is not None:
        return ProjectedAdversary(config.projected, config.compute)
    if config.stylegan2 is None:
        return None
    given = config.stylegan2.network.resolution
    check(given == resolution, f"The discriminator must have the generator's resolution {resolution}, not {given}.")
    return StyleGAN2Adversary(config.stylegan2, config.compute)


def held_discriminator(
    config: JudgeOptions, model: Mapping[str, Any], arrays: Mapping[str, Any]
) -> dict[str, Any] | None:
    """The folder's discriminator, where it has the kind and the options that the recipe asks for, but `freeze_layers`.

    Else a warning says that it begins anew. Raises InputError where layers of it are to be frozen.
    """
    kind, chosen = ("projected", config.projected) if config.projected else ("stylegan2", config.stylegan2)
    if chosen is None:
        return None
    any_number = {"freeze_layers": 0}
    given = {"kind": "stylegan2", **model.get("discriminator", {}), **any_number}
    unlike = differences(given, {"kind": kind, **to_dict(chosen.network), **any_number})
    held = "discriminator" in arrays
    if held and not unlike:
        return arrays["discriminator"]
    reason = f"in {config.init_from} its {unlike}" if held else f"{config.init_from} has none"
    frozen = config.stylegan2.network.freeze_layers if config.stylegan2 else 0
    check(
        not frozen,
        f"Only layers of a trained discriminator can be frozen, but it would begin anew, since {reason}; set "
        "freeze_layers to 0, or name another model.",
    )
    _log.warning("The discriminator begins anew, since %s.", reason)
    return None
