"""Which part of a picture each of mGANprior's codes answers for; source: arXiv:1912.07116, section 4.4.

A code is left out (its weights become 0), and the pixels that change most are its region. With a segmentation a code is
named after the class that its region meets best.
"""

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Int, UInt8
from PIL import Image, UnidentifiedImageError

from ganinv_jax.core.errors import InputError

DEVIATIONS = 1.0
"""By how many standard deviations of its map a pixel's change must exceed the mean to lie in the region; the paper
gives no number. Of a map without structure, whose changes fall off as a normal distribution, it is 16 percent."""

ORANGE = (255, 90, 0)


def region_of(whole: UInt8[np.ndarray, "h w 3"], without: UInt8[np.ndarray, "h w 3"]) -> Bool[np.ndarray, "h w"]:
    """Where a picture changes most when a code is left out; nowhere, if it does not change."""
    change = np.abs(whole.astype(np.float64) - without).mean(axis=-1)
    return change > change.mean() + DEVIATIONS * change.std()


def overlap(a: Bool[np.ndarray, "h w"], b: Bool[np.ndarray, "h w"]) -> float:
    """Intersection over union; 0 for two that are empty."""
    either = np.logical_or(a, b).sum()
    return float(np.logical_and(a, b).sum() / either) if either else 0.0


def region_figures(regions: Bool[np.ndarray, "n h w"]) -> dict[str, Any]:
    """How codes share a picture: `share` of it that lies in the region of each, `covered` by any, and `overlap`, the
    mean intersection over union of two codes' regions (None of one)."""
    pairs = [overlap(a, b) for i, a in enumerate(regions) for b in regions[:i]]
    return {
        "share": [float(region.mean()) for region in regions],
        "covered": float(regions.any(axis=0).mean()),
        "overlap": float(np.mean(pairs)) if pairs else None,
    }


def best_classes(regions: Bool[np.ndarray, "n h w"], segments: Int[np.ndarray, "h w"]) -> list[tuple[int, float]]:
    """For each code the class of the segmentation that its region meets best, and the intersection over union."""
    classes = {int(value): segments == value for value in np.unique(segments)}
    scores = [{value: overlap(region, where) for value, where in classes.items()} for region in regions]
    return [max(each.items(), key=lambda pair: pair[1]) for each in scores]


def read_segments(folder: Path, stem: str, side: int) -> Int[np.ndarray, "side side"]:
    """FOLDER/STEM.png, whose gray levels or palette indices are classes, as the centred square of its photo.

    Raises InputError where it is missing or has colours.
    """
    file = folder.expanduser() / f"{stem}.png"
    try:
        with Image.open(file) as picture:
            if picture.mode not in ("1", "L", "P", "I", "I;16"):
                raise InputError(f"{file} must have a class a pixel, gray or in a palette, but is {picture.mode}.")
            labels = np.asarray(picture).astype(np.int64)
    except FileNotFoundError as error:
        raise InputError(f"Every photo must have its segmentation, but there is no {file}; give all.") from error
    except (OSError, UnidentifiedImageError) as error:
        raise InputError(f"{file} must be a picture, but cannot be read ({error}); write it again.") from error
    height, width = labels.shape
    short = min(height, width)
    top, left = (height - short) // 2, (width - short) // 2
    nearest = (np.arange(side) * 2 + 1) * short // (2 * side)
    return labels[top + nearest][:, left + nearest]


def overlay(photo: UInt8[np.ndarray, "h w 3"], region: Bool[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w 3"]:
    """The picture in pale gray, the region in orange: both seen on light pictures and on dark ones."""
    gray = photo.mean(axis=-1, keepdims=True)
    return np.where(region[..., None], gray / 2 + np.array(ORANGE) / 2, gray / 2 + 127).astype(np.uint8)
