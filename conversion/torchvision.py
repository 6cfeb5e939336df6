"""torchvision's VGG16 and AlexNet (vgg16-*.pth, alexnet-*.pth), with the heads that make LPIPS of them.

The heads (each channel's weight, BSD-2) are no part of torchvision's files. They are taken from the same file where
someone put them there, else from the wheel `lpips`, of which one data file is read and no module imported.
"""

import importlib.util
import re
from pathlib import Path
from typing import Any

import numpy as np

from conversion.families import Converted
from conversion.rules import CONV, DENSE, SAME, Rule, Table, Transform, bring, flattened
from conversion.state_dicts import Tensors, is_state_dict, picture_shapes, shape_of
from ganinv_jax.core.configs import check
from ganinv_jax.core.errors import InputError
from ganinv_jax.core.torchfile import read
from ganinv_jax.models.features.convnets import AlexNetConfig, ConvNet, ConvNetConfig, Vgg16Config

NAME = "torchvision"
TITLE = "torchvision VGG16 or AlexNet"

_HEAD = "lin{i}.model.1.weight"
_HEADS_FILE = "weights/v0.1/{name}.pth"  # in the wheel; v0.0 belongs to LPIPS without its scaling of pixels
# Kind of network: its title, its configuration, what the wheel calls it, the places of its classifier's layers.
_NETWORKS: dict[str, tuple[str, type[ConvNetConfig], str, tuple[int, int, int]]] = {
    "vgg16": ("VGG16", Vgg16Config, "vgg", (0, 3, 6)),
    "alexnet": ("AlexNet", AlexNetConfig, "alex", (1, 4, 6)),
}


def recognise(content: Any) -> bool:
    """Whether a file's content is a state dict of torchvision's convolutional classifiers, or LPIPS' heads."""
    return is_state_dict(content) and ("features.0.weight" in content or _HEAD.format(i=0) in content)


def convert(content: Tensors, raw: bool = False) -> Converted:
    """The network as the part `features`, with heads where they are found. Raises InputError where it does not fit."""
    kind = _kind(content)
    title, _, wheel, _ = _NETWORKS[kind]
    title, dropped, tensors = f"torchvision {title}", {}, dict(content)
    config = _config(kind, tensors)
    if not config.lpips and config.widths == type(config)().widths:
        heads = _heads_of_wheel(wheel)
        tensors |= heads
        config = _config(kind, tensors)
        if heads:
            title += " with the LPIPS heads of the wheel `lpips`"
        else:
            dropped["LPIPS"] = (
                "its heads come with the wheel `lpips`, which is not installed; to have LPIPS, "
                "run `pip install --no-deps lpips` and convert again"
            )
    variables = bring(_table(kind, config), tensors, kind)
    for stage, head in variables.get("lpips", {}).items():
        check(bool((head >= 0).all()), f"LPIPS' weights must not be negative, but some of {stage} are.")
    return Converted(NAME, title, {"features": config}, {"features": variables}, dropped)


def _kind(tensors: Tensors) -> str:
    if "features.0.weight" not in tensors:
        raise InputError(
            "The file holds LPIPS' heads without the network below them; convert torchvision's vgg16-*.pth or "
            "alexnet-*.pth instead, which takes the heads from the wheel `lpips`."
        )
    matches = (re.fullmatch(r"features\.(\d{1,3})\.weight", name) for name in tensors)
    places = {int(match[1]) for match in matches if match}
    for kind, (_, options, _, _) in _NETWORKS.items():
        if places == {layer.index for layer in options.LAYERS}:
            return kind
    raise InputError(
        f"The network must be torchvision's VGG16 or AlexNet, without batch normalisation, but has {len(places)} "
        f"layers with weights at the places {sorted(places)}."
    )


def _config(kind: str, tensors: Tensors) -> ConvNetConfig:
    _, options, _, (hidden, _, classes) = _NETWORKS[kind]
    widths = tuple(shape_of(tensors, f"features.{layer.index}.weight", 4, kind)[0] for layer in options.LAYERS)
    has_heads, has_classifier = _HEAD.format(i=0) in tensors, f"classifier.{hidden}.weight" in tensors
    if not has_classifier:
        return options(widths, hidden=0, lpips=has_heads)
    outputs = {place: shape_of(tensors, f"classifier.{place}.weight", 2, kind)[0] for place in (hidden, classes)}
    return options(widths, outputs[hidden], outputs[classes], has_heads)


def _table(kind: str, config: ConvNetConfig) -> Table:
    rules = []
    for layer in config.LAYERS:
        rules += _layer(f"features.{layer.index}", layer.name, CONV)
    names, transforms = ("fc6", "fc7", "logits"), (flattened(config.GRID), DENSE, DENSE)
    for place, name, transform in zip(_NETWORKS[kind][3], names, transforms, strict=True):
        rules += _layer(f"classifier.{place}", name, transform)
    for i, stage in enumerate(config.maps):
        rules.append(Rule(_HEAD.format(i=i), f"lpips/{stage}", _CHANNELS))
    return Table(picture_shapes(ConvNet(config), config.size), rules)


def _layer(source: str, target: str, weight: Transform) -> list[Rule]:
    return [
        Rule(f"{source}.weight", f"params/{target}/weight", weight),
        Rule(f"{source}.bias", f"params/{target}/bias", SAME),
    ]


_CHANNELS = Transform(lambda x: x.reshape(-1), lambda x: x.reshape(1, -1, 1, 1))  # a 1x1 convolution to one channel


def _heads_of_wheel(name: str) -> dict[str, np.ndarray]:
    """The heads by their names in the wheel's file; none where the wheel is not installed."""
    spec = importlib.util.find_spec("lpips")  # looks the package up without importing it
    path = Path(spec.origin).parent / _HEADS_FILE.format(name=name) if spec and spec.origin else None
    if path is None or not path.is_file():
        return {}
    return dict(read(path))
