"""NVIDIA's TensorFlow pickles, written without TensorFlow: small networks, their variables named as they are there."""

import functools
import pickle
import sys
import types
from unittest import mock

import numpy as np

WIDTHS = (7, 6, 4)  # at 4, 8 and 16 pixels
Z, W, HIDDEN, EMBEDDING, PROJECTION = 5, 8, 9, 2, 10
GENERATOR = {"resolution": 16, "num_channels": 3, "latent_size": Z, "dlatent_size": W, "mapping_layers": 2}
DISCRIMINATOR = {"resolution": 16, "num_channels": 3}


class Network:
    """A stand-in for dnnlib's class: its state is what is pickled."""

    __module__, __qualname__ = "dnnlib.tflib.network", "Network"

    def __init__(self, version, options, variables, components):
        self.version, self.name, self.static_kwargs = version, "Net", EasyDict(options)
        self.variables, self.components = list(variables.items()), EasyDict(components)
        self.build_module_src, self.build_func_name = "raise SystemExit", "main"


class EasyDict(dict):
    """A stand-in for dnnlib's dictionary."""

    __module__, __qualname__ = "dnnlib.util", "EasyDict"


def tensorflow_pickle() -> bytes:
    """A good file, of stylegan2's code."""
    generator = network(generator_tensors(), **GENERATOR)
    return pickled((generator, network(discriminator_tensors(), **DISCRIMINATOR), generator))


def pickled(value) -> bytes:
    """The opcodes that dnnlib's own classes would give: NEWOBJ and BUILD, and numpy's `_reconstruct`."""
    names = ("dnnlib", "dnnlib.util", "dnnlib.tflib", "dnnlib.tflib.network")
    modules = {name: types.ModuleType(name) for name in names}
    for kind in (Network, EasyDict):
        setattr(modules[kind.__module__], kind.__qualname__, kind)
    with mock.patch.dict(sys.modules, modules):
        return pickle.dumps(value, 4)


def network(tensors, version=4, **options) -> Network:
    """A network of `tensors`; those of the synthesis and the mapping network become components."""
    parts = {part: {} for part in ("", "synthesis", "mapping")}
    for name, tensor in tensors.items():
        part, _, rest = name.partition("/")
        inside = part in parts
        parts[part if inside else ""][rest if inside else name] = tensor
    own = parts.pop("")
    components = {part: Network(version, options, inner, {}) for part, inner in parts.items() if inner}
    return Network(version, options, own, components)


def generator_tensors(labels=0, architecture="skip", lod=True) -> dict:
    """Of 16 pixels, with two mapping layers, every number another."""
    draw = _draw(0)
    made = {"dlatent_avg": draw(W)} | ({"lod": np.float32(0)} if lod else {})
    if labels:
        made |= {"mapping/LabelEmbed/weight": draw((labels, EMBEDDING)), "mapping/LabelEmbed/bias": draw(EMBEDDING)}
    for i, (inputs, outputs) in enumerate([(Z + (EMBEDDING if labels else 0), HIDDEN), (HIDDEN, W)]):
        made |= {f"mapping/Dense{i}/weight": draw((inputs, outputs)), f"mapping/Dense{i}/bias": draw(outputs)}
    made |= {f"synthesis/noise{n}": draw((1, 1, side, side)) for n, side in enumerate((4, 8, 8, 16, 16))}
    made["synthesis/4x4/Const/const"] = draw((1, WIDTHS[0], 4, 4))

    def layer(name, inputs, outputs, size=3):
        made[f"synthesis/{name}/weight"] = draw((size, size, inputs, outputs))
        made[f"synthesis/{name}/mod_weight"], made[f"synthesis/{name}/mod_bias"] = draw((W, inputs)), draw(inputs)
        made[f"synthesis/{name}/bias"] = draw(outputs)
        if size == 3:
            made[f"synthesis/{name}/noise_strength"] = np.float32(draw(1)[0])

    layer("4x4/Conv", WIDTHS[0], WIDTHS[0])
    for block, inputs, outputs in (("8x8", *WIDTHS[:2]), ("16x16", *WIDTHS[1:])):
        layer(f"{block}/Conv0_up", inputs, outputs)
        layer(f"{block}/Conv1", outputs, outputs)
        if architecture == "resnet":
            made[f"synthesis/{block}/Skip/weight"] = draw((1, 1, inputs, outputs))
    for block, width in zip(("4x4", "8x8", "16x16"), WIDTHS, strict=True):
        if architecture == "skip" or block == "16x16":
            layer(f"{block}/ToRGB", width, 3, 1)
    return made


def discriminator_tensors(labels=0, architecture="resnet", mapping_layers=0) -> dict:
    """Of 16 pixels, every number another."""
    draw, made = _draw(1), {}

    def layer(name, *shape):
        made.update({f"{name}/weight": draw(shape), f"{name}/bias": draw(shape[-1])})

    for block, outputs, inputs in (("8x8", *WIDTHS[:2]), ("16x16", *WIDTHS[1:])):
        layer(f"{block}/Conv0", 3, 3, inputs, inputs)
        layer(f"{block}/Conv1_down", 3, 3, inputs, outputs)
        if architecture == "resnet":
            made[f"{block}/Skip/weight"] = draw((1, 1, inputs, outputs))
    for block, width in zip(("4x4", "8x8", "16x16"), WIDTHS, strict=True):
        if architecture == "skip" or block == "16x16":
            layer(f"{block}/FromRGB", 1, 1, 3, width)
    layer("4x4/Conv", 3, 3, WIDTHS[0] + 1, WIDTHS[0])
    layer("4x4/Dense0", WIDTHS[0] * 16, WIDTHS[0])
    layer("Output", WIDTHS[0], PROJECTION if labels else 1)
    if labels:
        layer("LabelEmbed", labels, PROJECTION)
    for i in range(mapping_layers):
        layer(f"Mapping{i}", PROJECTION, PROJECTION)
    return made


def _draw(seed):
    return functools.partial(np.random.default_rng(seed).standard_normal, dtype=np.float32)
