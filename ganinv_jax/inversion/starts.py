"""Where an inversion begins: the first value of a variable, for one photo.

A start is called with the photo's scene and a key of its own.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from ganinv_jax.inversion.networks import encode, map_z, synthesize
from ganinv_jax.inversion.scene import Scene

Start = Callable[[Scene, Array], Any]


def mean_w(scene: Scene, key: Array) -> Any:
    """The mean of w."""
    return scene.frozen.w_mean


def mean_ws(scene: Scene, key: Array) -> Any:
    """The mean of w, in every row."""
    return jnp.repeat(scene.frozen.w_mean[None], scene.config.num_ws, axis=0)


def encoded_ws(scene: Scene, key: Array) -> Any:
    """What the model's encoder reads in what is known of the photo."""
    return encode(scene.networks, scene.frozen, scene.sight.shown, scene.sight.known)[0]  # type: ignore[arg-type]


def encoded_w(scene: Scene, key: Array) -> Any:
    """The mean of the rows that the model's encoder reads."""
    return jnp.mean(encoded_ws(scene, key), axis=0)


@dataclasses.dataclass(frozen=True)
class Given:
    """What somebody has of a variable already."""

    name: str

    def __call__(self, scene: Scene, key: Array) -> Any:
        return scene.given[self.name]


given_ws = Given("ws")


def given_w(scene: Scene, key: Array) -> Any:
    """The mean of its rows."""
    return jnp.mean(given_ws(scene, key), axis=0)


def random_z(scene: Scene, key: Array) -> Any:
    """A latent as the generator's own are drawn."""
    return jax.random.normal(key, (scene.config.z_dim,))


@dataclasses.dataclass(frozen=True)
class BestW:
    """Of `count` random codes the one whose picture, as far as it is seen, is nearest to the photo."""

    count: int

    def __call__(self, scene: Scene, key: Array) -> Any:
        ws = map_z(scene.networks, scene.frozen, jax.random.normal(key, (self.count, scene.config.z_dim)))

        def error(ws):
            images = synthesize(scene.networks, scene.frozen.generator, ws[None])
            return jnp.mean((scene.degradation.observe(images) - scene.seen) ** 2)

        return ws[jnp.argmin(jax.lax.map(error, ws, batch_size=16)), 0]


@dataclasses.dataclass(frozen=True)
class RandomCodes:
    """`count` latents as the generator's own are drawn."""

    count: int

    def __call__(self, scene: Scene, key: Array) -> Any:
        return jax.random.normal(key, (self.count, scene.config.z_dim))


@dataclasses.dataclass(frozen=True)
class UniformWs:
    """Codes from U(-bound, bound), a row each; Image2StyleGAN's start for anything but faces."""

    bound: float

    def __call__(self, scene: Scene, key: Array) -> Any:
        shape = (scene.config.num_ws, scene.config.w_dim)
        return jax.random.uniform(key, shape, minval=-self.bound, maxval=self.bound)


def random_noise(scene: Scene, key: Array) -> Any:
    """Fresh noise maps."""
    maps, structure = jax.tree.flatten(scene.frozen.generator["buffers"]["synthesis"])
    keys = jax.random.split(key, len(maps))
    fresh = [jax.random.normal(one, noise.shape) for one, noise in zip(keys, maps, strict=True)]
    return jax.tree.unflatten(structure, fresh)


def own_noise(scene: Scene, key: Array) -> Any:
    """The noise maps that the generator came with."""
    return scene.frozen.generator["buffers"]["synthesis"]


def own_weights(scene: Scene, key: Array) -> Any:
    """The weights that the generator came with."""
    return scene.frozen.generator["params"]["synthesis"]
