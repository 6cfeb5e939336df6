"""What of a photo an inversion gets to see. Photo and drawn picture are compared through the same degradation."""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ganinv_jax.core.images import resize

Images = Float[Array, "b h w 3"]

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as mganprior's colorization uses it
EDITED = 2 * 16 / 255  # more than a colour changes when a file is compressed


class Sight(NamedTuple):
    """What there is to go by in an inversion of photos.

    seen: what drawn pictures, observed, are compared with. shown: the picture that an encoder reads, of the photo's
    size; None where nothing that is seen is a picture. known: 1 where its pixels say something; None where all do.
    kept: 1 where the picture is to be met, 0 where it may be painted anew, or where `other` [b, h, w, 3] is to be met;
    None where all pixels are alike.
    """

    seen: Float[Array, "b ..."]
    shown: Images | None = None
    known: Float[Array, "b h w 1"] | None = None
    kept: Float[Array, "b h w 1"] | None = None
    other: Images | None = None


@dataclasses.dataclass(frozen=True)
class Degradation:
    """A pytree whose leaves are what it needs to know, such as where the hole is. This one leaves everything.

    pictures: whether what is observed is a picture, at which an encoder or a perceptual distance can look.
    begins: whether only an inversion that begins at the encoder's code gets at all that is wanted.
    """

    pictures: ClassVar[bool] = True
    begins: ClassVar[bool] = False

    def observe(self, images: Images) -> Float[Array, "b ..."]:
        """What is compared of drawn pictures, in [-1, 1]."""
        return images

    def see(self, photos: Images, key: Array) -> Sight:
        """What there is of photos: what is observed of them, noise of the measurement included."""
        seen, (height, width) = self.observe(photos), photos.shape[1:3]
        return Sight(seen, seen if seen.shape == photos.shape else resize(seen, (height, width)))

    def goal(self, photos: Images) -> Images:
        """The pictures that are wanted, by which results are judged."""
        return photos

    def parts(self) -> Mapping[str, Any]:
        """Parts of pictures [h, w, 1] that are judged for themselves, 1 inside, by name."""
        return {}


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Inversion(Degradation):
    """The photo itself, with Gaussian noise of standard deviation `noise` added to it."""

    noise: Any = 0.0

    def see(self, photos, key):
        return super().see(photos + self.noise * jax.random.normal(key, photos.shape), key)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Inpainting(Degradation):
    """The pixels outside of the hole; 0 inside. known: [h, w, 1]."""

    known: Any

    def observe(self, images):
        return images * self.known

    def see(self, photos, key):
        known = jnp.broadcast_to(self.known, photos[..., :1].shape)
        return super().see(photos, key)._replace(known=known, kept=known)

    def parts(self):
        return {"known": self.known, "hole": 1 - self.known}


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Colorization(Degradation):
    """The luma, in all three channels."""

    def observe(self, images):
        luma = jnp.sum(images * jnp.asarray(LUMA), axis=-1, keepdims=True)
        return jnp.repeat(luma, 3, axis=-1)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class SuperResolution(Degradation):
    """The picture reduced to `side` pixels, each the mean of its area."""

    side: int = dataclasses.field(metadata={"static": True})

    def observe(self, images):
        batch, height, width, channels = images.shape
        cells = images.reshape(batch, self.side, height // self.side, self.side, width // self.side, channels)
        return jnp.mean(cells, axis=(2, 4))


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class RandomProjection(Degradation):
    """Sums of all pixels with Gaussian weights; matrix: [m, h * w * 3], of rows whose expected length is 1.

    With them the mean squared difference of measurements is, in expectation, that of the pixels.
    """

    matrix: Any
    noise: Any = 0.0
    pictures: ClassVar[bool] = False

    def observe(self, images):
        return jnp.matmul(images.reshape(len(images), -1), self.matrix.T, precision="highest")

    def see(self, photos, key):
        seen = self.observe(photos)
        return Sight(seen + self.noise * jax.random.normal(key, seen.shape))


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Diffusion(Degradation):
    """The target in a region, while the photo around it is left to the start. target: [h, w, 3]; region: [h, w, 1]."""

    target: Any
    region: Any
    begins: ClassVar[bool] = True

    def observe(self, images):
        return images * self.region

    def see(self, photos, key):
        pasted, region = self.goal(photos), jnp.broadcast_to(self.region, photos[..., :1].shape)
        return Sight(self.observe(pasted), pasted, kept=region)

    def goal(self, photos):
        return (1 - self.region) * photos + self.region * self.target

    def parts(self):
        return {"context": 1 - self.region, "target": self.region}


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Crossover(Degradation):
    """The photo, and another in a region, which may be soft. other: [h, w, 3]; region: [h, w, 1] in [0, 1].

    The squared error of the blend is, but for a constant, the sum of both photos' squared errors, weighted by their
    shares of each pixel.
    """

    other: Any
    region: Any

    def see(self, photos, key):
        others = jnp.broadcast_to(self.other, photos.shape)
        shares = jnp.broadcast_to(1 - self.region, photos[..., :1].shape)
        return super().see(self.goal(photos), key)._replace(kept=shares, other=others)

    def goal(self, photos):
        return (1 - self.region) * photos + self.region * self.other

    def parts(self):
        # Of a small region, blurred, the other photo has less than half everywhere.
        half = (jnp.min(self.region) + jnp.max(self.region)) / 2
        return {"photo": self.region < half, "other": self.region >= half}


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Scribble(Degradation):
    """A photo that somebody painted on; kept is what equals the original. original: [h, w, 3]."""

    original: Any

    def see(self, photos, key):
        edited = jnp.max(jnp.abs(photos - self.original), axis=-1, keepdims=True) > EDITED
        return super().see(photos, key)._replace(kept=1.0 - edited)
