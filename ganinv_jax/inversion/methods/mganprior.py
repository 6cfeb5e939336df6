"""mGANprior: many codes, composed inside of the generator by weights of channels."""

import dataclasses
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

from ganinv_jax.core.configs import check
from ganinv_jax.inversion.drawing import Drawn, Variables
from ganinv_jax.inversion.networks import Frozen, Networks, map_z, synthesize
from ganinv_jax.inversion.scene import Scene
from ganinv_jax.inversion.schedule import DEFAULT_LOOK, Adam, Constant, GradientDescent, Look, Method, Stage
from ganinv_jax.inversion.starts import RandomCodes
from ganinv_jax.inversion.terms import Perceptual, SquaredError
from ganinv_jax.models.stylegan2 import GeneratorConfig


class Defaults(NamedTuple):
    """What a task is done with: codes, the resolution of their composition, the weight of the distance, steps."""

    codes: int = 20
    layer: int = 16
    perceptual: float = 1.0
    steps: int = 3000


TASK_DEFAULTS = {
    "inpainting": Defaults(layer=8, perceptual=0.1),
    "colorization": Defaults(steps=1500),
    "super-resolution": Defaults(steps=2000),
    "denoising": Defaults(codes=10),
}
"""Other tasks have `Defaults()`. Sources: the docstring of `mganprior`."""


def mganprior(
    codes: int | None = None,
    layer: int | None = None,
    importance: bool = True,
    perceptual: float | None = None,
    optimiser: Literal["adam", "sgd"] = "adam",
    look: Look = DEFAULT_LOOK,
    task: str = "inversion",
) -> Method:
    """N codes z, whose features at one layer are added up with a weight for each channel of each code.

    Gu et al. 2020 (arXiv:1912.07116); multi_code_inversion.py, its siblings for other tasks, and derivable_models of
    genforce/mganprior: z from the normal distribution, uniform weights, squared error + perceptual distance, gradient
    descent of rate 1.

    codes: N, by default 20, which the README inverts with and beyond which the paper finds little gain; the scripts
        take up to 30, at a cost that grows with N. Denoising, which has no script, is inversion by few codes in the
        paper: by default 10, as each code more also fits more of the noise.
    layer: the resolution at which features are composed; the official layers 4, 6 and 8 of PGGAN are 8, 16 and 32. By
        default 8 for inpainting, where later layers copy the hole, and 16 for the rest, as the README has it
        (colorization's script says 8); of a smaller generator the last resolution but one.
    importance: whether the weights are optimised; else features are averaged.
    perceptual: the weight of the distance in units of the squared error, by default 1, and 0.1 for inpainting. The
        official 0.001 belongs to the absolute difference of VGG16 features; its inpainting has a tenth of that.
    task: sets the defaults above, and the steps: 3000; 2000 for super-resolution and 1500 for colorization.
    optimiser: 'sgd' is the official one, of rate 1. It was set for PGGAN, whose z enters the first layer. StyleGAN2's z
        passes a mapping network first, and moves slowly: after 60 steps with 5 codes a photo of the bundled model's
        kind is met to 13.3 dB, and to 18.3 with 'adam' of rate 0.05, the default.

    Where it differs from the official code: weights begin at 1 / N and features are added, while the code divides by N
    once more, which PGGAN's pixel norm undoes and StyleGAN2 would not. In StyleGAN2 the layers after `layer` need a
    code as well; they get the mean of the N w, which is what `ws` of the result is. Images of the output layers up to
    `layer` are averaged.
    """
    usual = TASK_DEFAULTS.get(task, Defaults())
    codes = usual.codes if codes is None else codes
    perceptual = usual.perceptual if perceptual is None else perceptual
    check(codes > 0, f"codes must be at least 1, but it is {codes}.")
    optimisers = {"adam": Adam(Constant(0.05)), "sgd": GradientDescent(Constant(1.0))}
    check(optimiser in optimisers, f"optimiser must be adam or sgd, but it is {optimiser!r}.")
    stage = Stage(
        steps=usual.steps,
        active=("z_codes", "channels") if importance else ("z_codes",),
        terms=(SquaredError(), *([Perceptual(perceptual)] if perceptual else [])),
        optimiser=optimisers[optimiser],
    )
    composition = Composition(layer, usual.layer)
    start = {"z_codes": RandomCodes(codes), "channels": EqualChannels(codes, composition)}
    return Method(start, (stage,), draw=composition, look=look)


@dataclasses.dataclass(frozen=True)
class Composition:
    """Draws from `z_codes` [n, z] and `channels` [n, c]: features of each code at `layer`, weighted and added.

    Without `layer`, at the resolution `usual` or the last but one of a generator that ends there or below. An edit has
    `shift` [l, w] besides, which is added to every code: the paper's semantic manipulation.
    """

    layer: int | None = None
    usual: int = 16

    def composed(self, config: GeneratorConfig) -> int:
        """The resolution at which features are composed. Raises InputError for one that the generator does not have."""
        below = config.block_resolutions[:-1]
        layer = min(self.usual, below[-1]) if self.layer is None else self.layer
        check(layer in below, f"layer must be one of {below} for this generator, but it is {layer}.")
        return layer

    def __call__(self, networks: Networks, frozen: Frozen, variables: Variables) -> Drawn:
        layer = self.composed(networks.generator.config)
        every = map_z(networks, frozen, variables["z_codes"]) + variables.get("shift", 0)
        generator = frozen.generator
        features, images = networks.generator.apply(generator, every, layer, method="features")  # type: ignore
        features = jnp.einsum("nc,nhwc->hwc", variables["channels"], features, precision="highest")[None]
        if images is not None:
            images = jax.tree.map(lambda image: jnp.mean(image, axis=0, keepdims=True), images)
        ws = jnp.mean(every, axis=0)
        rest = {"start": 2 * layer, "x": features, "images": images}
        return Drawn(synthesize(networks, generator, ws[None], **rest), ws)


@dataclasses.dataclass(frozen=True)
class EqualChannels:
    """The weights [n, c] of an average."""

    codes: int
    composition: Composition

    def __call__(self, scene: Scene, key: Array) -> Any:
        return jnp.full((self.codes, scene.config.channels(self.composition.composed(scene.config))), 1 / self.codes)
