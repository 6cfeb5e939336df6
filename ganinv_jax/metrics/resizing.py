"""How pictures are brought to a network's size; figures differ by it, so a figure's name says which was used.

Sources: Parmar et al., On Aliased Resizing (arXiv:2104.11222) for `cleanfid`; TensorFlow 1's `ResizeBilinear` with
`align_corners=False`, which the first implementation of the FID ran and torch-fidelity repeats.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ganinv_jax.core.images import resize


def cleanfid(pixels: Float[Array, "b h w c"], size: int) -> Float[Array, "b s s c"]:
    """Pillow's bicubic filter on float pixels in [0, 255], which widens where it shrinks; clipped to that range.

    Within 0.007 of Pillow's own, which differs in the order of its sums.
    """
    return resize(pixels, (size, size), "cubic").clip(0, 255)


def torchfidelity(pixels: Float[Array, "b h w c"], size: int) -> Float[Array, "b s s c"]:
    """Bilinear between the pixels at `floor(i * h / size)` and the next; shrinking skips what lies between."""
    return _lerp(_lerp(pixels, size, axis=2), size, axis=1)


def antialiased(pixels: Float[Array, "b h w c"], size: int) -> Float[Array, "b s s c"]:
    """`cleanfid` without its clipping: what this project looks through EfficientNet with."""
    return resize(pixels, (size, size), "cubic")


def none(pixels: Float[Array, "b h w c"], size: int) -> Float[Array, "b h w c"]:
    """Nothing: for networks that crop and resize themselves."""
    return pixels


RESIZES = {way.__name__: way for way in (cleanfid, torchfidelity, antialiased, none)}


def _lerp(x, size: int, axis: int):
    places = np.arange(size, dtype=np.float32) * np.float32(x.shape[axis] / size)
    low = places.astype(np.int32)
    share = jnp.asarray((places - low).reshape([-1 if i == axis else 1 for i in range(x.ndim)]))
    a, b = (jnp.take(x, rows, axis) for rows in (low, np.minimum(low + 1, x.shape[axis] - 1)))
    return a + (b - a) * share
