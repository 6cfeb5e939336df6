"""Between codes: style mixing, straight and great-circle interpolation, and parts of one picture put into another."""

import dataclasses
from collections.abc import Callable, Collection, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ganinv_jax.core.configs import check
from ganinv_jax.core.images import resize
from ganinv_jax.editing.moving import chosen_rows

Numbers = Float[Any, "*shape"]


@dataclasses.dataclass(frozen=True, eq=False)
class Towards:
    """The straight way to other codes: strength 0 is a picture's own code, 1 the other's, both to the bit.

    In some rows of W+ alone, strength 1 is style mixing. ws: one code, or one for each picture.
    """

    ws: Float[Any, "#k l w"]
    name: str = "other"

    def at(
        self, ws: Float[Any, "k l w"], strength: float, layers: Collection[int] | None = None
    ) -> Float[np.ndarray, "k l w"]:
        """The codes on the way, in the rows `layers` (default: all).

        Raises InputError where the two sets of codes do not fit each other, or for rows that do not exist.
        """
        mine, others = (list(np.shape(x)) for x in (ws, self.ws))
        check(
            mine[1:] == others[1:] and others[0] in (1, mine[0]),
            f"{self.name} must have codes [{mine[0]} or 1, {mine[1]}, {mine[2]}] for these pictures, but has {others}.",
        )
        return np.where(chosen_rows(mine[1], layers)[:, None], lerp(ws, self.ws, strength), ws)


@dataclasses.dataclass(frozen=True, eq=False)
class AlongGreatCircle:
    """The same for pictures whose latents z [k, z] are known, along the great circle to other latents [1 or k, z].

    map: from latents to W+.
    """

    z: Float[Any, "k z"]
    other: Float[Any, "#k z"]
    map: Callable[[Float[np.ndarray, "k z"]], Float[Any, "k l w"]]
    name: str = "other"

    def at(
        self, ws: Float[Any, "k l w"], strength: float, layers: Collection[int] | None = None
    ) -> Float[np.ndarray, "k l w"]:
        """As `Towards.at`."""
        on_the_way = self.map(slerp(self.z, np.broadcast_to(self.other, np.shape(self.z)), strength))
        return np.where(chosen_rows(np.shape(ws)[1], layers)[:, None], on_the_way, ws)


def mix(a: Float[Any, "*b l w"], b: Float[Any, "*b l w"], layers: Collection[int]) -> Float[np.ndarray, "*b l w"]:
    """Style mixing (Karras et al. 2019, section 3.1): a's codes with b's in the rows `layers`.

    Raises InputError for rows that do not exist.
    """
    a, b = np.asarray(a), np.asarray(b)
    chosen = chosen_rows(a.shape[-2], layers) if layers else np.zeros(a.shape[-2], bool)
    return np.where(chosen[:, None], b, a)


def lerp(a: Numbers, b: Numbers, t: float) -> Numbers:
    """The straight line from a (t = 0) to b (t = 1), for codes in W and W+; both ends are met to the bit."""
    a, b = np.asarray(a), np.asarray(b)
    return ((1 - t) * a + t * b).astype(a.dtype)


def slerp(a: Float[Any, "*b d"], b: Float[Any, "*b d"], t: float) -> Float[np.ndarray, "*b d"]:
    """The great circle from a (t = 0) to b (t = 1), for latents in Z; both ends are met to the bit.

    Shoemake 1985. Angles are those between the vectors; where they are next to none, or next to half a turn, the line
    is straight.
    """
    a, b = np.asarray(a), np.asarray(b)
    x, y = a.astype(np.float64), b.astype(np.float64)
    lengths = np.linalg.norm(x, axis=-1, keepdims=True) * np.linalg.norm(y, axis=-1, keepdims=True)
    cosine = np.where(lengths > 0, np.sum(x * y, axis=-1, keepdims=True), 1) / np.where(lengths > 0, lengths, 1)
    angle = np.arccos(cosine.clip(-1, 1))
    sine = np.sin(angle)
    straight = sine < 1e-6
    sine = np.where(straight, 1, sine)
    from_a = np.where(straight, 1 - t, np.sin((1 - t) * angle) / sine)
    from_b = np.where(straight, t, np.sin(t * angle) / sine)
    return (from_a * x + from_b * y).astype(a.dtype)


def crossover(
    generator: Any,
    variables: Mapping[str, Any],
    a: Float[Array, "k l w"],
    b: Float[Array, "k l w"],
    region: Float[Array, "h w 1"],
    resolution: int,
) -> Float[Array, "k h w 3"]:
    """a's pictures with what b's show in a region (1 there, 0 elsewhere, of any size).

    Features and images that leave the block at `resolution` are b's in the region, and the later blocks draw on with
    a's codes, so that the seam is drawn and not cut (Abdal et al. 2020, Image2StyleGAN++, arXiv:1911.11544, section 5:
    attribute transfer). Lower resolutions carry over shapes, higher ones colours. Raises InputError for a resolution
    that the generator does not have or that is its last.
    """
    lower = generator.config.block_resolutions[:-1]
    check(resolution in lower, f"resolution must be one of {lower}, below the last, but it is {resolution}.")
    ours = generator.apply(variables, a, resolution, method="features")
    theirs = generator.apply(variables, b, resolution, method="features")

    def merge(x, y):
        share = resize(region, x.shape[1:3])
        return ((1 - share) * x + share * y).astype(x.dtype)

    features = merge(ours[0], theirs[0])
    images = ours[1] and {head: merge(x, theirs[1][head]) for head, x in ours[1].items()}
    drawn = generator.apply(variables, a, start=2 * resolution, x=features, images=images, method="synthesize")
    return drawn["rgb"] if isinstance(drawn, dict) else jnp.asarray(drawn)
