"""The published encoders in NumPy, channels first, straight from the tensors under the authors' names."""

import numpy as np
from psp_files import IRSE_UNITS, RESNET_UNITS, WIDTHS, units


def encode(tensors, body, heads, num_ws, images, deltas=False):
    """Raw codes [b, num_ws, w] of images [b, c, h, w]."""
    t = {name: np.asarray(array, np.float64) for name, array in tensors.items()}
    maps = {"irse50": irse, "resnet34": resnet}[body](t, images.astype(np.float64))
    if heads == "w":
        return np.stack([dense(t, "linear", maps[3].mean((2, 3)))] * num_ws, 1)
    if heads == "w_plus":
        pooled = adaptive_mean(norm(t, "output_layer_2.0", maps[3]), 7, 7).reshape(len(images), -1)
        hidden = pooled @ t["output_layer_2.3.weight"].T + t["output_layer_2.3.bias"]
        return dense(t, "linear", hidden).reshape(len(images), num_ws, -1)
    if heads == "pyramid":
        middle = bilinear(maps[3], *maps[2].shape[2:]) + conv(t, "latlayer1", maps[2])
        fine = bilinear(middle, *maps[1].shape[2:]) + conv(t, "latlayer2", maps[1])
        seen = [maps[3] if i < 3 else middle if i < 7 else fine for i in range(num_ws)]
    else:
        seen = [maps[3]] * num_ws
    rows = [style(t, f"styles.{i}", x) for i, x in enumerate(seen)]
    if deltas:
        rows = [rows[0] + (row if i >= 1 else 0) for i, row in enumerate(rows)]
    return np.stack(rows, 1)


def irse(t, x):
    x = prelu(t, "input_layer.2", norm(t, "input_layer.1", conv(t, "input_layer.0", x)))
    maps, starts = {}, {sum(IRSE_UNITS[:stage]) for stage in range(4)}
    for n, inputs, outputs, stage in units(WIDTHS, IRSE_UNITS):
        stride, name = 2 if n in starts else 1, f"body.{n}.res_layer"
        shortcut = x[:, :, ::stride, ::stride]
        if inputs != outputs:
            shortcut = norm(t, f"body.{n}.shortcut_layer.1", conv(t, f"body.{n}.shortcut_layer.0", x, stride))
        y = prelu(t, f"{name}.2", conv(t, f"{name}.1", norm(t, f"{name}.0", x)))
        y = norm(t, f"{name}.4", conv(t, f"{name}.3", y, stride))
        gate = conv(t, f"{name}.5.fc1", y.mean((2, 3), keepdims=True)).clip(0)
        maps[stage] = x = shortcut + y / (1 + np.exp(-conv(t, f"{name}.5.fc2", gate)))
    return [maps[stage] for stage in range(4)]


def resnet(t, x):
    x = prelu(t, "relu", norm(t, "bn1", conv(t, "conv1", x, 2)))
    maps, starts = {}, {sum(RESNET_UNITS[:stage]) for stage in (1, 2, 3)}
    for n, _, _, stage in units(WIDTHS, RESNET_UNITS):
        stride, name = 2 if n in starts else 1, f"body.{n}"
        y = norm(t, f"{name}.bn1", conv(t, f"{name}.conv1", x, stride)).clip(0)
        y = norm(t, f"{name}.bn2", conv(t, f"{name}.conv2", y))
        if f"{name}.downsample.0.weight" in t:
            x = norm(t, f"{name}.downsample.1", conv(t, f"{name}.downsample.0", x, stride))
        maps[stage] = x = (x + y).clip(0)
    return [maps[stage] for stage in range(4)]


def style(t, name, x):
    j = 0
    while f"{name}.convs.{j}.weight" in t:
        x = conv(t, f"{name}.convs.{j}", x, 2)
        x, j = np.where(x > 0, x, 0.01 * x), j + 2
    assert x.shape[2:] == (1, 1)
    return dense(t, f"{name}.linear", x[:, :, 0, 0])


def conv(t, name, x, stride=1):
    kernel = t[f"{name}.weight"]
    size = kernel.shape[-1]
    x = np.pad(x, ((0, 0), (0, 0), (size // 2, size // 2), (size // 2, size // 2)))
    windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), (2, 3))[:, :, ::stride, ::stride]
    y = np.moveaxis(np.tensordot(windows, kernel, ((1, 4, 5), (1, 2, 3))), -1, 1)
    return y + t[f"{name}.bias"][:, None, None] if f"{name}.bias" in t else y


def norm(t, name, x):
    mean, var, weight, bias = (
        t[f"{name}.{key}"][:, None, None] for key in ("running_mean", "running_var", "weight", "bias")
    )
    return (x - mean) / np.sqrt(var + 1e-5) * weight + bias


def prelu(t, name, x):
    return np.where(x > 0, x, t[f"{name}.weight"][:, None, None] * x)


def dense(t, name, x):
    """The equalised layer."""
    weight = t[f"{name}.weight"]
    return x @ weight.T / np.sqrt(weight.shape[1]) + t[f"{name}.bias"]


def adaptive_mean(x, height, width):
    h, w = x.shape[2:]
    cells = [
        [x[:, :, i * h // height : -(-(i + 1) * h // height), j * w // width : -(-(j + 1) * w // width)].mean((2, 3))
         for j in range(width)]
        for i in range(height)
    ]  # fmt: skip
    return np.stack([np.stack(row, -1) for row in cells], -2)


def bilinear(x, height, width):
    """Corners stay corners."""
    for axis, points in ((2, height), (3, width)):
        n = x.shape[axis]
        place = np.arange(points) * (n - 1) / (points - 1)
        low = np.floor(place).astype(int).clip(0, n - 2)
        share = (place - low).reshape([-1 if i == axis else 1 for i in range(4)])
        x = x.take(low, axis) * (1 - share) + x.take(low + 1, axis) * share
    return x
