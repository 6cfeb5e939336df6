"""Pictures in and out: files, ranges, sizes, framing. Photos are uint8 [h, w, 3]; models see float32 in [-1, 1]."""

import os
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, UInt8
from PIL import Image, ImageDraw, ImageFont

from ganinv_jax.core.decoding import decode
from ganinv_jax.core.errors import InputError
from ganinv_jax.core.files import atomic_file

ERASED = 127
"""The gray that erased pixels are shown as; the networks see 0 of [-1, 1] there."""


def read_photo(source: Any, name: str | None = None) -> UInt8[np.ndarray, "h w 3"]:
    """Read a photo of any mode, upright (EXIF) and over white where it is transparent.

    `source` is a path, the bytes of a picture file, a Pillow picture, or a uint8/uint16 array [h, w], [h, w, 1],
    [h, w, 3] or [h, w, 4]. 16-bit values are scaled to 8 bits. `name` stands for the source in messages.
    Raises InputError for anything that is not one whole picture of 1 to 128 million pixels.
    """
    return np.asarray(decode(source, name, "photo", background="white"))


def read_hole(source: Any, size: tuple[int, int], name: str | None = None) -> Bool[np.ndarray, "h w"]:
    """Read a hole: True where pixels are missing, given as white or True (transparent counts as black).

    `source` is as in `read_mask`; `size` is the (height, width) of the photo that the hole is for; `name` stands for
    the hole in messages. Raises InputError where the sizes differ, or where the hole is empty or leaves nothing known.
    """
    hole, told = read_mask(source, name, "hole"), f"The hole {name}" if name else "The hole"
    if hole.shape != tuple(size):
        (height, width), (hole_height, hole_width) = size, hole.shape
        raise InputError(
            f"{told} must have its photo's size, but the photo is {width}x{height} and the hole is "
            f"{hole_width}x{hole_height} (width x height); resize the hole."
        )
    if not hole.any():
        raise InputError(f"{told} is empty; paint the missing pixels white (or True) and the known ones black.")
    if hole.all():
        raise InputError(f"{told} covers the whole photo; at least one pixel must be known (black or False).")
    return hole


def read_mask(source: Any, name: str | None = None, what: str = "mask") -> Bool[np.ndarray, "h w"]:
    """Read a two-valued picture: True where it is white, from half on.

    `source` is as in `read_photo`, or a bool array, or a float array in [0, 1]. Transparent counts as black, and
    pixels that are all 0 or 1 mean False and True. Raises InputError as `read_photo` does.
    """
    if hasattr(source, "__array__") and not isinstance(source, Image.Image):
        source = _mask_levels(np.asarray(source))
    gray = np.asarray(decode(source, name, what, background="black").convert("L"))
    return gray > (127 if gray.max() > 1 else 0)


def to_float(images: UInt8[Any, "..."]) -> Float[Any, "..."]:
    """uint8 [0, 255] to float32 [-1, 1], as NVIDIA's training loop does."""
    return images.astype(np.float32) / np.float32(127.5) - np.float32(1)


def to_uint8(images: Float[Any, "..."]) -> UInt8[Any, "..."]:
    """Float [-1, 1] to uint8, truncated after `x * 127.5 + 128` as NVIDIA's generate.py does."""
    return (images * 127.5 + 128).clip(0, 255).astype(np.uint8)


def resize(images: Float[Any, "*b h w c"], size: tuple[int, int], method: str = "linear") -> Float[Array, "*b H W c"]:
    """Antialiased and differentiable resize of float images to (height, width); `method` as in `jax.image.resize`."""
    shape = (*images.shape[:-3], *size, images.shape[-1])
    return jax.image.resize(jnp.asarray(images), shape, method, antialias=True)


def resize_photo(photo: UInt8[np.ndarray, "h w 3"], size: tuple[int, int]) -> UInt8[np.ndarray, "H W 3"]:
    """Lanczos resize, the filter of NVIDIA's dataset_tool.py. Very large photos are first reduced by whole factors."""
    if photo.shape[:2] == tuple(size):
        return photo
    height, width = size
    return np.asarray(Image.fromarray(photo).resize((width, height), Image.Resampling.LANCZOS, reducing_gap=4.0))


def resize_hole(hole: Bool[np.ndarray, "h w"], size: tuple[int, int]) -> Bool[np.ndarray, "H W"]:
    """Resize a hole so that a pixel is missing where any part of it is: what is partly unknown is not known."""
    if hole.shape == tuple(size):
        return hole
    return _any_within(_any_within(hole, size[0], axis=0), size[1], axis=1)


def fit_square(photo: UInt8[np.ndarray, "h w 3"], size: int) -> UInt8[np.ndarray, "size size 3"]:
    """The model's square of a photo: the largest centred square, resized to `size`."""
    return resize_photo(_centre(photo), (size, size))


def fit_hole(hole: Bool[np.ndarray, "h w"], size: int) -> Bool[np.ndarray, "size size"]:
    """The hole that goes with `fit_square` of its photo."""
    return resize_hole(_centre(hole), (size, size))


def frame(
    photo: UInt8[np.ndarray, "h w 3"], box: tuple[int, int, int]
) -> tuple[UInt8[np.ndarray, "size size 3"], Bool[np.ndarray, "size size"]]:
    """Cut the square `box = (left, top, size)` out of the plane that the photo lies on: (square, missing).

    The box may reach beyond the photo. There the nearest pixel is repeated, only so that a later resize mixes in no
    foreign colour, and `missing` is True. Raises InputError where the box misses the photo.
    """
    left, top, size = box
    height, width = photo.shape[:2]
    rows, columns = np.arange(top, top + size), np.arange(left, left + size)
    inside = ((rows >= 0) & (rows < height))[:, None] & ((columns >= 0) & (columns < width))
    if not inside.any():
        raise InputError(
            f"The frame must overlap the {width}x{height} photo, but left {left}, top {top}, size {size} does not."
        )
    return photo[rows.clip(0, height - 1)[:, None], columns.clip(0, width - 1)], ~inside


def grid(images: UInt8[np.ndarray, "n h w 3"], columns: int, gap: int = 2) -> UInt8[np.ndarray, "H W 3"]:
    """Lay images out row by row on white, `gap` pixels apart; the last row may be short."""
    images = np.asarray(images)
    count, height, width = images.shape[:3]
    rows = -(-count // columns)
    cells = np.full((rows * columns, height + gap, width + gap, 3), 255, np.uint8)
    cells[:count, :height, :width] = images
    sheet = cells.reshape(rows, columns, height + gap, width + gap, 3).swapaxes(1, 2)
    return sheet.reshape(rows * (height + gap), columns * (width + gap), 3)[: -gap or None, : -gap or None]


def labelled_grid(
    images: UInt8[np.ndarray, "n h w 3"], rows: Sequence[str], columns: Sequence[str]
) -> UInt8[np.ndarray, "H W 3"]:
    """`grid` with a name to the left of each row and above each column."""
    sheet, font = grid(images, len(columns)), ImageFont.load_default()
    boxes = [font.getbbox(text) for text in (*rows, *columns)]
    left, top = 8 + int(max(box[2] for box in boxes[: len(rows)])), 8 + int(max(box[3] for box in boxes))
    page = Image.new("RGB", (left + sheet.shape[1], top + sheet.shape[0]), "white")
    page.paste(Image.fromarray(sheet), (left, top))
    pen = ImageDraw.Draw(page)
    down, along = ((sheet.shape[axis] + 2) / len(names) for axis, names in enumerate((rows, columns)))
    for i, text in enumerate(rows):
        pen.text((4, top + (i + 0.5) * down), text, "black", font, anchor="lm")
    for i, text in enumerate(columns):
        pen.text((left + (i + 0.5) * along, 4), text, "black", font, anchor="mt")
    return np.asarray(page)


def write_png(path: str | os.PathLike, image: np.ndarray) -> None:
    """Write uint8 [h, w, 3] or [h, w], or bool [h, w] (True is white), whole or not at all."""
    image = np.asarray(image)
    if image.dtype == bool:
        image = image.astype(np.uint8) * np.uint8(255)
    picture = Image.fromarray(image)
    with atomic_file(path) as temporary:
        picture.save(temporary, format="PNG")


def write_gif(path: str | os.PathLike, frames: UInt8[np.ndarray, "n h w 3"], milliseconds: int = 80) -> None:
    """Write an animation that runs for ever, each frame shown for so long; whole or not at all."""
    first, *others = (Image.fromarray(frame) for frame in frames)
    with atomic_file(path) as temporary:
        first.save(temporary, format="GIF", save_all=True, append_images=others, duration=milliseconds, loop=0)


def _mask_levels(array: np.ndarray) -> np.ndarray:
    """Bools, floats in [0, 1] and wider integers as uint8; other arrays are left for `decode` to judge."""
    if array.dtype == bool or (array.dtype.kind in "iu" and array.size and array.min() >= 0 and array.max() <= 1):
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype.kind == "f":
        if not np.all((array >= 0) & (array <= 1)):
            raise InputError("An array of floats must lie in [0, 1] to be a mask, but it does not; use True and False.")
        return (array >= 0.5).astype(np.uint8) * np.uint8(255)
    return array


def _any_within(hole: np.ndarray, cells: int, axis: int) -> np.ndarray:
    """Whether anything is missing in each of `cells` equal stretches of the axis, pixels cut by their ends included."""
    ends = np.arange(cells + 1) * hole.shape[axis]
    starts, stops = ends[:-1] // cells, -(-ends[1:] // cells)
    # reduceat reduces from each index to the next: every second result is a stretch. It needs stops inside the array.
    padded = np.concatenate([hole, np.zeros_like(hole.take([0], axis))], axis)
    return np.logical_or.reduceat(padded, np.stack([starts, stops], 1).ravel(), axis).take(range(0, 2 * cells, 2), axis)


def _centre(image: np.ndarray) -> np.ndarray:
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return image[top : top + side, left : left + side]
