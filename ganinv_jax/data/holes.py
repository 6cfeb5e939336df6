"""Random holes: which pixels of a square are missing. True or 1 is a missing pixel everywhere in this package."""

import difflib
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Bool, Float
from PIL import Image, ImageDraw

from ganinv_jax.core.errors import InputError

Preset = Callable[[int, np.random.Generator], np.ndarray]
MIN_RESOLUTION = 8


def sample_hole(preset: str, resolution: int, rng: np.random.Generator) -> Bool[np.ndarray, "r r"]:
    """Draw one hole of a preset (see `HOLE_PRESETS`); some pixel is missing and some pixel is known.

    Raises InputError for an unknown preset or a resolution under 8.
    """
    if preset not in HOLE_PRESETS:
        near = difflib.get_close_matches(preset, HOLE_PRESETS, n=1) or list(HOLE_PRESETS)
        raise InputError(f"There is no hole preset {preset!r}; choose {' or '.join(near)}.")
    if resolution < MIN_RESOLUTION:
        raise InputError(f"A hole must be at least {MIN_RESOLUTION} pixels wide, but {resolution} were asked for.")
    return HOLE_PRESETS[preset](resolution, rng)


def hole_batch(preset: str, seed: int, indices: Iterable[int], resolution: int) -> Float[np.ndarray, "b r r 1"]:
    """One hole per index, as 0 and 1. Hole i depends on (preset, seed, index i, resolution) alone, not on the batch."""
    holes = [sample_hole(preset, resolution, np.random.default_rng((seed, int(index)))) for index in indices]
    return np.stack(holes)[..., None].astype(np.float32)


@dataclass(frozen=True)
class FreeForm:
    """The boxes and brush strokes of CoModGAN and MAT (co-mod-gan training/mask_generator.py, MAT datasets/).

    Up to `boxes - 1` boxes with sides under half the picture, `large_boxes - 1` with sides under the whole, either
    overhanging by at most half, and `strokes - 1` strokes. All of it follows the picture's size but the brush, whose
    width is absolute in the originals; here it is the original's at `native` pixels and scales with the picture, or a
    small picture would be all hole. The hole's share of the picture lies in `share`, both ends excluded.
    """

    boxes: int
    large_boxes: int
    strokes: int
    native: int
    share: tuple[float, float] = (0.0, 1.0)

    def __call__(self, resolution: int, rng: np.random.Generator) -> np.ndarray:
        fewer = min(sum(self.share), 1.0)
        while True:
            canvas = Image.new("L", (resolution, resolution))
            draw = ImageDraw.Draw(canvas)
            for limit, side in ((self.boxes, resolution // 2), (self.large_boxes, resolution)):
                for _ in range(rng.integers(int(limit * fewer))):
                    _overhanging_box(draw, resolution, side, rng)
            boxes = np.asarray(canvas, bool)
            strokes = Image.new("L", (resolution, resolution))
            for _ in range(rng.integers(int(self.strokes * fewer))):
                _brush_stroke(ImageDraw.Draw(strokes), resolution, resolution / self.native, rng)
            flips = rng.choice([-1, 1], 2)
            hole = boxes | np.asarray(strokes, bool)[:: flips[0], :: flips[1]]
            if self.share[0] < hole.mean() < self.share[1]:
                return hole


@dataclass(frozen=True)
class Lama:
    """The wide masks of LaMa, segment strokes or boxes (saicinpainting/training/data/masks.py, configs/data_gen).

    Sizes are pixels of a 256x256 picture and scale with the resolution. Counts are (fewest, most). Boxes come with
    probability `box_share`; holes of more than half the picture are drawn anew, as bin/gen_mask_dataset.py does.
    """

    strokes: tuple[int, int]
    width: int
    length: int
    box_share: float = 0.0
    boxes: tuple[int, int] = (0, 0)
    box_side: tuple[int, int] = (0, 0)
    margin: int = 0

    def __call__(self, resolution: int, rng: np.random.Generator) -> np.ndarray:
        while True:
            canvas = Image.new("L", (resolution, resolution))
            paint = self._boxes if rng.random() < self.box_share else self._strokes
            paint(ImageDraw.Draw(canvas), resolution / 256, rng)
            hole = np.asarray(canvas, bool)
            if 0 < hole.mean() <= 0.5:
                return hole

    def _strokes(self, draw: ImageDraw.ImageDraw, scale: float, rng: np.random.Generator) -> None:
        fewest, most = self.strokes
        for stroke in range(rng.integers(fewest, most + 2)):  # One more than `most`: the original's class adds 1.
            x, y = rng.integers(256, size=2).tolist()
            for _ in range(rng.integers(1, 6)):
                angle = 0.01 + rng.integers(4)
                angle = -angle if stroke % 2 == 0 else angle
                length, width = 10 + rng.integers(self.length), 5 + rng.integers(self.width)
                end_x = min(max(int(x + length * math.sin(angle)), 0), 256)
                end_y = min(max(int(y + length * math.cos(angle)), 0), 256)
                _round_line(draw, [(x * scale, y * scale), (end_x * scale, end_y * scale)], width * scale)
                x, y = end_x, end_y

    def _boxes(self, draw: ImageDraw.ImageDraw, scale: float, rng: np.random.Generator) -> None:
        for _ in range(rng.integers(self.boxes[0], self.boxes[1] + 1)):
            width, height = rng.integers(self.box_side[0], self.box_side[1] + 1, 2).tolist()
            left = rng.integers(self.margin, 256 - self.margin - width + 1)
            top = rng.integers(self.margin, 256 - self.margin - height + 1)
            _box(draw, left * scale, top * scale, width * scale, height * scale)


def _nearest(small: FreeForm, large: FreeForm, resolution: int, rng: np.random.Generator) -> np.ndarray:
    """The table whose picture size is nearer to the resolution, by ratio."""
    return (large if resolution**2 > small.native * large.native else small)(resolution, rng)


def _half(side: str, resolution: int, rng: np.random.Generator) -> np.ndarray:
    side = side or ("left", "right", "top", "bottom")[rng.integers(4)]
    first = np.arange(resolution) < resolution // 2
    line = first if side in ("left", "top") else ~first
    shape = (1, -1) if side in ("left", "right") else (-1, 1)
    return np.broadcast_to(line.reshape(shape), (resolution, resolution)).copy()


def _centre(resolution: int, rng: np.random.Generator) -> np.ndarray:
    """The middle square of half the side: a quarter of the picture."""
    return _rectangle(resolution, resolution // 4, resolution // 4, resolution // 2, resolution // 2)


def _random_box(resolution: int, rng: np.random.Generator) -> np.ndarray:
    """One box inside the picture, sides between a quarter and three quarters of it."""
    width, height = rng.integers(resolution // 4, resolution * 3 // 4 + 1, 2)
    left, top = rng.integers(resolution - width + 1), rng.integers(resolution - height + 1)
    return _rectangle(resolution, left, top, width, height)


def _border(resolution: int, rng: np.random.Generator) -> np.ndarray:
    """A photo that fills only part of its canvas: each side is cut off with probability 1/2, and one at least.

    After LaMa's OutpaintingMaskGenerator, which cuts 4 to 25 %; up to 35 % here, as framing a close-up for a model of
    whole heads asks for more.
    """
    cut = rng.random(4) < 0.5
    if not cut.any():
        cut[rng.integers(4)] = True
    left, top, right, bottom = (np.ceil(rng.uniform(0.04, 0.35, 4) * resolution) * cut).astype(int).tolist()
    return ~_rectangle(resolution, left, top, resolution - left - right, resolution - top - bottom)


_TRAIN_MIX = {"large": 0.4, "small": 0.1, "comodgan": 0.1, "lama-thick": 0.1, "box": 0.1, "half": 0.1, "border": 0.1}


def _train(resolution: int, rng: np.random.Generator) -> np.ndarray:
    name = str(rng.choice(list(_TRAIN_MIX), p=list(_TRAIN_MIX.values())))
    return HOLE_PRESETS[name](resolution, rng)


HOLE_PRESETS: Mapping[str, Preset] = {
    "comodgan": FreeForm(10, 5, 20, 512),
    "large": partial(_nearest, FreeForm(4, 2, 8, 256), FreeForm(5, 3, 9, 512)),
    "small": partial(_nearest, FreeForm(2, 2, 3, 256), FreeForm(3, 2, 4, 512)),
    **{f"comodgan-h{i}": FreeForm(10, 5, 20, 512, (i / 5, (i + 1) / 5)) for i in range(5)},
    "lama-thin": Lama((4, 50), width=10, length=40),
    "lama-medium": Lama((4, 5), 50, 100, box_share=0.3 / 1.3, boxes=(1, 5), box_side=(10, 50)),
    "lama-thick": Lama((1, 5), 100, 200, box_share=0.3 / 1.3, boxes=(1, 3), box_side=(30, 150), margin=10),
    "half": partial(_half, ""),
    **{f"half-{side}": partial(_half, side) for side in ("left", "right", "top", "bottom")},
    "box": _random_box,
    "center": _centre,
    "border": _border,
    "train": _train,
}
"""Name to generator. `comodgan`, `large` and `small` (MAT's for 256 or 512 pixels, whichever is nearer) are free-form;
`comodgan-h0` to `-h4` are CoModGAN's of 0-20 % to 80-100 % of the picture; `lama-*` are LaMa's test masks; `half` is
one of the four halves; `box` and `center` are rectangles; `border` cuts sides off, to outpaint; `train` is a mix."""


def _overhanging_box(draw: ImageDraw.ImageDraw, resolution: int, side: int, rng: np.random.Generator) -> None:
    width, height = rng.integers(side, size=2).tolist()
    left = rng.integers(-(width // 2), resolution - width + width // 2)
    top = rng.integers(-(height // 2), resolution - height + height // 2)
    _box(draw, left, top, width, height)


def _brush_stroke(draw: ImageDraw.ImageDraw, resolution: int, scale: float, rng: np.random.Generator) -> None:
    """A zigzag of 4 to 17 steps, each about an eighth of the diagonal long and at about 72 degrees up, then down."""
    steps = int(rng.integers(4, 18))
    low, high = 2 * math.pi / 5 + rng.uniform(0, 2 * math.pi / 15, 2) * (-1, 1)
    angles = rng.uniform(low, high, steps)
    angles[::2] *= -1
    radius = math.hypot(resolution, resolution) / 8
    lengths = rng.normal(radius, radius // 2, steps).clip(0, 2 * radius)
    x, y = rng.integers(resolution, size=2).tolist()
    points = [(x, y)]
    for dx, dy in zip((lengths * np.cos(angles)).tolist(), (lengths * np.sin(angles)).tolist(), strict=True):
        x, y = int(min(max(x + dx, 0), resolution)), int(min(max(y + dy, 0), resolution))
        points.append((x, y))
    _round_line(draw, points, rng.uniform(12, 48) * scale)


def _round_line(draw: ImageDraw.ImageDraw, points: list[tuple[float, float]], width: float) -> None:
    width = max(int(width), 1)
    draw.line(points, fill=1, width=width)
    radius = width // 2
    for x, y in points:
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=1)


def _box(draw: ImageDraw.ImageDraw, left: float, top: float, width: float, height: float) -> None:
    left, top, right, bottom = round(left), round(top), round(left + width), round(top + height)
    if right > left and bottom > top:  # Pillow's boxes include their far edge.
        draw.rectangle((left, top, right - 1, bottom - 1), fill=1)


def _rectangle(resolution: int, left: int, top: int, width: int, height: int) -> np.ndarray:
    hole = np.zeros((resolution, resolution), bool)
    hole[top : top + height, left : left + width] = True
    return hole
