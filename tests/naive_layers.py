"""Layers written out with NumPy in float64, as definitions rather than as programs."""

import itertools

import numpy as np


def conv(x, weight, stride=1, padding=(0, 0)):
    """x [b, h, w, i] with weight [kh, kw, i, o]."""
    x = np.pad(np.asarray(x, np.float64), ((0, 0), (padding[0],) * 2, (padding[1],) * 2, (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(x, weight.shape[:2], axis=(1, 2))[:, ::stride, ::stride]
    return np.einsum("bhwixy,xyio->bhwo", windows, np.asarray(weight, np.float64))


def pool(x, size, stride, padding=0, reduce=np.nanmax):
    """`reduce` of each window's pixels; padding is not a number, and counts for nothing."""
    x = np.pad(np.asarray(x, np.float64), ((0, 0), (padding,) * 2, (padding,) * 2, (0, 0)), constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(1, 2))[:, ::stride, ::stride]
    return reduce(windows, axis=(-2, -1))


def adaptive_average(x, side):
    """PyTorch's windows, as its documentation's formula has them."""
    found = np.zeros((len(x), side, side, x.shape[-1]))
    for i, j in itertools.product(range(side), repeat=2):
        (top, bottom), (left, right) = (
            (k * n // side, int(np.ceil((k + 1) * n / side))) for k, n in ((i, x.shape[1]), (j, x.shape[2]))
        )
        found[:, i, j] = x[:, top:bottom, left:right].mean(axis=(1, 2))
    return found


def batch_norm(x, params, buffers, epsilon):
    mean, variance = (np.asarray(buffers[name], np.float64) for name in ("running_mean", "running_var"))
    return (x - mean) / np.sqrt(variance + epsilon) * params["weight"] + params["bias"]


def relu(x):
    return np.maximum(x, 0)


def drawn(shapes, seed=0, gain=1.0):
    """Random variables of these shapes; `gain` is what a layer makes of a signal's size. Variances are positive."""
    rng = np.random.default_rng(seed)

    def draw(path, shape):
        if path.endswith("running_var"):
            return rng.uniform(0.5, 1.5, shape)
        if path.startswith("lpips/"):
            return rng.uniform(0, 1, shape)
        scale = gain * np.prod(shape[:-1]) ** -0.5 if len(shape) > 1 else 0.3
        shift = 1 if len(shape) == 1 and path.endswith("/weight") else 0
        return scale * rng.standard_normal(shape) + shift

    return {path: np.asarray(draw(path, shape), np.float32) for path, shape in shapes.items()}
