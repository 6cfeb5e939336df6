"""The options of NVIDIA's torch networks, from what their submodules resolved them to.

Constructor arguments alone would not do: a pickle records only those that were passed, and the defaults differ between
stylegan2-ada-pytorch and stylegan3.
"""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from conversion.persistent import Module
from conversion.stylegan2 import DEFAULT_KERNEL, LARGEST
from ganinv_jax.core.configs import from_dict
from ganinv_jax.core.errors import InputError
from ganinv_jax.models.stylegan2 import DiscriminatorConfig, GeneratorConfig, SynthesisConfig

_SCALED = {"Conv2dLayer", "FullyConnectedLayer", "ToRGBLayer"}  # classes that scale their weights by a stored gain


def generator_config(network: Module, where: str) -> GeneratorConfig:
    """Raises InputError where the options are missing, contradict each other or are not known."""
    mapping = _child(network, "mapping", where)
    synthesis = _child(network, "synthesis", where)
    resolution = _resolution(network, where)
    blocks = [_child(synthesis, f"b{r}", where) for r in _resolutions(resolution)]
    layers = [_child(block, name, where) for block in blocks for name in ("conv0", "conv1") if name in block.children]
    heads = [block.children["torgb"] for block in blocks if "torgb" in block.children]
    widths = tuple(_rows(_child(block, "conv1", where), where) for block in blocks)
    options = {
        "architecture": _shared(blocks, "architecture", where),
        "num_fp16_res": _num_fp16_res(synthesis, blocks, where),
        "conv_clamp": _optional_float(_shared(layers + heads, "conv_clamp", where)),
        "use_noise": _shared(layers, "use_noise", where),
        "activation": _shared(layers, "activation", where),
        "resample_kernel": _kernel([block.children["conv0"] for block in blocks[1:]], where),
    }
    _check_gains(network, where)
    return from_dict(
        GeneratorConfig,
        {
            "resolution": resolution,
            **{key: _attribute(network, key, where) for key in ("z_dim", "c_dim", "w_dim", "img_channels")},
            "mapping": _mapping_options(mapping, where),
            "synthesis": options | _width_options(widths, synthesis),
        },
    )


def discriminator_config(network: Module, where: str) -> DiscriminatorConfig:
    """Raises InputError where the options are missing, contradict each other or are not known."""
    resolution = _resolution(network, where)
    epilogue = _child(network, "b4", where)
    blocks = [_child(network, f"b{r}", where) for r in _resolutions(resolution)[1:]]
    conv = _child(epilogue, "conv", where)
    layers = [layer for block in blocks for name, layer in block.children.items() if name != "skip"]
    widths = (_rows(conv, where), *(_columns(_child(block, "conv0", where), where) for block in blocks))
    labels = _attribute(network, "c_dim", where)
    projection = _attribute(epilogue, "cmap_dim", where)
    statistics = epilogue.children.get("mbstd")
    options = {
        "resolution": resolution,
        "c_dim": labels,
        "img_channels": _attribute(network, "img_channels", where),
        "architecture": _shared([*blocks, epilogue], "architecture", where),
        "num_fp16_res": _num_fp16_res(network, [epilogue, *blocks], where),
        "conv_clamp": _optional_float(_shared([*layers, conv], "conv_clamp", where)),
        "cmap_dim": None if not labels or projection == widths[0] else projection,
        "activation": _shared([*layers, conv], "activation", where),
        "resample_kernel": _kernel([_child(block, "conv1", where) for block in blocks], where),
        "freeze_layers": sum("weight" in module.buffers for module in network.walk()),
        "mbstd_group_size": _attribute(statistics, "group_size", where) if statistics else 4,
        "mbstd_num_channels": _attribute(statistics, "num_channels", where) if statistics else 0,
    }
    if labels:
        options["mapping"] = _mapping_options(_child(network, "mapping", where), where)
    _check_gains(network, where)
    return from_dict(DiscriminatorConfig, options | _width_options(widths, network))


def _mapping_options(mapping: Module, where: str) -> dict[str, Any]:
    count = _attribute(mapping, "num_layers", where)
    layers = [child for name, child in mapping.children.items() if name.startswith("fc")]
    if len(layers) != count:
        raise InputError(f"{where}.mapping must have its {count} layers fc0, fc1, ..., but holds {len(layers)}.")
    width = _attribute(mapping, "w_dim", where)
    embedding = _rows(mapping.children["embed"], where) if "embed" in mapping.children else width
    hidden = _rows(layers[0], where) if count > 1 else width
    options = {
        "num_layers": count,
        "embed_features": None if embedding == width else embedding,
        "layer_features": None if hidden == width else hidden,
        "w_avg_beta": _optional_float(_attribute(mapping, "w_avg_beta", where)) if "w_avg" in mapping.buffers else None,
    }
    if layers:  # a discriminator that NVIDIA's tool brought over from TensorFlow has none
        rate = _number(_shared(layers, "bias_gain", where), f"{where}.mapping", "bias_gain")
        options |= {"activation": _shared(layers, "activation", where), "lr_multiplier": rate}
    return options


def _width_options(widths: tuple[int, ...], network: Module) -> dict[str, Any]:
    """channel_base and channel_max where they give these widths (as they do in published files), else a list."""
    passed = network.attributes.get("_init_kwargs")
    passed = passed if isinstance(passed, dict) else {}
    defaults = SynthesisConfig()
    base = _plain(passed.get("channel_base", defaults.channel_base))
    most = _plain(passed.get("channel_max", defaults.channel_max))
    resolutions = _resolutions(2 ** (len(widths) + 1))
    numbers = isinstance(base, int) and isinstance(most, int)
    if numbers and widths == tuple(min(base // r, most) for r in resolutions):
        return {"channel_base": base, "channel_max": most}
    return {"channels": widths}


def _num_fp16_res(network: Module, blocks: list[Module], where: str) -> int:
    """How many resolutions run in fp16; stored in newer pickles, else as many as the blocks say."""
    count = sum(bool(_attribute(block, "use_fp16", where)) for block in blocks if "use_fp16" in block.attributes)
    stored = _plain(network.attributes.get("num_fp16_res", count))
    return stored if isinstance(stored, int) and min(stored, len(blocks) - 1) == count else count


def _kernel(layers: list[Module], where: str) -> tuple[float, ...]:
    """The taps that the resampling layers were made with; their stored filters are verified against them later."""
    kernels = {_taps(layer, where) for layer in layers}
    if len(kernels) != 1:
        raise InputError(f"All layers of {where} must share one resample_filter, but they have {sorted(kernels)}.")
    return kernels.pop()


def _taps(layer: Module, where: str) -> tuple[float, ...]:
    passed = layer.attributes.get("_init_kwargs")
    taps = _plain(passed.get("resample_filter", DEFAULT_KERNEL)) if isinstance(passed, dict) else DEFAULT_KERNEL
    if not isinstance(taps, list | tuple) or not all(isinstance(tap, int | float) for tap in taps) or not sum(taps):
        raise InputError(f"{where}.{layer.name} has the resample_filter {taps!r}; taps of one axis are supported.")
    return tuple(float(tap) for tap in taps)


def _check_gains(network: Module, where: str) -> None:
    """Weights must be scaled as the published classes scale them, or the same numbers would mean something else."""
    for module in network.walk():
        weight = (module.parameters | module.buffers).get("weight")
        if module.kind not in _SCALED or weight is None or weight.size == 0:
            continue
        gain, place = _attribute(module, "weight_gain", where), f"{where}.{module.name}"
        rate = _number(module.attributes.get("bias_gain", 1), place, "bias_gain")
        expected = rate / math.sqrt(math.prod(weight.shape[1:]))
        if not math.isclose(_number(gain, place, "weight_gain"), expected, rel_tol=1e-5):
            raise InputError(
                f"{where}.{module.name} must scale weights by {expected:.6g}, but its weight_gain is {gain!r}."
            )


def _shared(modules: Iterable[Module], key: str, where: str) -> Any:
    """The value that an attribute has in all of `modules`."""
    values: dict[str, tuple[Any, str]] = {}
    for module in modules:
        value = _attribute(module, key, where)
        values.setdefault(repr(value), (value, module.name))
    if len(values) != 1:
        listed = ", ".join(f"{value!r} in {name}" for value, name in values.values())
        raise InputError(f"All layers of {where} must share one {key}, but they have {listed}.")
    return next(iter(values.values()))[0]


def _attribute(module: Module, key: str, where: str) -> Any:
    if key not in module.attributes:
        raise InputError(f"{where}.{module.name} must have the attribute {key!r}, which the file lacks.")
    value = _plain(module.attributes[key])
    plain = value is None or isinstance(value, bool | int | float | str)
    if not plain or isinstance(value, float) and not math.isfinite(value):
        raise InputError(f"{where}.{module.name} must have a plain value as {key!r}, but has {str(value)[:80]}.")
    return value


def _child(module: Module, key: str, where: str) -> Module:
    if key not in module.children:
        raise InputError(
            f"{where} must have a part {module.name + '.' if module.name else ''}{key}, which the file lacks."
        )
    return module.children[key]


def _resolution(network: Module, where: str) -> int:
    resolution = _attribute(network, "img_resolution", where)
    known = isinstance(resolution, int) and 8 <= resolution <= LARGEST and resolution & (resolution - 1) == 0
    if not known:
        raise InputError(f"{where} must have a resolution of 8 to {LARGEST}, a power of two, but has {resolution!r}.")
    return resolution


def _resolutions(resolution: int) -> list[int]:
    return [2**k for k in range(2, resolution.bit_length())]


def _rows(module: Module, where: str) -> int:
    return _weight_shape(module, where)[0]


def _columns(module: Module, where: str) -> int:
    return _weight_shape(module, where)[1]


def _weight_shape(module: Module, where: str) -> tuple[int, ...]:
    weight = (module.parameters | module.buffers).get("weight")
    if weight is None or weight.ndim < 2 or 0 in weight.shape:
        raise InputError(f"{where}.{module.name} must hold a weight, which the file lacks.")
    return weight.shape


def _number(value: Any, place: str, key: str) -> float:
    value = _plain(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InputError(f"{place} must have a number as {key}, but has {value!r}.")
    return float(value)


def _optional_float(value: Any) -> Any:
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
