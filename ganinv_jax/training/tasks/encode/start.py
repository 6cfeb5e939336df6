"""What training an encoder starts from: the generator and whatever else the folder `init_from` holds."""

import dataclasses
from typing import Any

from ganinv_jax.core.configs import check, from_dict, to_dict
from ganinv_jax.models import registry
from ganinv_jax.models.encoders import PspConfig, WholeConfig, WholeEncoder, reads_whole
from ganinv_jax.models.inpainting import PARTS, StyleEncoder, light, psp
from ganinv_jax.models.stylegan2 import GeneratorConfig
from ganinv_jax.training.frozen import held_discriminator, read_model
from ganinv_jax.training.tasks.encode.config import EncodeConfig


@dataclasses.dataclass(frozen=True)
class Start:
    """generator, encoder: the modules. variables: the generator's. held: the encoder's, where the folder has one with
    these options. discriminator: likewise. kept: config and arrays of what the folder holds besides, to be handed on;
    not the parts that fill holes, which take another encoder."""

    generator: Any
    encoder: WholeEncoder
    variables: dict[str, Any]
    held: dict[str, Any] | None
    discriminator: dict[str, Any] | None
    kept: tuple[dict[str, Any], dict[str, Any]]


def read_start(config: EncodeConfig) -> Start:
    """Read the folder `config.init_from` and fit the recipe's encoder to its generator.

    Raises InputError where it holds no unconditional RGB generator with an average w, or where preset is 'given' and it
    holds no encoder of whole pictures in one pass.
    """
    model, arrays, generator = read_model(config.init_from, config.compute, "An encoder")
    average = generator.config.mapping.w_avg_beta is not None
    fits = f"The generator must keep an average w, which codes begin at, but that of {config.init_from} does not."
    check(average, fits)
    given = registry.restore("encoder", model, arrays) if "encoder" in arrays else None
    encoder = _given(config, given, generator.config) if config.preset == "given" else _preset(config, generator.config)
    same = given is not None and given.config == encoder.config
    kept = [part for part in arrays if part not in PARTS]
    return Start(
        generator.module,
        encoder,
        generator.variables,
        given.variables if given is not None and same else None,
        held_discriminator(config, model, arrays),
        ({part: model[part] for part in kept if part in model}, {part: arrays[part] for part in kept}),
    )


def _preset(config: EncodeConfig, generator: GeneratorConfig) -> StyleEncoder:
    sizes = to_dict({"light": light, "psp": psp}[config.preset](generator).encoder)
    encoder = from_dict(WholeConfig, sizes | config.options)
    _check_rows(encoder, generator)
    return StyleEncoder(encoder, config.compute)


def _given(config: EncodeConfig, given: registry.Network | None, generator: GeneratorConfig) -> WholeEncoder:
    check(
        given is not None and reads_whole(given.config),
        f"preset is 'given', so init_from must hold an encoder of whole pictures, but {config.init_from} does not; "
        "name another model, or the preset 'light' or 'psp'.",
    )
    assert given is not None
    once = not isinstance(given.config, PspConfig) or (given.config.passes, given.config.input_channels) == (None, 3)
    check(once, f"Training takes encoders that read RGB pictures once, but that of {config.init_from} does not.")
    _check_rows(given.config, generator)
    return given.module


def _check_rows(encoder: PspConfig | WholeConfig, generator: GeneratorConfig) -> None:
    rows, wanted = (encoder.num_ws, encoder.w_dim), (generator.num_ws, generator.w_dim)
    fits = f"The encoder must give {wanted[0]} styles of width {wanted[1]}, but gives {rows[0]} of {rows[1]}."
    check(rows == wanted, fits)
