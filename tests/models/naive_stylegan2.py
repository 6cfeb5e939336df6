"""StyleGAN2 in NumPy, float64, a picture at a time, from the papers' formulas; parameters as in the modules."""

import numpy as np

FILTER = np.array([1.0, 3, 3, 1]) / 8


def mapping(p, z=None, c=None, lr=0.01):
    parts = [] if z is None else [_unit(z)]
    if c is not None:
        parts.append(_unit(_dense(p["embed"], c)))
    x = np.concatenate(parts, axis=-1)
    for i in range(sum(name.startswith("fc") for name in p)):
        x = _lrelu(_dense(p[f"fc{i}"], x, lr))
    return x


def synthesis(p, noises, ws, architecture="skip", clamp=np.inf, noise=True):
    """ws [l, w] -> {head: image [r, r, k]}."""
    noises = noises if noise else {}
    x, row, images = p["b4"]["const"], 0, {}
    for resolution in sorted(int(name[1:]) for name in p):
        block, noise = p[f"b{resolution}"], noises.get(f"b{resolution}", {})
        half = np.sqrt(0.5) if architecture == "resnet" and resolution > 4 else 1
        gains = {"conv0": 1, "conv1": half}
        before = x
        for name in ("conv0", "conv1"):
            if name in block:
                x = _styled(block[name], noise.get(name), x, ws[row], name == "conv0", gains[name], clamp)
                row += 1
        if "skip" in block:
            x = x + half * _up(before, block["skip"]["weight"] / np.sqrt(before.shape[-1]))
        for head in ("rgb", "mask"):
            if f"to{head}" in block:
                y = _to_image(block[f"to{head}"], x, ws[row], clamp)
                images[head] = y + _fir(images[head], up=2, before=2, after=1, gain=4) if head in images else y
    return images


def discriminator(p, images, group, c=None, architecture="resnet", clamp=np.inf):
    """images [b, r, r, k] -> logits [b]."""
    top = max(int(name[1:]) for name in p if name[0] == "b")
    xs = [_body(p, image, top, architecture, clamp) for image in images]
    spread = np.empty(len(xs))
    for start in range(len(xs) // group):
        members = range(start, len(xs), len(xs) // group)
        std = np.sqrt(np.var([xs[i] for i in members], axis=0) + 1e-8)
        spread[list(members)] = std.mean()
    logits = []
    for i, (x, s) in enumerate(zip(xs, spread, strict=True)):
        x = np.concatenate([x, np.full((4, 4, 1), s)], axis=-1)
        x = _conv_layer(p["b4"]["conv"], x, clamp=clamp).transpose(2, 0, 1).ravel()
        x = _dense(p["b4"]["out"], _lrelu(_dense(p["b4"]["fc"], x)))
        logits.append(x[0] if c is None else x @ mapping(p["mapping"], c=c[i]) / np.sqrt(len(x)))
    return np.array(logits)


def _body(p, image, top, architecture, clamp):
    x, resolution = 0, top
    while resolution > 4:
        block = p[f"b{resolution}"]
        if "fromrgb" in block:
            x = x + _conv_layer(block["fromrgb"], image, clamp=clamp)
            image = _fir(image, down=2, before=1, after=1)
        half = np.sqrt(0.5) if architecture == "resnet" else 1
        y = _conv_layer(block["conv1"], _conv_layer(block["conv0"], x, clamp=clamp), down=True, gain=half, clamp=clamp)
        if "skip" in block:
            y = y + half * _fir(x, down=2, before=1, after=1) @ block["skip"]["weight"][0, 0] / np.sqrt(x.shape[-1])
        x, resolution = y, resolution // 2
    return x + _conv_layer(p["b4"]["fromrgb"], image) if "fromrgb" in p["b4"] else x


def _styled(p, noise, x, w, up, gain, clamp):
    weight = p["weight"] * _dense(p["affine"], w)[:, None]
    weight = weight / np.sqrt((weight**2).sum(axis=(0, 1, 2)) + 1e-8)
    x = _up(x, weight) if up else _conv(np.pad(x, ((1, 1), (1, 1), (0, 0))), weight)
    if noise:
        x = x + p["noise_strength"] * noise["noise_const"][..., None]
    return np.clip(gain * _lrelu(x + p["bias"]), -clamp * gain, clamp * gain)


def _to_image(p, x, w, clamp):
    styles = _dense(p["affine"], w) / np.sqrt(x.shape[-1])
    return np.clip((x * styles) @ p["weight"][0, 0] + p["bias"], -clamp, clamp)


def _conv_layer(p, x, down=False, gain=1.0, clamp=np.inf):
    weight = p["weight"] / np.sqrt(np.prod(p["weight"].shape[:3]))
    if down:
        x = _conv(_fir(x, before=2, after=2), weight)[::2, ::2]
    else:
        edge = len(weight) // 2
        x = _conv(np.pad(x, ((edge, edge), (edge, edge), (0, 0))), weight)
    return np.clip(gain * _lrelu(x + p["bias"]), -clamp * gain, clamp * gain)


def _up(x, weight):
    """Twice the size: zeros in between, the filter, then a true convolution."""
    edge = len(weight) // 2
    return _conv(_fir(x, up=2, before=2 + edge, after=1 + edge, gain=4), weight[::-1, ::-1])


def _conv(x, weight):
    windows = np.lib.stride_tricks.sliding_window_view(x, weight.shape[:2], axis=(0, 1))
    return np.einsum("hwiyx,yxio->hwo", windows, weight)


def _fir(x, up=1, down=1, before=0, after=0, gain=1):
    spread = np.zeros((x.shape[0] * up, x.shape[1] * up, x.shape[2]))
    spread[::up, ::up] = x
    padded = np.pad(spread, ((before, after), (before, after), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (4, 4), axis=(0, 1))
    return gain * np.einsum("hwcyx,y,x->hwc", windows, FILTER, FILTER)[::down, ::down]


def _dense(p, x, lr=1.0):
    return x @ p["weight"] * lr / np.sqrt(len(p["weight"])) + p["bias"] * lr


def _lrelu(x):
    return np.sqrt(2) * np.where(x > 0, x, 0.2 * x)


def _unit(x):
    return x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + 1e-8)
