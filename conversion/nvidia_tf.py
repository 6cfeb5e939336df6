"""NVIDIA's TensorFlow pickles: stylegan2 (configurations E and F) and stylegan2-ada."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from conversion.families import Converted
from conversion.nvidia_tf_options import discriminator_config, generator_config
from conversion.rules import MAPS, SAME, Table, Transform, batched, bring, expand
from conversion.stylegan2 import discriminator_shapes, generator_shapes
from conversion.tf_networks import TfNetwork, is_network, read_network
from ganinv_jax.core.errors import InputError
from ganinv_jax.models.stylegan2 import DiscriminatorConfig, GeneratorConfig

NAME = "nvidia-tf"
TITLE = "NVIDIA TensorFlow pickle"

# TensorFlow's kernels are HWIO and its matrices [in, out], as ours are.
_FLIPPED = Transform(lambda x: x[::-1, ::-1], lambda x: x[::-1, ::-1])  # a correlation's kernel <-> a convolution's
# TensorFlow adds 1 to the styles, here it is in their bias. The only arithmetic, rounded as in NVIDIA's own converter.
_PLUS_ONE = Transform(lambda x: x + np.float32(1), lambda x: x - np.float32(1))

# Name in the file, path in our variables, change of layout. Weights keep NVIDIA's scale (runtime gains on both sides).
_MAPPING = (
    ("dlatent_avg", "buffers/mapping/w_avg", SAME),
    ("mapping/LabelEmbed/{kind}", "params/mapping/embed/{kind}", SAME),
    ("mapping/Dense{i}/{kind}", "params/mapping/fc{i}/{kind}", SAME),
)
_SYNTHESIS = (
    ("synthesis/4x4/Const/const", "params/synthesis/b4/const", batched(MAPS)),
    # Overrules the line after it. The kernel of `Skip` is turned around too, but has one element.
    ("synthesis/{block}/Conv0_up/weight", "params/synthesis/b{r}/conv0/weight", _FLIPPED),
    ("synthesis/{block}/{source}/weight", "params/synthesis/b{r}/{target}/weight", SAME),
    ("synthesis/{block}/{source}/mod_weight", "params/synthesis/b{r}/{target}/affine/weight", SAME),
    ("synthesis/{block}/{source}/mod_bias", "params/synthesis/b{r}/{target}/affine/bias", _PLUS_ONE),
    ("synthesis/{block}/{source}/noise_strength", "params/synthesis/b{r}/{target}/noise_strength", SAME),
    ("synthesis/{block}/{source}/bias", "params/synthesis/b{r}/{target}/bias", SAME),
)
_NOISE = (("synthesis/noise{n}", "buffers/synthesis/b{r}/{target}/noise_const", batched(batched(SAME))),)
_LABELS = (
    ("LabelEmbed/{kind}", "params/mapping/embed/{kind}", SAME),
    ("Mapping{i}/{kind}", "params/mapping/fc{i}/{kind}", SAME),
)
_SCORES = (
    ("{block}/{source}/weight", "params/b{r}/{target}/weight", SAME),  # Dense0 reads C, H, W order on both sides
    ("{block}/{source}/bias", "params/b{r}/{target}/bias", SAME),
    ("Output/weight", "params/b4/out/weight", SAME),
    ("Output/bias", "params/b4/out/bias", SAME),
)


def recognise(content: Any) -> bool:
    """Whether a file's content is a tuple of TensorFlow networks."""
    return isinstance(content, tuple) and bool(content) and all(map(is_network, content))


def convert(content: Sequence[Any], raw: bool = False) -> Converted:
    """Of (G, D, Gs) the averaged generator Gs as `generator`, D as `discriminator`, with `raw` G as `generator_raw`.

    Raises InputError where anything is unknown, not supported or incomplete.
    """
    if len(content) != len(_ORDER):
        raise InputError(f"The pickle must hold the three networks G, D and Gs, but it holds {len(content)}.")
    networks = {key: read_network(record, key) for key, record in zip(_ORDER, content, strict=True)}
    converted = Converted(NAME, TITLE, {}, {})
    for key, (part, bring_in) in _PARTS.items():
        if key == "G" and not raw:
            converted.dropped[key] = "the generator as trained, without averaging; Gs is used"
            continue
        converted.configs[part], converted.variables[part] = bring_in(networks[key])
        converted.dropped |= {f"{key}.{name}": why for name, why in _DROPPED.items() if name in networks[key].tensors}
    if networks["D"].version == 4 and "mbstd_group_size" not in networks["D"].options:
        converted.made["discriminator: mbstd_group_size"] = _WHOLE_BATCH
    return converted


def convert_generator(network: TfNetwork) -> tuple[GeneratorConfig, dict[str, Any]]:
    """Configuration and variables of a generator."""
    config = generator_config(network)
    return config, bring(_generator_table(config), network.tensors, network.name)


def convert_discriminator(network: TfNetwork) -> tuple[DiscriminatorConfig, dict[str, Any]]:
    """Configuration and variables of a discriminator.

    As in NVIDIA's torch code, and unlike stylegan2-ada's TensorFlow code, `conv_clamp` leaves 4x4/FromRGB alone.
    """
    config = discriminator_config(network)
    return config, bring(_discriminator_table(config), network.tensors, network.name)


_ORDER = ("G", "D", "Gs")
_PARTS = {
    "Gs": ("generator", convert_generator),
    "D": ("discriminator", convert_discriminator),
    "G": ("generator_raw", convert_generator),
}
_DROPPED = {"lod": "how far progressive growing has come, which this network does not use"}
_WHOLE_BATCH = (
    "the whole batch is one group, as NVIDIA's own converter has it; stylegan2's code makes groups of 4, "
    "which is the same for batches of up to 4"
)


def _generator_table(config: GeneratorConfig) -> Table:
    resolutions = config.block_resolutions
    layers = [(4, "conv1"), *((r, name) for r in resolutions[1:] for name in ("conv0", "conv1"))]
    noises = [{"n": n, "r": r, "target": target} for n, (r, target) in enumerate(layers)]
    names = {"Conv0_up": "conv0", "Conv1": "conv1", "ToRGB": "torgb", "Skip": "skip"}
    blocks = _blocks(resolutions, {"Conv": "conv1", "ToRGB": "torgb"}, names)
    mapping = expand(_MAPPING, _numbered(config.mapping.num_layers))
    rules = [*mapping, *expand(_SYNTHESIS, blocks), *expand(_NOISE, noises)]
    return Table(generator_shapes(config), rules, dropped=frozenset(_DROPPED))


def _discriminator_table(config: DiscriminatorConfig) -> Table:
    names = {"FromRGB": "fromrgb", "Conv0": "conv0", "Conv1_down": "conv1", "Skip": "skip"}
    blocks = _blocks(config.block_resolutions, {"FromRGB": "fromrgb", "Conv": "conv", "Dense0": "fc"}, names)
    labels = expand(_LABELS, _numbered(max(config.mapping.num_layers, 1)))
    return Table(discriminator_shapes(config), [*labels, *expand(_SCORES, blocks)])


def _blocks(resolutions: Sequence[int], first: dict[str, str], names: dict[str, str]) -> list[dict[str, Any]]:
    """For each layer its block, its name there and here; `first` are those of the 4x4 block."""
    return [
        {"block": f"{r}x{r}", "r": r, "source": source, "target": target}
        for r in resolutions
        for source, target in (first if r == 4 else names).items()
    ]


def _numbered(layers: int) -> list[dict[str, Any]]:
    return [{"i": i, "kind": kind} for i in range(layers) for kind in ("weight", "bias")]
