"""The ops in NumPy, float64, as explicit loops over pixels and taps: slow, and hard to get wrong."""

import math

import numpy as np


def upfirdn2d(x, kernel, up=1, down=1, padding=0, gain=1.0, flip=False):
    """Every tap of every output pixel looks up its pixel of the picture with zeros in between and around."""
    kernel = np.asarray(kernel, np.float64)
    kernel = np.outer(kernel, kernel) if kernel.ndim == 1 else kernel
    kernel = kernel if flip else kernel[::-1, ::-1]
    top, bottom, left, right = (padding,) * 4 if isinstance(padding, int) else padding
    batch, height, width, channels = x.shape
    rows = (height * up + top + bottom - kernel.shape[0]) // down + 1
    columns = (width * up + left + right - kernel.shape[1]) // down + 1
    out = np.zeros((batch, rows, columns, channels))
    for row, column in np.ndindex(rows, columns):
        for (i, j), tap in np.ndenumerate(kernel):
            r, c = row * down + i - top, column * down + j - left
            if 0 <= r < height * up and 0 <= c < width * up and r % up == 0 and c % up == 0:
                out[:, row, column] += gain * tap * x[:, r // up, c // up]
    return out


def convolve(x, weight, pads=0, stride=1):
    """Correlation with zeros around."""
    (top, bottom), (left, right) = ((pads, pads),) * 2 if isinstance(pads, int) else pads
    batch, height, width, _ = x.shape
    rows = (height + top + bottom - weight.shape[0]) // stride + 1
    columns = (width + left + right - weight.shape[1]) // stride + 1
    out = np.zeros((batch, rows, columns, weight.shape[3]))
    for row, column in np.ndindex(rows, columns):
        for i, j in np.ndindex(*weight.shape[:2]):
            r, c = row * stride + i - top, column * stride + j - left
            if 0 <= r < height and 0 <= c < width:
                out[:, row, column] += x[:, r, c] @ weight[i, j]
    return out


def conv2d_resample(x, weight, resample=None, kernel=(1, 3, 3, 1)):
    """The generic path of NVIDIA's conv2d_resample: enlarge and filter, convolve at full size, filter and shrink."""
    size, (rows, columns) = weight.shape[0], (np.shape(kernel)[0], np.shape(kernel)[-1])
    kernel = np.asarray(kernel, np.float64) / np.sum(kernel)
    half = size // 2
    if resample is None:
        return convolve(x, weight, half)
    if resample == "up":
        padding = [half + side for taps in (rows, columns) for side in ((taps + 1) // 2, (taps - 2) // 2)]
        return convolve(upfirdn2d(x, kernel, up=2, padding=tuple(padding), gain=4), weight[::-1, ::-1])
    padding = [half + side for taps in (rows, columns) for side in ((taps - 1) // 2, (taps - 2) // 2)]
    return upfirdn2d(convolve(upfirdn2d(x, [1.0], padding=tuple(padding)), weight), kernel, down=2)


ACTIVATIONS = {
    "linear": (lambda x: x, 1),
    "relu": (lambda x: max(x, 0), math.sqrt(2)),
    "lrelu": (lambda x: x if x > 0 else 0.2 * x, math.sqrt(2)),
    "tanh": (math.tanh, 1),
    "sigmoid": (lambda x: 1 / (1 + math.exp(-x)), 1),
    "elu": (lambda x: x if x > 0 else math.expm1(x), 1),
    "selu": (lambda x: 1.0507009873554805 * (x if x > 0 else 1.6732632423543772 * math.expm1(x)), 1),
    "softplus": (lambda x: math.log(1 + math.exp(x)), 1),
    "swish": (lambda x: x / (1 + math.exp(-x)), math.sqrt(2)),
}


def bias_act(x, bias=None, activation="linear", gain=None, clamp=None):
    function, default_gain = ACTIVATIONS[activation]
    gain = default_gain if gain is None else gain
    bound = math.inf if clamp is None else clamp
    shifted = x if bias is None else x + bias
    values = [min(max(function(value) * gain, -bound), bound) for value in shifted.ravel()]
    return np.array(values, np.float64).reshape(x.shape)


def modulated_conv(
    x, weight, styles, noise=None, bias=None, *, up=False, demodulate=True, kernel=(1, 3, 3, 1), **epilogue
):
    """A picture at a time, a kernel each."""
    outs = []
    for i, style in enumerate(styles):
        own = weight * style[None, None, :, None]
        if demodulate:
            for o in range(own.shape[3]):
                own[..., o] /= math.sqrt((own[..., o] ** 2).sum() + 1e-8)
        out = conv2d_resample(x[i : i + 1], own, "up" if up else None, kernel)
        if noise is not None:
            out += noise[min(i, len(noise) - 1)]
        outs.append(bias_act(out, bias, **epilogue))
    return np.concatenate(outs)
