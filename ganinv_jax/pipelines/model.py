"""A model in memory: pictures from latents and seeds, codes and scores of pictures, holes filled, photos inverted."""

import functools
import hashlib
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt8

from ganinv_jax.core import folders
from ganinv_jax.core.configs import check
from ganinv_jax.core.rng import fold_keys, seed_z
from ganinv_jax.models import registry
from ganinv_jax.models.directions import Direction
from ganinv_jax.models.encoders import reads_whole
from ganinv_jax.models.inpainting import PARTS, Inpainter, InpainterConfig, make_inpainter
from ganinv_jax.models.stylegan2 import Layer, truncate
from ganinv_jax.pipelines import edit, encode, inpaint, invert
from ganinv_jax.pipelines.pictures import as_pictures, batches, default_batch

NOISE_MODES = ("const", "random", "none")


class Model:
    """A generator and what came with it, opened by `ganinv_jax.load`.

    name: what it was loaded as. config: the generator's GeneratorConfig. parts: the names of what it holds. Weights are
    checked and put on the device when a part is first used.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        arrays: Mapping[str, Mapping[str, Any]],
        name: str,
        compute: str = "fp32",
        implementation: str = "auto",
    ):
        """config, arrays: as `core.folders.load` gives them. Raises InputError without a generator that fits."""
        held = ", ".join(arrays) or "nothing"
        check("generator" in arrays, f"A model must hold a generator, but {name} holds {held}.")
        self.name, self.compute, self.parts = name, compute, tuple(arrays)
        self._options, self._arrays, self._implementation = config, arrays, implementation
        self._networks: dict[str, registry.Network] = {}
        self.config = self.network("generator").config

    def network(self, part: str) -> registry.Network:
        """The part's module, config and variables. Raises InputError where it is missing or does not fit its config."""
        if part not in self._networks:
            options, arrays = self._options, self._arrays
            self._networks[part] = registry.restore(part, options, arrays, self.compute, self._implementation)
        return self._networks[part]

    def save(self, folder: str | os.PathLike, parts: Collection[str] | None = None) -> None:
        """Write a model folder of some parts (default: all). Raises InputError as `core.folders.save` does."""
        kept = [part for part in self.parts if parts is None or part in parts]
        config = {part: self._options[part] for part in kept}
        folders.save(folder, config, {part: self._arrays[part] for part in kept})

    @functools.cached_property
    def digest(self) -> str:
        """Of all that pictures depend on, options and weights: what a saved state says that it belongs to."""
        drawing = [part for part in ("generator", *PARTS) if part in self.parts]
        digest = hashlib.sha256(repr([(part, self._options.get(part)) for part in drawing]).encode())
        for path, leaf in jax.tree.leaves_with_path({part: self._arrays[part] for part in drawing}):
            digest.update(jax.tree_util.keystr(path).encode() + np.ascontiguousarray(leaf).tobytes())
        return digest.hexdigest()

    def map(
        self,
        z: Float[Any, "b z"],
        c: Float[Any, "b c"] | None = None,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
    ) -> Float[Array, "b l w"]:
        """Latents, and one-hot labels where the model has any, to W+ (see `truncate` for psi and cutoff).

        Raises InputError for wrong shapes, missing labels, or truncation in a model that keeps no average w.
        """
        network, z = self.network("generator"), jnp.asarray(z, jnp.float32)
        check(
            z.ndim == 2 and z.shape[1] == self.config.z_dim,
            f"z must be [b, {self.config.z_dim}] for this model, but its shape is {list(z.shape)}.",
        )
        ws = _map(network.module, network.variables, z, self._labels(c, len(z)))
        if truncation_psi == 1:
            return ws
        average = self.config.mapping.w_avg_beta is not None
        check(average, "truncation_psi must be 1 for a model that keeps no average w, as this one.")
        return _truncate(ws, network.variables["buffers"]["mapping"]["w_avg"], truncation_psi, truncation_cutoff)

    def codes(
        self, seeds: Iterable[int], class_idx: int | None = None, truncation_psi: float = 1.0
    ) -> Float[np.ndarray, "b l w"]:
        """W+ of the pictures that `generate` draws for seeds. Raises InputError as `draw` does."""
        z, c = seed_z(seeds, self.config.z_dim), self.class_labels(class_idx)
        return np.asarray(self.map(z, None if c is None else np.repeat(c, len(z), axis=0), truncation_psi))

    def synthesize(
        self,
        ws: Float[Any, "b l w"],
        noise_mode: str = "const",
        noise_key: Array | None = None,
        restyle: Mapping[Layer, Float[Any, "#b c"]] | None = None,
    ) -> Float[Array, "b h w c"]:
        """W+ to images, nominally in [-1, 1] and not clipped; with more than one output head, a dict by head.

        noise_mode: 'const', 'none', or 'random' with `noise_key` (one key, or one a picture). restyle: what is added to
        layers' styles, such as {(32, 'conv1'): [b, c]}; see `models.stylegan2.styles_of`. Raises InputError for wrong
        shapes, an unknown mode or layer, or a missing key.
        """
        network, ws = self.network("generator"), jnp.asarray(ws, jnp.float32)
        rows, width = self.config.num_ws, self.config.w_dim
        check(
            ws.ndim == 3 and ws.shape[1:] == (rows, width),
            f"ws must be [b, {rows}, {width}] for this model, but its shape is {list(ws.shape)}.",
        )
        check_noise(noise_mode)
        check(noise_mode != "random" or noise_key is not None, "noise_mode='random' needs a noise_key; give one.")
        return _synthesize(network.module, noise_mode, network.variables, ws, noise_key, dict(restyle or {}))

    def encode(self, images: Float[Any, "b h w c"]) -> Float[Array, "b l w"]:
        """W+ codes of whole images in [-1, 1].

        Encoders of whole pictures (pSp, e4e, ReStyle, in-domain) take images of any size and read their largest centred
        part of the encoder's proportions; the inpainting encoder takes those of the generator's size. Raises InputError
        without an encoder, or for wrong shapes.
        """
        if self._reads_whole():
            return encode.encode(self, images)
        return inpaint.encode(self, self._images(images))

    @functools.cached_property
    def inpainter(self) -> tuple[Inpainter, dict[str, Any]]:
        """Encoder, mixer and skip encoder (where there is one) around the generator, and the variables of all four.

        Raises InputError where the model has no encoder of erased pictures or no mixer, or where its parts do not fit
        each other.
        """
        check(
            not self._reads_whole(),
            f"{self.name} cannot inpaint, as its encoder reads whole pictures; train an encoder of erased ones and a "
            "mixer around its generator with the inpaint recipes, or open another model.",
        )
        missing = [part for part in ("encoder", "mixer") if part not in self.parts]
        check(
            not missing,
            f"{self.name} cannot inpaint or encode yet, as it has no {' and no '.join(missing)}; train them with the "
            "inpaint recipes, or open another model.",
        )
        parts = {part: self.network(part) for part in ("generator", *PARTS) if part in self.parts}
        options = InpainterConfig(**{part: network.config for part, network in parts.items() if part != "generator"})
        modules = make_inpainter(options, parts["generator"].module)
        return modules, {part: network.variables for part, network in parts.items()}

    def score(self, images: Float[Any, "b h w c"], c: Float[Any, "b c"] | None = None) -> Float[Array, "b"]:
        """How real the discriminator finds images in [-1, 1]; larger is more real.

        The projected discriminator's score is the mean over heads and positions. StyleGAN2's is its logit, which
        depends on the pictures beside it where the discriminator has minibatch statistics. Raises InputError without a
        discriminator, for wrong shapes or missing labels.
        """
        network = self.network("discriminator")
        if hasattr(network.module, "score"):
            return _score(network.module, network.variables, self._images(images))
        images = self._images(images)
        labels = self._labels(c, len(images)) if network.config.c_dim else None
        return _logits(network.module, network.variables, images, labels)

    def generate(
        self,
        seeds: Iterable[int],
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
        noise_mode: str = "const",
        class_idx: int | None = None,
        batch: int | None = None,
    ) -> UInt8[np.ndarray, "k h w 3"]:
        """The pictures of seeds; see `draw`."""
        pictures = self.draw(seeds, truncation_psi, truncation_cutoff, noise_mode, class_idx, batch)
        return np.stack(list(pictures))

    def draw(
        self,
        seeds: Iterable[int],
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
        noise_mode: str = "const",
        class_idx: int | None = None,
        batch: int | None = None,
    ) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        """The pictures of seeds one by one, computed at most `batch` at a time (default: as the resolution allows).

        Seed i draws z as NVIDIA's generate.py does (see `seed_z`), and with noise_mode 'random' its noise; its picture
        depends on nothing else. Raises InputError for bad seeds, for a class that the model does not have, and where
        a model with classes is given none.
        """
        seeds = list(seeds)
        check(bool(seeds), "At least one seed must be given, but there is none.")
        check(batch is None or batch > 0, f"batch must be positive, but it is {batch}.")
        check_noise(noise_mode)
        z, c = seed_z(seeds, self.config.z_dim), self.class_labels(class_idx)
        keys = fold_keys(jax.random.key(0), jnp.asarray(seeds, jnp.uint32)) if noise_mode == "random" else None

        def pictures():
            for rows, count in batches(len(seeds), batch or default_batch(self.config.resolution)):
                labels = None if c is None else np.repeat(c, len(rows), axis=0)
                ws = self.map(z[rows], labels, truncation_psi, truncation_cutoff)
                yield from as_pictures(self.synthesize(ws, noise_mode, None if keys is None else keys[rows]))[:count]

        return pictures()

    def inpaint(
        self, photo: Any, hole: Any, samples: int = 4, seed: int = 0, composite: bool = False
    ) -> "inpaint.InpaintResult":
        """Fill the hole of a photo in `samples` ways; see `pipelines.inpaint.inpaint`."""
        return inpaint.inpaint(self, photo, hole, samples, seed, composite)

    def invert(
        self,
        photos: Any,
        method: str = "projector",
        task: str = "inversion",
        steps: int | None = None,
        seed: int = 0,
        **options: Any,
    ) -> "invert.InversionResult":
        """Find the codes from which the generator draws photos; see `pipelines.invert.invert`."""
        return invert.invert(self, photos, method, task, steps, seed, **options)

    @functools.cached_property
    def directions(self) -> dict[str, Direction]:
        """The directions that came with the model, by name. Raises InputError for one that is none."""
        vectors = self._arrays.get("direction", {}).get("params", {})
        return {name: Direction(vector, name) for name, vector in vectors.items()}

    def edit(
        self,
        pictures: Any,
        direction: Any,
        strength: float | Sequence[float],
        layers: Collection[int] | None = None,
        skip: bool = True,
    ) -> UInt8[np.ndarray, "..."]:
        """Completions or codes moved along a direction, uint8 [k, h, w, 3] or [k, s, h, w, 3]; see `pipelines.edit`."""
        return edit.edit(self, pictures, direction, strength, layers, skip)

    def _reads_whole(self) -> bool:
        """Whether there is an encoder, and one that knows of no holes."""
        return "encoder" in self.parts and reads_whole(self.network("encoder").config)

    def _images(self, images: Any) -> Float[Array, "b h w c"]:
        images, side = jnp.asarray(images), self.config.resolution
        wanted = (side, side, self.config.img_channels)
        check(
            images.ndim == 4 and images.shape[1:] == wanted and jnp.issubdtype(images.dtype, jnp.floating),
            f"images must be floats [b, {', '.join(map(str, wanted))}] in [-1, 1], but got {images.dtype} "
            f"{list(images.shape)}.",
        )
        return images

    def _labels(self, c: Any, count: int) -> Float[Array, "b c"] | None:
        classes = self.config.c_dim
        if not classes:
            check(c is None or np.shape(c)[-1] == 0, "This model has no labels; leave c out.")
            return None
        check(c is not None, f"This model has {classes} classes and needs labels; give c as [b, {classes}].")
        shape = np.shape(c)
        check(shape == (count, classes), f"c must be [{count}, {classes}] here, but its shape is {list(shape)}.")
        return jnp.asarray(c, jnp.float32)

    def class_labels(self, class_idx: int | None) -> Float[np.ndarray, "1 c"] | None:
        """The one-hot label of a class; None in a model without any. Raises InputError for a class it does not have."""
        classes = self.config.c_dim
        if not classes:
            check(class_idx is None, "This model has no classes; leave the class out.")
            return None
        check(
            class_idx is not None and 0 <= class_idx < classes,
            f"This model needs a class from 0 to {classes - 1}, but got {class_idx}.",
        )
        return np.eye(classes, dtype=np.float32)[class_idx : class_idx + 1]  # type: ignore[operator]


def check_noise(noise_mode: str) -> None:
    """Raise InputError for a noise mode that does not exist."""
    modes = ", ".join(NOISE_MODES)
    check(noise_mode in NOISE_MODES, f"noise_mode must be one of {modes}, but got {noise_mode!r}.")


# Modules are compared by their configs, so models of one architecture share these programs.
@functools.partial(jax.jit, static_argnums=0)
def _map(generator, variables, z, c):
    return generator.apply(variables, z, c, method="map")


_truncate = jax.jit(truncate, static_argnums=3)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _synthesize(generator, noise_mode, variables, ws, noise_key, restyle):
    return generator.apply(variables, ws, noise_mode, noise_key, restyle=restyle, method="synthesize")


@functools.partial(jax.jit, static_argnums=0)
def _score(discriminator, variables, images):
    return discriminator.apply(variables, images, method="score")


@functools.partial(jax.jit, static_argnums=0)
def _logits(discriminator, variables, images, c):
    return discriminator.apply(variables, images, c)
