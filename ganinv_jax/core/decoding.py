"""Any picture file, Pillow picture or array to 8-bit RGB, or one sentence on what is wrong with it."""

import contextlib
import io
import os
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from ganinv_jax.core.errors import BrokenFileError, InputError

MAX_PIXELS = 128_000_000
"""The largest picture that is read: above the 102 megapixels of a medium-format camera, below a decompression bomb."""

ORIENTATION = 0x0112
"""The EXIF tag of how a picture is to be turned; 1 is upright."""

_OPENING = threading.Lock()


def decode(source: Any, name: str | None, what: str, background: str) -> Image.Image:
    """One whole picture as an upright (EXIF) 8-bit RGB Pillow picture, transparent parts over `background`.

    `source` is a path, the bytes of a picture file, a Pillow picture or an array; `name` and `what` (photo, hole, ...)
    stand for it in messages. Raises InputError for anything else: BrokenFileError where the picture itself is at fault.
    """
    name = name or (str(source) if isinstance(source, str | os.PathLike) else f"the given {what}")
    try:
        with _encoded(source, what) as opened:
            picture = open_header(opened) if isinstance(opened, io.IOBase) else opened
            _check_size(picture, name)
            picture.load()
            return _flatten(ImageOps.exif_transpose(picture), background)
    except InputError:
        raise
    except Image.DecompressionBombError as error:
        raise _too_large(name) from error
    except Exception as error:  # Pillow's decoders raise whatever a broken file leads them to.
        reason = "it is none" if isinstance(error, Image.UnidentifiedImageError) else str(error) or repr(error)
        raise BrokenFileError(
            f"{name} must be a whole picture file such as PNG or JPEG ({reason}); give another."
        ) from error


def open_header(file: io.IOBase) -> Image.Image:
    """`Image.open` of a binary file, which reads no pixels yet, in silence about large pictures."""
    # Pillow warns from 89 megapixels on; MAX_PIXELS decides here. The filters that catch_warnings swaps are global.
    with _OPENING, warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        return Image.open(file)  # type: ignore[arg-type]


def _encoded(source: Any, what: str) -> contextlib.AbstractContextManager:
    """An open file of a path or bytes; a Pillow picture of everything else."""
    if isinstance(source, Image.Image):
        return contextlib.nullcontext(source)
    if isinstance(source, bytes):
        return io.BytesIO(source)
    if isinstance(source, str | os.PathLike):
        path = Path(source).expanduser()
        if path.is_dir():
            raise InputError(f"A {what} must be a picture file, but {path} is a folder; name a file in it.")
        if not path.exists():
            raise InputError(f"There is no {what} at {path}; check the path.")
        return path.open("rb")
    if hasattr(source, "__array__"):
        return contextlib.nullcontext(_from_array(np.asarray(source), what))
    raise InputError(f"A {what} must be a path, a Pillow picture or an array, but a {type(source).__name__} came.")


def _from_array(array: np.ndarray, what: str) -> Image.Image:
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise InputError(f"A {what} array must be [h, w], [h, w, 3] or [h, w, 4], but its shape is {array.shape}.")
    if array.dtype == np.uint16:
        array = _from_16_bits(array)
    if array.dtype != np.uint8:
        raise InputError(
            f"A {what} array must hold integers from 0 to 255 (uint8), but it is {array.dtype}; convert it."
        )
    return Image.fromarray(array) if array.size else Image.new("RGB", array.shape[1::-1])


def _check_size(picture: Image.Image, name: str) -> None:
    if not picture.width or not picture.height:
        raise BrokenFileError(f"{name} must have pixels, but its size is {picture.width}x{picture.height}.")
    if picture.width * picture.height > MAX_PIXELS:
        raise _too_large(name)


def _too_large(name: str) -> BrokenFileError:
    return BrokenFileError(
        f"{name} has more than the {MAX_PIXELS // 10**6} megapixels that are read; make it smaller first."
    )


def _flatten(picture: Image.Image, background: str) -> Image.Image:
    if picture.mode.startswith(("I", "F")):
        picture = _from_wide(picture)
    if picture.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, background), picture)
    return picture.convert("RGB")


def _from_wide(picture: Image.Image) -> Image.Image:
    """Gray of 16 bits (modes I;16, and I where a value needs it) or float (mode F, to 1 or to 255) as 8 bits.

    Pillow's own conversion cuts off at 255, which turns 16-bit pictures white.
    """
    values = np.asarray(picture)
    if values.min() < 0 or values.max() > 65535 or not np.isfinite(values).all():
        raise ValueError("its gray values are not of 16 bits")
    if picture.mode == "F":
        values = values * 255 if values.max() <= 1 else values
        return Image.fromarray(values.clip(0, 255).round().astype(np.uint8))
    if picture.mode == "I" and values.max() <= 255:
        return Image.fromarray(values.astype(np.uint8))
    return Image.fromarray(_from_16_bits(values))


def _from_16_bits(values: np.ndarray) -> np.ndarray:
    return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)
