"""What an inversion draws with and looks through: modules, and their weights, which stay as they are."""

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ganinv_jax.losses.perceptual import PerceptualDistance
from ganinv_jax.models import encoders
from ganinv_jax.models.encoders import WholeEncoder
from ganinv_jax.models.inpainting import Inpainter
from ganinv_jax.models.layerwise import LayerEncoders
from ganinv_jax.models.stylegan2 import Generator

MEAN_SAMPLES = 10_000
"""Latents that the mean w is taken over; source: projector.py of stylegan2-ada-pytorch."""
CALIBRATION_PAIRS = 64
"""Pairs of generated pictures that a perceptual term is calibrated on."""


@dataclasses.dataclass(frozen=True)
class Networks:
    """generator: what draws. encoder: what reads codes out of pictures, if it is needed; the layer encoders among them.
    distance: the same for looks.

    Modules only; the weights of all of them travel beside as `Frozen`.
    """

    generator: Generator
    encoder: Inpainter | WholeEncoder | LayerEncoders | None = None
    distance: PerceptualDistance | None = None

    @property
    def side(self) -> int:
        """The pictures' side in pixels."""
        return self.generator.config.resolution


class Frozen(NamedTuple):
    """Arrays that no inversion changes.

    generator: its variables. encoder: those of all parts that the encoder works with. features: the distance's.
    labels: one-hot, where the generator has classes. w_mean: of MEAN_SAMPLES codes. w_std: the root of their variance,
    summed over dimensions, as NVIDIA's projector has it. calibration: mean squared error over perceptual distance of
    unrelated pictures (see `calibrate`).
    """

    generator: Any
    encoder: Any = None
    features: Any = None
    labels: Float[Any, "1 c"] | None = None
    w_mean: Any = None
    w_std: Any = None
    calibration: Any = None


def encode(
    networks: Networks, frozen: Frozen, images: Float[Array, "b h w 3"], known: Float[Array, "b h w 1"] | None = None
) -> Float[Array, "b l w"]:
    """W+ codes of images in [-1, 1], of which only the pixels where `known` is 1 say anything; by default all do.

    The inpainter's encoder is told which they are. Encoders of whole pictures cannot be told: they read gray there, and
    then once more what their first code draws there.
    """
    if isinstance(networks.encoder, Inpainter):
        known = jnp.ones_like(images[..., :1]) if known is None else known
        return networks.encoder.encode_mixed(frozen.encoder, images * known, known)
    if known is None:
        return _encode_whole(networks, frozen, images)
    drawn = synthesize(networks, frozen.generator, encode(networks, frozen, images * known))
    return encode(networks, frozen, known * images + (1 - known) * drawn)


def _encode_whole(networks: Networks, frozen: Frozen, images: Float[Array, "b h w 3"]) -> Float[Array, "b l w"]:
    if isinstance(networks.encoder, LayerEncoders):
        return networks.encoder.apply(frozen.encoder, images)  # type: ignore[return-value]
    return encoders.encode(networks.encoder, networks.generator, frozen.encoder, images)  # type: ignore[arg-type]


def synthesize(networks: Networks, generator: Any, ws: Float[Array, "b l w"], **options) -> Float[Array, "b h w 3"]:
    """The pictures of W+ codes with the given variables of the generator; options as in `Generator.synthesize`."""
    images = networks.generator.apply(generator, ws, method="synthesize", **options)
    return images["rgb"] if isinstance(images, dict) else images  # type: ignore[return-value]


def map_z(networks: Networks, frozen: Frozen, z: Float[Array, "b z"]) -> Float[Array, "b l w"]:
    """Latents to W+, of the class that the labels name."""
    labels = None if frozen.labels is None else jnp.repeat(frozen.labels, len(z), axis=0)
    return networks.generator.apply(frozen.generator, z, labels, method="map")  # type: ignore[return-value]


def mean_code(networks: Networks, frozen: Frozen, z: Float[Array, "n z"]) -> tuple[Array, Array]:
    """(w_mean, w_std) over the given latents."""
    w = map_z(networks, frozen, z)[:, 0]
    mean = jnp.mean(w, axis=0)
    return mean, jnp.sqrt(jnp.sum((w - mean) ** 2) / len(w))


def calibrate(networks: Networks, frozen: Frozen, key: Array) -> Float[Array, ""]:
    """E[mean squared error] / E[perceptual distance] over pairs of generated pictures.

    Published weights of perceptual terms belong to the network that they were tuned for. Multiplied by this, the
    distance through any network weighs as much as the squared error does when nothing has been fitted yet.
    """
    shape = (CALIBRATION_PAIRS, 2, networks.generator.config.z_dim)

    def pair(z):
        a, b = synthesize(networks, frozen.generator, map_z(networks, frozen, z))[:, None]
        return jnp.mean((a - b) ** 2), networks.distance(frozen.features, a, b)[0]  # type: ignore[misc]

    errors, distances = jax.lax.map(pair, jax.random.normal(key, shape))
    return jnp.mean(errors) / jnp.mean(distances)
