"""Checkpoints of rosinality/stylegan2-pytorch: as its training writes them, or its convert_weight.py."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from conversion.families import Converted
from conversion.rules import CONV, DENSE, MAPS, PER_MAP, SAME, SCALAR, Fixed, Rule, Table, batched, bring, expand
from conversion.state_dicts import Tensors, count_of, shape_of, tensors_of
from conversion.stylegan2 import (
    DEFAULT_KERNEL,
    LARGEST,
    LATENTS,
    discriminator_shapes,
    generator_shapes,
    mean_w,
    stored_filter,
    width_options,
)
from ganinv_jax.core.configs import from_dict
from ganinv_jax.core.errors import InputError
from ganinv_jax.models.stylegan2 import DiscriminatorConfig, GeneratorConfig

NAME = "rosinality"
TITLE = "rosinality checkpoint"


# Name in the file, path in our variables, change of layout. Weights have the scale that NVIDIA's have.
_MAPPING = (
    ("style.{fc}.weight", "params/mapping/fc{i}/weight", DENSE),  # style.0 normalises and has no weights
    ("style.{fc}.bias", "params/mapping/fc{i}/bias", SAME),
)
_AFFINE = (
    ("{source}.conv.modulation.weight", "params/synthesis/{target}/affine/weight", DENSE),
    ("{source}.conv.modulation.bias", "params/synthesis/{target}/affine/bias", SAME),
    ("{source}.conv.weight", "params/synthesis/{target}/weight", batched(CONV)),
)
_LAYER = (
    *_AFFINE,
    ("{source}.activate.bias", "params/synthesis/{target}/bias", SAME),
    ("{source}.noise.weight", "params/synthesis/{target}/noise_strength", SCALAR),
    ("noises.noise_{n}", "buffers/synthesis/{target}/noise_const", batched(batched(SAME))),
)
_OUTPUT = (*_AFFINE, ("{source}.bias", "params/synthesis/{target}/bias", batched(PER_MAP)))
_BLOCK = (
    ("convs.{j}.conv1.0.weight", "params/b{r}/conv0/weight", CONV),
    ("convs.{j}.conv1.1.bias", "params/b{r}/conv0/bias", SAME),
    ("convs.{j}.conv2.1.weight", "params/b{r}/conv1/weight", CONV),
    ("convs.{j}.conv2.2.bias", "params/b{r}/conv1/bias", SAME),
    ("convs.{j}.skip.1.weight", "params/b{r}/skip/weight", CONV),
)
_ENDS = (
    ("convs.0.0.weight", "params/b{resolution}/fromrgb/weight", CONV),
    ("convs.0.1.bias", "params/b{resolution}/fromrgb/bias", SAME),
    ("final_conv.0.weight", "params/b4/conv/weight", CONV),
    ("final_conv.1.bias", "params/b4/conv/bias", SAME),
    ("final_linear.0.weight", "params/b4/fc/weight", DENSE),
    ("final_linear.0.bias", "params/b4/fc/bias", SAME),
    ("final_linear.1.weight", "params/b4/out/weight", DENSE),
    ("final_linear.1.bias", "params/b4/out/bias", SAME),
)
AVERAGE = "latent_avg"  # lies beside the networks; taken with the generator's tensors
_DROPPED = {
    "g": "the generator as trained, without averaging; g_ema is used",
    "g_optim": "an optimiser's state",
    "d_optim": "an optimiser's state",
    "args": "the options of its training",
    "ada_aug_p": "used in training only",
}


def recognise(content: Any) -> bool:
    """Whether a file's content is a dictionary with networks as rosinality's code names them."""
    return isinstance(content, dict) and any(isinstance(content.get(key), dict) for key in ("g_ema", "g", "d"))


def convert(content: Mapping[str, Any], raw: bool = False) -> Converted:
    """g_ema as `generator`, d as `discriminator`, with `raw` also g as `generator_raw`.

    Raises InputError where anything is unknown or incomplete.
    """
    if not isinstance(content.get("g_ema"), dict):
        raise InputError("The checkpoint must hold the generator 'g_ema', which it lacks; it cannot make pictures.")
    converted, average = Converted(NAME, TITLE, {}, {}), content.get(AVERAGE)
    for key, part in {"g_ema": "generator", "g": "generator_raw"}.items():
        if content.get(key) is not None and (raw or key == "g_ema"):
            config, variables, made = convert_generator(tensors_of(content[key], key), average, key)
            converted.configs[part], converted.variables[part] = config, variables
            converted.made |= {f"{part}: {name}": how for name, how in made.items()}
    if content.get("d") is not None:
        judge = convert_discriminator(tensors_of(content["d"], "d"), "d")
        converted.configs["discriminator"], converted.variables["discriminator"] = judge
    taken = {"g_ema", "d", AVERAGE} | ({"g"} if raw else set())
    for key in content.keys() - taken:
        converted.dropped[str(key)] = _DROPPED.get(key, "not a part of the networks")
    return converted


def convert_generator(
    tensors: Tensors, average: Any, where: str
) -> tuple[GeneratorConfig, dict[str, Any], dict[str, str]]:
    """Configuration and variables of a generator, and what had to be made for want of it (see `Converted.made`).

    average: the mean w [w_dim] that a file holds beside the network, or None.
    """
    made = {}
    config = _generator_config(tensors, average is not None, where)
    if not any(name.startswith("noises.") for name in tensors):  # files from before noises were buffers
        tensors = {**tensors, **_drawn_noises(config)}
        made["noises"] = "constant noise, drawn from RandomState(0); the authors' code draws it anew for each picture"
    if average is not None:
        tensors = with_average(tensors, _array(average, f"{where}'s {AVERAGE}"), where)
    variables = bring(generator_table(config), tensors, where)
    if average is None:
        mapping = dataclasses.replace(config.mapping, w_avg_beta=type(config.mapping)().w_avg_beta)
        variables["buffers"]["mapping"] = {"w_avg": mean_w(config, variables)}
        config = dataclasses.replace(config, mapping=mapping)
        made[AVERAGE] = f"the mean w of {LATENTS} latents, drawn from RandomState(0)"
    return config, variables, made


def convert_discriminator(tensors: Tensors, where: str) -> tuple[DiscriminatorConfig, dict[str, Any]]:
    """Configuration and variables of a discriminator."""
    config = _discriminator_config(tensors, where)
    return config, bring(discriminator_table(config), tensors, where)


def generator_table(config: GeneratorConfig) -> Table:
    """Where each tensor of a generator belongs; `latent_avg` among them, where the config keeps an average."""
    layers = [{"source": "conv1", "target": "b4/conv1", "n": 0}]
    outputs = [{"source": "to_rgb1", "target": "b4/torgb"}]
    fixed = []
    for k, r in enumerate(config.block_resolutions[1:]):
        layers += [{"source": f"convs.{2 * k + i}", "target": f"b{r}/conv{i}", "n": 2 * k + 1 + i} for i in (0, 1)]
        outputs += [{"source": f"to_rgbs.{k}", "target": f"b{r}/torgb"}]
        fixed += [_filter(f"convs.{2 * k}.conv.blur.kernel", 4), _filter(f"to_rgbs.{k}.upsample.kernel", 4)]
    rules = [
        Rule("input.input", "params/synthesis/b4/const", batched(MAPS)),
        Rule(AVERAGE, "buffers/mapping/w_avg"),
        *expand(_MAPPING, [{"fc": i + 1, "i": i} for i in range(config.mapping.num_layers)]),
        *expand(_LAYER, layers),
        *expand(_OUTPUT, outputs),
    ]
    return Table(generator_shapes(config), rules, fixed)


def discriminator_table(config: DiscriminatorConfig) -> Table:
    """Where each tensor of a discriminator belongs."""
    blocks = [{"j": j, "r": r} for j, r in enumerate(reversed(config.block_resolutions[1:]), 1)]
    rules = expand(_BLOCK, blocks) + expand(_ENDS, [{"resolution": config.resolution}])
    fixed = [_filter(f"convs.{block['j']}.{name}.0.kernel", 1) for block in blocks for name in ("conv2", "skip")]
    return Table(discriminator_shapes(config), rules, fixed)


def with_average(tensors: Tensors, average: np.ndarray, where: str) -> dict[str, np.ndarray]:
    """A network's tensors and the average that lies beside it. Raises InputError where the network holds one itself."""
    if AVERAGE in tensors:
        raise InputError(f"{where} must not hold {AVERAGE!r} itself, which belongs beside it; it is not of this code.")
    return {**tensors, AVERAGE: average}


def _generator_config(tensors: Tensors, average: bool, where: str) -> GeneratorConfig:
    """Sizes from the tensors' shapes; all else is the same in every network of this code."""
    blocks = _blocks(1 + count_of(tensors, r"to_rgbs\.(\d+)\."), where)
    names = ["conv1", *(f"convs.{2 * k + 1}" for k in range(blocks - 1))]
    widths = [shape_of(tensors, f"{name}.conv.weight", 5, where)[1] for name in names]
    style = shape_of(tensors, "conv1.conv.modulation.weight", 2, where)[1]
    mapping = {"num_layers": count_of(tensors, r"style\.(\d+)\."), **({} if average else {"w_avg_beta": None})}
    return from_dict(
        GeneratorConfig,
        {
            "resolution": 2 ** (blocks + 1),
            "z_dim": style,
            "w_dim": style,
            "mapping": mapping,
            "synthesis": width_options(widths),
        },
    )


def _discriminator_config(tensors: Tensors, where: str) -> DiscriminatorConfig:
    blocks = _blocks(1 + count_of(tensors, r"convs\.(\d+)\.conv1\."), where)
    entering = [shape_of(tensors, f"convs.{j}.conv1.0.weight", 4, where)[1] for j in range(blocks - 1, 0, -1)]
    widths = [shape_of(tensors, "final_conv.0.weight", 4, where)[0], *entering]
    return from_dict(DiscriminatorConfig, {"resolution": 2 ** (blocks + 1), **width_options(widths)})


def _filter(source: str, gain: int) -> Fixed:
    meaning = f"the filter of the taps {list(DEFAULT_KERNEL)}" + (f", times {gain}" if gain > 1 else "")
    return Fixed(source, stored_filter(DEFAULT_KERNEL) * gain, meaning)


def _drawn_noises(config: GeneratorConfig) -> dict[str, np.ndarray]:
    rng = np.random.RandomState(0)
    sides = [4, *(r for r in config.block_resolutions[1:] for _ in range(2))]
    return {f"noises.noise_{n}": rng.randn(1, 1, side, side).astype(np.float32) for n, side in enumerate(sides)}


def _blocks(count: int, where: str) -> int:
    most = LARGEST.bit_length() - 2
    if not 2 <= count <= most:
        raise InputError(f"{where} must have 2 to {most} blocks, for 8 to {LARGEST} pixels, but has {count}.")
    return count


def _array(value: Any, what: str) -> np.ndarray:
    if not isinstance(value, np.ndarray):
        raise InputError(f"{what} must be a tensor, but is something else.")
    return value
