"""What pictures that nobody prepared are like, and what training makes of them."""

import collections
import dataclasses
import io
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from jaxtyping import Int
from PIL import Image

from ganinv_jax.core.decoding import ORIENTATION, open_header
from ganinv_jax.core.errors import BrokenFileError
from ganinv_jax.data.sources import FileSource


@dataclasses.dataclass(frozen=True)
class Survey:
    """What `survey` finds.

    sides: of the largest centred squares of the whole pictures, in pixels.
    gray, transparent, turned, animated: how many have a gray mode; pixels that are not opaque; an EXIF orientation
        other than upright; several frames.
    broken: a sentence on each picture that cannot be used.
    """

    sides: Int[np.ndarray, " whole"]
    gray: int
    transparent: int
    turned: int
    animated: int
    broken: list[str]


def survey(source: FileSource) -> Survey:
    """Read all pictures of a folder or zip, by as many threads as there are cores.

    Raises InputError where a file cannot be read for other reasons than its content.
    """
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        looks = list(pool.map(lambda index: _look(source, index), range(len(source))))
    whole = [look for look in looks if not isinstance(look, str)]
    kinds = collections.Counter(kind for _, found in whole for kind in found)
    sides = np.array([side for side, _ in whole], int)
    return Survey(
        sides, **{kind: kinds[kind] for kind in KINDS}, broken=[look for look in looks if isinstance(look, str)]
    )


KINDS = ("gray", "transparent", "turned", "animated")


def _look(source: FileSource, index: int) -> tuple[int, list[str]] | str:
    """The side of a picture's square and what kinds it is of, or what is wrong with it."""
    try:
        side = min(source[index]["image"].shape[:2])
    except BrokenFileError as error:
        return str(error)
    with open_header(io.BytesIO(source.content(index))) as picture:
        turned = picture.getexif().get(ORIENTATION, 1) != 1
        animated = getattr(picture, "n_frames", 1) > 1
        marks = (picture.mode.startswith(("1", "L", "I", "F")), _transparent(picture), turned, animated)
    return side, [kind for kind, marked in zip(KINDS, marks, strict=True) if marked]


def _transparent(picture: Image.Image) -> bool:
    if not picture.has_transparency_data:
        return False
    low, _ = picture.convert("RGBA").getchannel("A").getextrema()
    return low < 255  # type: ignore[operator]
