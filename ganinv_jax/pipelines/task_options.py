"""Options of inversion tasks that are pictures, or parts of one: read, and brought to the model's square."""

from typing import Any

import numpy as np
from jaxtyping import Bool

from ganinv_jax.core.configs import check
from ganinv_jax.core.images import fit_hole, fit_square, read_hole, read_mask, read_photo
from ganinv_jax.data.holes import HOLE_PRESETS

Size = tuple[int, int]


def read_hole_option(hole: Any, size: Size, side: int) -> Any:
    """A hole at the model's square; a preset's name as it is."""
    if isinstance(hole, str) and hole in HOLE_PRESETS:
        return hole
    mask = _boxed("hole", hole, size) if isinstance(hole, list | tuple) else read_mask(hole, what="hole")
    return fit_hole(read_hole(mask, mask.shape if mask.shape == (side, side) else size), side)


def read_region_option(region: Any, size: Size, side: int) -> Any:
    """A part of the model's square: a box (left, top, width, height) in pixels of the photo, or a mask."""
    mask = _boxed("region", region, size) if isinstance(region, list | tuple) else read_mask(region, what="region")
    check(
        mask.shape in (size, (side, side)),
        f"region must have the photo's size, {size[1]}x{size[0]}, or the model's, {side}x{side}, but it has "
        f"{mask.shape[1]}x{mask.shape[0]}.",
    )
    return fit_hole(mask, side)


def read_picture_option(picture: Any, size: Size, side: int) -> Any:
    """The square of another photo."""
    return fit_square(read_photo(picture), side)


READERS = {
    "hole": read_hole_option,
    "region": read_region_option,
    "target": read_picture_option,
    "other": read_picture_option,
    "original": read_picture_option,
}
"""By the option's name: (what was given, the first photo's size, the model's side) -> what the task takes."""


def _boxed(name: str, box: Any, size: Size) -> Bool[np.ndarray, "h w"]:
    """True in a box of a photo; what lies beyond the photo is left out."""
    whole = len(box) == 4 and all(isinstance(x, int | np.integer) for x in box)
    check(whole, f"{name} must be a mask or a box of four whole numbers (left, top, width, height), but it is {box}.")
    left, top, width, height = box
    mask = np.zeros(size, bool)
    mask[max(top, 0) : max(top + height, 0), max(left, 0) : max(left + width, 0)] = True
    check(bool(mask.any()), f"A box must overlap the photo of {size[1]}x{size[0]} pixels, but {tuple(box)} does not.")
    return mask
