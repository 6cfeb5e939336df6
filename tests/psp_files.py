"""Checkpoints of pSp, e4e and ReStyle made by hand, their names written out as the authors' modules have them."""

import functools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

IRSE_UNITS, RESNET_UNITS = (3, 4, 14, 3), (3, 4, 6, 3)
WIDTHS = (16, 16, 18, 20)  # two stages of one width: a shortcut without a convolution in the midst
BLUR = np.outer([1, 3, 3, 1], [1, 3, 3, 1]).astype(np.float32) / 64

Tensors = dict[str, np.ndarray]


class Maker:
    """Draws tensors of middling size, so that no map grows or vanishes on the way."""

    def __init__(self, seed: int = 0):
        self.draw = functools.partial(np.random.default_rng(seed).standard_normal, dtype=np.float32)
        self.made: Tensors = {}

    def conv(self, name: str, inputs: int, outputs: int, size: int, bias: bool = False) -> None:
        self.made[f"{name}.weight"] = self.draw((outputs, inputs, size, size)) / math.sqrt(inputs * size * size)
        if bias:
            self.made[f"{name}.bias"] = self.draw(outputs)

    def norm(self, name: str, width: int) -> None:
        self.made |= {f"{name}.weight": 1 + 0.3 * self.draw(width), f"{name}.bias": 0.3 * self.draw(width)}
        self.made |= {f"{name}.running_mean": 0.3 * self.draw(width)}
        self.made |= {f"{name}.running_var": 0.5 + self.draw(width) ** 2}
        self.made[f"{name}.num_batches_tracked"] = np.array(7, np.int64)

    def prelu(self, name: str, width: int) -> None:
        self.made[f"{name}.weight"] = 0.3 * self.draw(width)

    def linear(self, name: str, inputs: int, outputs: int) -> None:
        self.made |= {f"{name}.weight": self.draw((outputs, inputs)), f"{name}.bias": self.draw(outputs)}


def encoder(body: str, heads: str, num_ws: int, w_dim: int, channels: int = 3, last: int = 16) -> Tensors:
    """The tensors of an encoder; `last` is the side of the body's last map."""
    maker = Maker()
    {"irse50": _irse, "resnet34": _resnet}[body](maker, channels)
    if heads == "w":
        maker.linear("linear", WIDTHS[-1], w_dim)
    if heads == "w_plus":
        maker.norm("output_layer_2.0", WIDTHS[-1])
        maker.linear("output_layer_2.3", WIDTHS[-1] * 7 * 7, w_dim)
        maker.made["output_layer_2.3.weight"] /= 30
        maker.linear("linear", w_dim, num_ws * w_dim)
    if heads == "pyramid":
        maker.conv("latlayer1", WIDTHS[2], WIDTHS[3], 1, bias=True)
        maker.conv("latlayer2", WIDTHS[1], WIDTHS[3], 1, bias=True)
    for i in range(num_ws if heads in ("pyramid", "coarse") else 0):
        side = last * (1 if heads == "coarse" or i < 3 else 2 if i < 7 else 4)
        for j in range(int(np.log2(side))):
            maker.conv(f"styles.{i}.convs.{2 * j}", w_dim if j else WIDTHS[-1], w_dim, 3, bias=True)
        maker.linear(f"styles.{i}.linear", w_dim, w_dim)
    return maker.made


def decoder(style: int = 5, widths: tuple[int, ...] = (7, 6, 4), layers: int = 2) -> Tensors:
    """The tensors of rosinality's generator, for 4 pixels and up."""
    maker = Maker(1)
    draw, made = maker.draw, maker.made
    made["input.input"] = draw((1, widths[0], 4, 4))
    for i in range(1, layers + 1):
        made |= {f"style.{i}.weight": draw((style, style)) * 100, f"style.{i}.bias": draw(style)}

    def modulated(name, inputs, outputs, size):
        made[f"{name}.conv.weight"] = draw((1, outputs, inputs, size, size))
        made[f"{name}.conv.modulation.weight"] = draw((inputs, style))
        made[f"{name}.conv.modulation.bias"] = draw(inputs)

    def layer(name, inputs, outputs):
        modulated(name, inputs, outputs, 3)
        made.update({f"{name}.noise.weight": draw(1), f"{name}.activate.bias": draw(outputs)})

    def output(name, inputs):
        modulated(name, inputs, 3, 1)
        made[f"{name}.bias"] = draw((1, 3, 1, 1))

    layer("conv1", widths[0], widths[0])
    output("to_rgb1", widths[0])
    for k, (inputs, outputs) in enumerate(zip(widths, widths[1:], strict=False)):
        layer(f"convs.{2 * k}", inputs, outputs)
        layer(f"convs.{2 * k + 1}", outputs, outputs)
        output(f"to_rgbs.{k}", outputs)
        made |= {f"convs.{2 * k}.conv.blur.kernel": 4 * BLUR, f"to_rgbs.{k}.upsample.kernel": 4 * BLUR}
    for n in range(2 * len(widths) - 1):
        side = 4 << ((n + 1) // 2)
        made[f"noises.noise_{n}"] = draw((1, 1, side, side))
    return made


def units(widths: tuple[int, ...], counts: tuple[int, ...]) -> Iterator[tuple[int, int, int, int]]:
    """(number, inputs, outputs, stage) of every unit of a body."""
    number, inputs = 0, widths[0]
    for stage, (width, count) in enumerate(zip(widths, counts, strict=True)):
        for _ in range(count):
            yield number, inputs, width, stage
            number, inputs = number + 1, width


def mapped(change: Callable[[Any], Any], value: Any) -> Any:
    """`value` with `change` applied to every array."""
    if isinstance(value, dict):
        return {key: mapped(change, item) for key, item in value.items()}
    return change(value) if isinstance(value, np.ndarray) else value


def _irse(maker: Maker, channels: int) -> None:
    maker.conv("input_layer.0", channels, WIDTHS[0], 3)
    maker.norm("input_layer.1", WIDTHS[0])
    maker.prelu("input_layer.2", WIDTHS[0])
    for n, inputs, outputs, _ in units(WIDTHS, IRSE_UNITS):
        if inputs != outputs:
            maker.conv(f"body.{n}.shortcut_layer.0", inputs, outputs, 1)
            maker.norm(f"body.{n}.shortcut_layer.1", outputs)
        maker.norm(f"body.{n}.res_layer.0", inputs)
        maker.conv(f"body.{n}.res_layer.1", inputs, outputs, 3)
        maker.prelu(f"body.{n}.res_layer.2", outputs)
        maker.conv(f"body.{n}.res_layer.3", outputs, outputs, 3)
        maker.norm(f"body.{n}.res_layer.4", outputs)
        maker.conv(f"body.{n}.res_layer.5.fc1", outputs, outputs // 16, 1)
        maker.conv(f"body.{n}.res_layer.5.fc2", outputs // 16, outputs, 1)


def _resnet(maker: Maker, channels: int) -> None:
    maker.conv("conv1", channels, WIDTHS[0], 7)
    maker.norm("bn1", WIDTHS[0])
    maker.prelu("relu", WIDTHS[0])
    starts = {sum(RESNET_UNITS[:stage]) for stage in (1, 2, 3)}
    for n, inputs, outputs, _ in units(WIDTHS, RESNET_UNITS):
        for i, width in ((1, inputs), (2, outputs)):
            maker.conv(f"body.{n}.conv{i}", width, outputs, 3)
            maker.norm(f"body.{n}.bn{i}", outputs)
        if n in starts or inputs != outputs:
            maker.conv(f"body.{n}.downsample.0", inputs, outputs, 1)
            maker.norm(f"body.{n}.downsample.1", outputs)
