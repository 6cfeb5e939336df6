"""NVIDIA's PyTorch pickles: stylegan2-ada-pytorch, and the StyleGAN2 networks that the stylegan3 repository writes."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from conversion.families import Converted
from conversion.nvidia_options import discriminator_config, generator_config
from conversion.persistent import Module, is_persistent, module_tree
from conversion.rules import CONV, DENSE, MAPS, SAME, Fixed, Table, bring, expand, send
from conversion.stylegan2 import DEFAULT_KERNEL, discriminator_shapes, generator_shapes, stored_filter
from ganinv_jax.core.configs import check
from ganinv_jax.core.errors import InputError
from ganinv_jax.models.stylegan2 import DiscriminatorConfig, GeneratorConfig

NAME = "nvidia-torch"
TITLE = "NVIDIA PyTorch pickle"

# Name in the file, path in our variables, change of layout. Weights keep NVIDIA's scale (runtime gains on both sides).
_MAPPING = (
    ("mapping.w_avg", "buffers/mapping/w_avg", SAME),
    ("mapping.embed.weight", "params/mapping/embed/weight", DENSE),
    ("mapping.embed.bias", "params/mapping/embed/bias", SAME),
    ("mapping.fc{i}.weight", "params/mapping/fc{i}/weight", DENSE),
    ("mapping.fc{i}.bias", "params/mapping/fc{i}/bias", SAME),
)
_SYNTHESIS = (
    ("synthesis.b4.const", "params/synthesis/b4/const", MAPS),
    ("synthesis.b{r}.{layer}.weight", "params/synthesis/b{r}/{layer}/weight", CONV),
    ("synthesis.b{r}.{layer}.bias", "params/synthesis/b{r}/{layer}/bias", SAME),
    ("synthesis.b{r}.{layer}.affine.weight", "params/synthesis/b{r}/{layer}/affine/weight", DENSE),
    ("synthesis.b{r}.{layer}.affine.bias", "params/synthesis/b{r}/{layer}/affine/bias", SAME),
    ("synthesis.b{r}.{layer}.noise_strength", "params/synthesis/b{r}/{layer}/noise_strength", SAME),
    ("synthesis.b{r}.{layer}.noise_const", "buffers/synthesis/b{r}/{layer}/noise_const", SAME),
)
_DISCRIMINATOR = (
    ("b{r}.{layer}.weight", "params/b{r}/{layer}/weight", CONV),
    ("b{r}.{layer}.bias", "params/b{r}/{layer}/bias", SAME),
)
_EPILOGUE = (
    ("b4.{layer}.weight", "params/b4/{layer}/weight", DENSE),  # fc reads the features in C, H, W order on both sides
    ("b4.{layer}.bias", "params/b4/{layer}/bias", SAME),
)


def recognise(content: Any) -> bool:
    """Whether a file's content is a dictionary of persistent networks."""
    return isinstance(content, dict) and any(is_persistent(content.get(key)) for key in ("G", "D", "G_ema"))


def convert(content: Mapping[str, Any], raw: bool = False) -> Converted:
    """G_ema as `generator`, D as `discriminator`, with `raw` also G as `generator_raw`.

    Raises InputError where anything is unknown or incomplete.
    """
    if not is_persistent(content.get("G_ema")):
        raise InputError("The pickle must hold the generator 'G_ema', which it lacks; it cannot make pictures.")
    networks = {key: module_tree(content[key], key) for key in ("G_ema", "D", "G") if content.get(key) is not None}
    converted = Converted(NAME, TITLE, {}, {})
    for key, (part, bring_in) in _PARTS.items():
        if key in networks and (raw or key != "G"):
            converted.configs[part], converted.variables[part] = bring_in(networks[key], key)
    for key in content:
        if content[key] is not None and (key not in _PARTS or _PARTS[key][0] not in converted.configs):
            converted.dropped[str(key)] = _DROPPED.get(key, "not a part of the networks")
    return converted


def convert_generator(network: Module, where: str = "G_ema") -> tuple[GeneratorConfig, dict[str, Any]]:
    """Configuration and variables of a pickled generator."""
    config = generator_config(network, where)
    return config, bring(_generator_table(config), network.tensors(), where)


def convert_discriminator(network: Module, where: str = "D") -> tuple[DiscriminatorConfig, dict[str, Any]]:
    """Configuration and variables of a pickled discriminator."""
    config = discriminator_config(network, where)
    return config, bring(_discriminator_table(config), network.tensors(), where)


def export_generator(config: GeneratorConfig, variables: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """A generator's variables as NVIDIA's state dict, buffers included: `load_state_dict` takes it as it is.

    Raises InputError for a generator with a mask head, and for variables that do not fit the configuration.
    """
    check(config.mask_channels == 0, "NVIDIA's generator draws no masks, so one with a mask head cannot be exported.")
    return send(_generator_table(config), variables)


def export_discriminator(config: DiscriminatorConfig, variables: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """A discriminator's variables as NVIDIA's state dict, buffers included."""
    return send(_discriminator_table(config), variables)


_PARTS = {
    "G_ema": ("generator", convert_generator),
    "D": ("discriminator", convert_discriminator),
    "G": ("generator_raw", convert_generator),
}
_DROPPED = {
    "G": "the generator as trained, without averaging; G_ema is used",
    "augment_pipe": "used in training only",
    "training_set_kwargs": "where the training pictures were",
}


def _generator_table(config: GeneratorConfig) -> Table:
    resolutions, architecture = config.block_resolutions, config.synthesis.architecture
    bindings = [{"r": r, "layer": layer} for r in resolutions for layer in ("conv0", "conv1", "torgb", "skip")]
    fixed = []
    for r in resolutions:
        # The block hands its own filter to the layers that resample; the others keep the default and never use it.
        own = ["", "conv0.", "skip."] if architecture == "resnet" else ["", "conv0."]
        fixed += _filters(f"synthesis.b{r}", own if r > 4 else [""], config.synthesis.resample_kernel)
        fixed += _filters(f"synthesis.b{r}", ["conv1."], DEFAULT_KERNEL)
    rules = _mapping_rules(config.mapping.num_layers) + expand(_SYNTHESIS, bindings)
    return Table(generator_shapes(config), rules, fixed)


def _discriminator_table(config: DiscriminatorConfig) -> Table:
    resolutions, architecture = config.block_resolutions, config.architecture
    bindings = [
        {"r": r, "layer": layer} for r in resolutions for layer in ("fromrgb", "conv0", "conv1", "skip", "conv")
    ]
    rules = _mapping_rules(config.mapping.num_layers) + expand(_DISCRIMINATOR, bindings)
    rules += expand(_EPILOGUE, [{"layer": "fc"}, {"layer": "out"}])
    fixed = _filters("b4", ["conv.", "fromrgb."] if architecture == "skip" else ["conv."], DEFAULT_KERNEL)
    for r in resolutions[1:]:
        own = ["", "conv1.", "skip."] if architecture == "resnet" else ["", "conv1."]
        unused = ["conv0.", "fromrgb."] if r == config.resolution or architecture == "skip" else ["conv0."]
        fixed += _filters(f"b{r}", own, config.resample_kernel) + _filters(f"b{r}", unused, DEFAULT_KERNEL)
    return Table(discriminator_shapes(config), rules, fixed)


def _mapping_rules(layers: int) -> list:
    return expand(_MAPPING, [{"i": i} for i in range(max(layers, 1))])  # labels are embedded without any layer too


def _filters(block: str, layers: list[str], kernel: tuple[float, ...]) -> list[Fixed]:
    meaning = f"the filter of the taps {list(kernel)}"
    return [Fixed(f"{block}.{layer}resample_filter", stored_filter(kernel), meaning) for layer in layers]
