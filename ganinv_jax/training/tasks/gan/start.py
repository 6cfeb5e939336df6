"""What a GAN's training goes on from: the networks of a model folder, also of another resolution or z_dim."""

import dataclasses
import logging
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util

from ganinv_jax.core import folders
from ganinv_jax.core.configs import check, differences, to_dict
from ganinv_jax.models.stylegan2 import Discriminator, DiscriminatorConfig, Generator, GeneratorConfig
from ganinv_jax.training.adversaries.stylegan2 import frozen_layers
from ganinv_jax.training.frozen import put_into
from ganinv_jax.training.tasks.gan.config import GanConfig

SIZES = ("resolution", "z_dim", "channel_base", "channel_max", "channels", "num_fp16_res")
"""Options in which a model of another resolution or z_dim may differ; each of them only changes how many layers fit."""

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Start:
    """generator: variables of the generator as trained. ema: its averaged params. discriminator: its variables, or None
    where the folder has none of the recipe's kind. judge: the discriminator that is completed; None where the folder's
    is whole. whole: whether that is so of the generator."""

    generator: dict[str, Any]
    ema: dict[str, Any]
    discriminator: dict[str, Any] | None
    judge: DiscriminatorConfig | None = None
    whole: bool = True

    def complete(self, fresh: Mapping[str, Any], key: jax.Array) -> tuple[dict, dict, dict | None]:
        """`generator`, `ema` and `discriminator`; what they lack is as in `fresh`, or drawn from `key`."""
        discriminator = self.discriminator
        if discriminator is not None and self.judge is not None:
            drawn = jax.jit(Discriminator(self.judge).init)(key, *_judged(self.judge))
            discriminator = put_into(drawn, discriminator)
        return put_into(fresh, self.generator), put_into(fresh["params"], self.ema), discriminator


def read_start(config: GanConfig) -> Start:
    """Read the folder `config.init_from`.

    At the recipe's resolution and z_dim everything must fit. At others the layers that both have are copied, mapping
    and blocks up to the smaller of the two; a line of the log names those that begin anew. As NVIDIA's `--resume` does,
    which goes by names alone.

    Raises InputError where the generator's options differ in more than that, and where the discriminator lacks a layer
    that is to be frozen.
    """
    source = config.init_from or ""
    model, arrays = folders.load(folders.find(source))
    given, wanted = model.get("generator", {}), to_dict(config.generator)
    other = any(name in given and given[name] != wanted[name] for name in ("resolution", "z_dim"))
    unlike = differences(_without_sizes(given), _without_sizes(wanted)) if other else differences(given, wanted)
    check(not unlike, f"init_from must hold a generator with the recipe's options, but in {source} {unlike}.")
    start = Start(
        arrays.get("generator_raw", arrays["generator"]),
        arrays["generator"]["params"],
        arrays.get("discriminator") if _same_kind(model, config) else None,
    )
    shapes = jax.eval_shape(Generator(config.generator).init, jax.random.key(0), *_mapped(config.generator))
    if start.discriminator is None:
        _log.warning("The discriminator begins anew, since %s has none of the recipe's kind.", source)
    if other:
        start = _shared(start, shapes, config, f"{source} ({given['resolution']} px)")
    else:
        folders.check_like(start.generator, shapes, "generator")
    _check_frozen(start, config)
    return start


def _shared(start: Start, shapes: Any, config: GanConfig, source: str) -> Start:
    """Of each network the layers that fit the recipe's."""
    generator, told = _fitting(start.generator, shapes, "generator")
    ema, _ = _fitting(start.ema, shapes["params"], "")
    judge = config.stylegan2.network if config.stylegan2 else None
    discriminator = start.discriminator
    if discriminator is not None and judge is not None:
        wanted = jax.eval_shape(Discriminator(judge).init, jax.random.key(0), *_judged(judge))
        discriminator, more = _fitting(discriminator, wanted, "discriminator")
        told = f"{told}; {more}"
    _log.warning("Copied from %s: %s.", source, told)
    whole = len(jax.tree.leaves(generator)) == len(jax.tree.leaves(shapes))
    return Start(generator, ema, discriminator, judge, whole)


def _check_frozen(start: Start, config: GanConfig) -> None:
    layers = frozen_layers(config.stylegan2.network) if config.stylegan2 else set()
    held = (start.discriminator or {}).get("params", {})
    anew = sorted(f"{block}.{layer}" for block, layer in layers if layer not in held.get(block, {}))
    check(
        not anew,
        f"Only layers of a trained discriminator can be frozen, but {config.init_from} gives none for "
        f"{', '.join(anew)}; set freeze_layers to 0, or name another model.",
    )


def _fitting(given: Mapping[str, Any], wanted: Mapping[str, Any], what: str) -> tuple[dict[str, Any], str]:
    """The layers of `given` that have the names and shapes of `wanted`, whole layers only; and what to say of it."""
    flat: dict[tuple[str, ...], Any] = traverse_util.flatten_dict(given)  # type: ignore[assignment]
    shapes: dict[tuple[str, ...], Any] = traverse_util.flatten_dict(wanted)  # type: ignore[assignment]
    misfits = {path[:-1] for path, leaf in shapes.items() if path not in flat or np.shape(flat[path]) != leaf.shape}
    copied = [path for path in shapes if path[:-1] not in misfits]
    names = dict.fromkeys(_part(path) for path in copied)
    anew = dict.fromkeys(_part(path) for path in shapes if path[:-1] in misfits)
    told = f"the {what}'s {_listed(name for name in names if name not in anew)}"
    told += f", and {_listed(name for name in anew if name in names)} in part" if anew.keys() & names.keys() else ""
    told += f", while {_listed(name for name in anew if name not in names)} begin anew" if anew.keys() - names else ""
    return traverse_util.unflatten_dict({path: flat[path] for path in copied}), told


def _part(path: tuple[str, ...]) -> str:
    """mapping, b4, b8, ... of ('params', 'synthesis', 'b8', 'conv0', 'weight')."""
    return next((name for name in path[1:] if name != "synthesis"), path[0])


def _listed(names: Any) -> str:
    """In the order of their resolutions; what is no block comes first."""
    return ", ".join(sorted(names, key=lambda name: int(name[1:]) if name[1:].isdigit() else 0)) or "nothing"


def _same_kind(model: Mapping[str, Any], config: GanConfig) -> bool:
    kind = model.get("discriminator", {}).get("kind", "stylegan2")
    return kind == ("stylegan2" if config.projected is None else "projected")


def _without_sizes(options: Mapping[str, Any]) -> dict[str, Any]:
    plain = {name: value for name, value in options.items() if name not in SIZES}
    return {name: _without_sizes(value) if isinstance(value, Mapping) else value for name, value in plain.items()}


def _mapped(config: GeneratorConfig) -> tuple[Any, Any]:
    return jnp.zeros((1, config.z_dim)), jnp.zeros((1, config.c_dim)) if config.c_dim else None


def _judged(config: DiscriminatorConfig) -> tuple[Any, Any]:
    side = config.resolution
    return jnp.zeros((1, side, side, config.img_channels)), jnp.zeros((1, config.c_dim)) if config.c_dim else None
