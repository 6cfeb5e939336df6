"""NVIDIA's pickles, written without NVIDIA's code or torch: trees of persistent objects, as stylegan2-ada-pytorch's."""

import math
from collections import OrderedDict

import numpy as np
from torch_files import Persistent, nested_bytes, tensor

from conversion.nvidia_torch import export_discriminator, export_generator


def network_pickle(generator, variables, discriminator=None, scores=None, raw=None, **more) -> bytes:
    """{G, D, G_ema} of the two configs and their variables.

    raw: G's variables, where they differ from G_ema's. more: further entries of the table.
    """
    made = {"G_ema": variables, "G": variables if raw is None else raw}
    networks = {name: pickled_generator(generator, tree) for name, tree in made.items()}
    if discriminator is not None:
        networks["D"] = pickled_discriminator(discriminator, scores)
    return nested_bytes({"training_set_kwargs": {"path": "pictures.zip"}} | networks | more)


def pickled_generator(config, variables) -> Persistent:
    """The persistent object of a generator."""
    synthesis, halved = config.synthesis, _halved(config.block_resolutions, config.synthesis.num_fp16_res)
    layer = {"activation": synthesis.activation, "use_noise": synthesis.use_noise, "conv_clamp": synthesis.conv_clamp}
    made = {"resample_filter": list(synthesis.resample_kernel)}
    classes = {
        "": ("Generator", _sizes(config)),
        "mapping": ("MappingNetwork", _mapping(config.mapping, config.w_dim)),
        "synthesis": ("SynthesisNetwork", {"num_fp16_res": synthesis.num_fp16_res, "_init_kwargs": _widths(synthesis)}),
    }
    for r in config.block_resolutions:
        options = {"architecture": synthesis.architecture, "use_fp16": r in halved, "_init_kwargs": made}
        classes[f"synthesis.b{r}"] = ("SynthesisBlock", options)
        classes[f"synthesis.b{r}.conv0"] = ("SynthesisLayer", layer | {"_init_kwargs": made})
        classes[f"synthesis.b{r}.conv1"] = ("SynthesisLayer", layer)
        classes[f"synthesis.b{r}.torgb"] = ("ToRGBLayer", {"conv_clamp": synthesis.conv_clamp})
        classes[f"synthesis.b{r}.skip"] = ("Conv2dLayer", {"_init_kwargs": made})
    return _tree(export_generator(config, variables), classes, config.mapping)


def pickled_discriminator(config, variables) -> Persistent:
    """The persistent object of a discriminator."""
    halved = _halved(config.block_resolutions, config.num_fp16_res)
    layer = {"activation": config.activation, "conv_clamp": config.conv_clamp}
    made = {"resample_filter": list(config.resample_kernel)}
    epilogue = {"architecture": config.architecture, "cmap_dim": config.projection_dim}
    statistics = {"group_size": config.mbstd_group_size, "num_channels": config.mbstd_num_channels}
    classes = {
        "": ("Discriminator", _sizes(config) | {"num_fp16_res": config.num_fp16_res, "_init_kwargs": _widths(config)}),
        "mapping": ("MappingNetwork", _mapping(config.mapping, config.projection_dim)),
        "b4": ("DiscriminatorEpilogue", epilogue),
        "b4.conv": ("Conv2dLayer", layer),
        "b4.mbstd": ("MinibatchStdLayer", statistics),
    }
    for r in config.block_resolutions[1:]:
        classes[f"b{r}"] = ("DiscriminatorBlock", {"architecture": config.architecture, "use_fp16": r in halved})
        for name in ("fromrgb", "conv0", "conv1", "skip"):
            classes[f"b{r}.{name}"] = ("Conv2dLayer", layer | {"_init_kwargs": made if name == "conv1" else {}})
    return _tree(export_discriminator(config, variables), classes, config.mapping)


def _sizes(config) -> dict:
    sizes = {"img_resolution": config.resolution, "c_dim": config.c_dim, "img_channels": config.img_channels}
    return sizes | {key: getattr(config, key) for key in ("z_dim", "w_dim") if hasattr(config, key)}


def _widths(config) -> dict:
    return {"channel_base": config.channel_base, "channel_max": config.channel_max}


def _mapping(config, width) -> dict:
    return {"num_layers": config.num_layers, "w_dim": width, "w_avg_beta": config.w_avg_beta}


def _halved(resolutions, count) -> set:
    return set(resolutions[1:][-count:]) if count else set()


def _tree(tensors: dict, classes: dict, mapping) -> Persistent:
    """Nest the tensors by their dotted names, and add the modules that hold none."""
    children: dict[str, set] = {}
    for path in [name.rpartition(".")[0] for name in tensors] + (["b4.mbstd"] if "b4.mbstd" in classes else []):
        while path:
            children.setdefault(path.rpartition(".")[0], set()).add(path)
            path = path.rpartition(".")[0]

    def build(path: str) -> Persistent:
        own = {name.rpartition(".")[2]: array for name, array in tensors.items() if name.rpartition(".")[0] == path}
        buffers = {"noise_const", "resample_filter", "w_avg"}
        kind, options = classes.get(path) or _linear(path, own, mapping)
        if kind in ("Conv2dLayer", "ToRGBLayer"):
            options = options | {"weight_gain": 1 / math.sqrt(math.prod(own["weight"].shape[1:]))}
        state = {
            "training": False,
            "_parameters": OrderedDict((key, tensor(a)) for key, a in own.items() if key not in buffers),
            "_buffers": OrderedDict((key, tensor(a)) for key, a in own.items() if key in buffers),
            "_modules": OrderedDict((p.rpartition(".")[2], build(p)) for p in sorted(children.get(path, ()))),
        }
        meta = {"type": "class", "version": 6, "module_src": "raise SystemExit", "class_name": kind}
        return Persistent(meta | {"state": state | options})

    return build("")


def _linear(path: str, own: dict, mapping) -> tuple[str, dict]:
    rate = mapping.lr_multiplier if path.startswith("mapping.fc") else 1.0
    gain = np.float64(rate / math.sqrt(own["weight"].shape[1]))
    return "FullyConnectedLayer", {"activation": mapping.activation, "bias_gain": rate, "weight_gain": gain}
