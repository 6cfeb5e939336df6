"""Terms of an objective: each a number for one photo, from what is drawn and what is seen of the photo."""

import dataclasses
from typing import Any, ClassVar, Protocol

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ganinv_jax.inversion.drawing import factors_of
from ganinv_jax.inversion.networks import encode, synthesize
from ganinv_jax.inversion.scene import View


class Term(Protocol):
    """name: in logs. weight: what the value is multiplied by.

    looks: whether it looks through the perceptual network. encodes: whether it reads codes with the encoder.
    """

    name: ClassVar[str]
    looks: ClassVar[bool]
    encodes: ClassVar[bool]

    @property
    def weight(self) -> float: ...

    def __call__(self, view: View) -> Float[Array, ""]: ...


@dataclasses.dataclass(frozen=True)
class _Term:
    weight: float = 1.0
    looks: ClassVar[bool] = False
    encodes: ClassVar[bool] = False


@dataclasses.dataclass(frozen=True)
class SquaredError(_Term):
    """The mean squared difference of what is seen, in units of [-1, 1]."""

    name: ClassVar[str] = "mse"

    def __call__(self, view):
        return jnp.mean((view.observed - view.scene.seen) ** 2)


@dataclasses.dataclass(frozen=True)
class AbsoluteError(_Term):
    """The mean absolute difference of what is seen, in units of [-1, 1]."""

    name: ClassVar[str] = "l1"

    def __call__(self, view):
        return jnp.mean(jnp.abs(view.observed - view.scene.seen))


@dataclasses.dataclass(frozen=True)
class SummedSquares(SquaredError):
    """The same, times the numbers of a picture: the summed squared error of its pixels."""

    name: ClassVar[str] = "squares"

    def __call__(self, view):
        return super().__call__(view) * view.drawn.images.size


@dataclasses.dataclass(frozen=True)
class CrossEntropy(_Term):
    """The mean binary cross-entropy of intensities, from [-1, 1] taken to [0, 1]."""

    name: ClassVar[str] = "bce"

    def __call__(self, view):
        seen, drawn = ((x + 1) / 2 for x in (view.scene.seen, view.observed))
        drawn = jnp.clip(drawn, 1e-4, 1 - 1e-4)
        return -jnp.mean(seen * jnp.log(drawn) + (1 - seen) * jnp.log1p(-drawn))


@dataclasses.dataclass(frozen=True)
class Perceptual(_Term):
    """The distance of what is seen, as the method's network sees it.

    calibrated: in units of the squared error (see `calibrate`), so that weights hold for any network.
    """

    calibrated: bool = True
    name: ClassVar[str] = "perceptual"
    looks: ClassVar[bool] = True

    def __call__(self, view):
        networks, frozen = view.scene.networks, view.scene.frozen
        distance = networks.distance.to(frozen.features, view.observed, view.looks)[0]
        return distance * frozen.calibration if self.calibrated else distance


@dataclasses.dataclass(frozen=True)
class KeptError(_Term):
    """The mean squared difference of what is seen where the task keeps it (`Sight.kept`)."""

    name: ClassVar[str] = "kept"

    def __call__(self, view):
        return jnp.mean((view.scene.sight.kept * (view.observed - view.scene.seen)) ** 2)


@dataclasses.dataclass(frozen=True)
class HeldError(_Term):
    """The mean squared difference, where the task keeps nothing, from what the code draws with the generator's own
    noise."""

    name: ClassVar[str] = "held"

    def __call__(self, view):
        networks, frozen = view.scene.networks, view.scene.frozen
        before = synthesize(networks, frozen.generator, view.drawn.ws[None])
        return jnp.mean(((1 - view.scene.sight.kept) * (view.drawn.images - before)) ** 2)


@dataclasses.dataclass(frozen=True)
class KeptPerceptual(Perceptual):
    """The same distance, of pictures that are black but for what the task keeps."""

    def __call__(self, view):
        networks, frozen, sight = view.scene.networks, view.scene.frozen, view.scene.sight
        distance = networks.distance(frozen.features, view.drawn.images, sight.shown, sight.kept)[0]
        return distance * frozen.calibration if self.calibrated else distance


@dataclasses.dataclass(frozen=True)
class Style(_Term):
    """The squared difference of the Gram matrices of features, of pictures that are black but for where the task wants
    its other picture.

    Features are those of the perceptual distance at its middle stage, the shallower of two. The term is multiplied by
    the calibration of that distance.
    """

    calibrated: ClassVar[bool] = True
    name: ClassVar[str] = "style"
    looks: ClassVar[bool] = True

    def __call__(self, view):
        networks, frozen, sight = view.scene.networks, view.scene.frozen, view.scene.sight
        stages = networks.distance.stages
        stage = stages[(len(stages) - 1) // 2]
        drawn, other = (
            gram(networks.distance.embed(frozen.features, images, 1 - sight.kept)[stage])
            for images in (view.drawn.images, sight.other)
        )
        return jnp.sum((drawn - other) ** 2) * frozen.calibration


@dataclasses.dataclass(frozen=True)
class NoiseCorrelation(_Term):
    """How far pixels of the noise maps tell of their neighbours, at all scales; see `noise_correlation`."""

    name: ClassVar[str] = "noise"

    def __call__(self, view):
        maps = jax.tree.leaves(view.variables["noise"])
        return jnp.sum(jnp.stack([noise_correlation(noise) for noise in maps]))


@dataclasses.dataclass(frozen=True)
class EncoderConsistency(_Term):
    """The mean squared difference of the code and of what the encoder reads in the picture drawn from it.

    It keeps codes where the encoder puts them, which is where the generator's own pictures lie. The gradient flows
    through the encoder as well.
    """

    name: ClassVar[str] = "domain"
    encodes: ClassVar[bool] = True

    def __call__(self, view):
        read = encode(view.scene.networks, view.scene.frozen, view.drawn.images)[0]
        return jnp.mean((view.drawn.ws - read) ** 2)


@dataclasses.dataclass(frozen=True)
class LatentPrior(_Term):
    """The summed squares of z: twice its negative log-likelihood."""

    name: ClassVar[str] = "prior"

    def __call__(self, view):
        return jnp.sum(view.variables["z"] ** 2)


def gram(features: Float[Array, "b h w c"]) -> Float[Array, "b c c"]:
    """The mean over positions of products of channels; source: Gatys et al. 2016, section 2.2."""
    _, height, width, _ = features.shape
    return jnp.einsum("bhwc,bhwd->bcd", features, features, precision="highest") / (height * width)


@dataclasses.dataclass(frozen=True)
class ResidualSquares(_Term):
    """The mean square of each block's residual, summed over blocks."""

    name: ClassVar[str] = "residuals"

    def __call__(self, view):
        return _mean_squares(view.variables["residuals"])


@dataclasses.dataclass(frozen=True)
class FactorSquares(_Term):
    """The mean square of each block's factors, summed over blocks."""

    name: ClassVar[str] = "factors"

    def __call__(self, view):
        return _mean_squares(factors_of(view.scene.config, view.variables))


def noise_correlation(noise: Float[Array, "r r"]) -> Float[Array, ""]:
    """Squared mean products of horizontal and of vertical neighbours (wrapped), summed over scales down to 8 pixels.

    Each scale averages 2x2 pixels of the one before. Source: projector.py of stylegan2-ada-pytorch.
    """
    total = jnp.zeros(())
    while True:
        for axis in (0, 1):
            total += jnp.mean(noise * jnp.roll(noise, 1, axis)) ** 2
        if len(noise) <= 8:
            return total
        half = len(noise) // 2
        noise = jnp.mean(noise.reshape(half, 2, half, 2), axis=(1, 3))


def _mean_squares(blocks: Any) -> Float[Array, ""]:
    return jnp.sum(jnp.stack([jnp.mean(x**2) for x in jax.tree.leaves(blocks)]))
