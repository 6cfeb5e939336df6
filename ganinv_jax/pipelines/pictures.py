"""How many pictures go through a program at once, and what they become afterwards."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, UInt8

from ganinv_jax.core.configs import check
from ganinv_jax.core.images import to_uint8
from ganinv_jax.models.stylegan2 import Layer

if TYPE_CHECKING:
    from ganinv_jax.pipelines.model import Model

LARGEST_BATCH = 16
PIXELS = 2**21  # a batch at 1024 px is 2: its widest activations then take half a gigabyte in fp32


def default_batch(resolution: int) -> int:
    """Pictures a batch at a resolution."""
    return max(1, min(LARGEST_BATCH, PIXELS // resolution**2))


def batches(count: int, largest: int) -> Iterator[tuple[np.ndarray, int]]:
    """For every batch the indices of its rows, and how many of them, from the first on, are wanted.

    All batches have one size, so that one program serves them; one that would be short is filled up with the last row.
    The size is `largest` or, for fewer pictures, the next power of two, so that few programs are ever compiled.
    """
    size = min(largest, 1 << (count - 1).bit_length())
    for start in range(0, count, size):
        yield np.arange(start, start + size).clip(max=count - 1), min(size, count - start)


def draw(
    model: "Model",
    ws: Float[np.ndarray, "k l w"],
    noise_mode: str = "const",
    restyle: Mapping[Layer, Float[Any, "1 c"]] | None = None,
) -> UInt8[np.ndarray, "k h w 3"]:
    """The pictures of codes, some at a time; the same bits as `Model.generate` gives for codes of as many seeds."""
    images = [
        as_pictures(model.synthesize(ws[rows], noise_mode, restyle=restyle))[:count]
        for rows, count in batches(len(ws), default_batch(model.config.resolution))
    ]
    return np.concatenate(images)


def as_pictures(images: Any) -> UInt8[np.ndarray, "b h w 3"]:
    """Images in [-1, 1], the head `rgb` where there are several, as RGB pictures; gray ones get three equal channels.

    Raises InputError for other than 1 or 3 channels.
    """
    pictures = to_uint8(np.asarray(images["rgb"] if isinstance(images, Mapping) else images))
    channels = pictures.shape[-1]
    check(channels in (1, 3), f"Pictures must have 1 or 3 channels, but this model's have {channels}; use synthesize.")
    return pictures if channels == 3 else np.repeat(pictures, 3, axis=-1)
