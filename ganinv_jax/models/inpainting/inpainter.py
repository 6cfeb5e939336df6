"""Completing pictures: the one function that training, evaluation and pipelines share, and its parts."""

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from ganinv_jax.core.configs import check
from ganinv_jax.models.inpainting.config import InpainterConfig
from ganinv_jax.models.inpainting.encoder import StyleEncoder
from ganinv_jax.models.inpainting.mixer import Mixer
from ganinv_jax.models.inpainting.skip import SkipEncoder
from ganinv_jax.models.stylegan2.styles import Layer
from ganinv_jax.models.stylegan2.synthesis import NoiseMode, Restyle

PARTS = ("encoder", "mixer", "skip")
Variables = Mapping[str, Any]
Features = dict[int, Float[Array, "b r r c"]]


class Completion(NamedTuple):
    """images: un-composited, nominally in [-1, 1]. ws: their codes. gate: the encoder's share of them, in (0, 1)."""

    images: Float[Array, "b *s h w 3"]
    ws: Float[Array, "b *s l w"]
    gate: Float[Array, "b *s l w"]


@dataclasses.dataclass(frozen=True)
class Inpainter:
    """Encoder, mixer and (after stage 2) skip encoder around a generator: Linen modules, no weights.

    `variables` holds each part's, as a model folder does: {'generator', 'encoder', 'mixer', 'skip'}. `erased` are
    pictures in [-1, 1] with 0 in the hole and `known` is 1 - hole; see `erase`.
    """

    generator: Any
    encoder: Any
    mixer: Any
    skip: Any = None

    def init(self, key: jax.Array) -> dict[str, Any]:
        """Fresh variables of encoder, mixer and skip encoder: the completions are of the average w, half-way mixed."""
        config = self.generator.config
        erased = jnp.zeros((1, config.resolution, config.resolution, 3))
        ws = jnp.zeros((1, config.num_ws, config.w_dim))
        shown = (erased, erased[..., :1])
        starts = zip(PARTS, (shown, (ws, ws), (*shown, erased)), jax.random.split(key, len(PARTS)), strict=True)
        modules = {part: (getattr(self, part), inputs, part_key) for part, inputs, part_key in starts}
        return {part: jax.jit(module.init)(k, *inputs) for part, (module, inputs, k) in modules.items() if module}

    def complete(
        self,
        variables: Variables,
        erased: Float[Array, "b h w 3"],
        known: Float[Array, "b h w 1"],
        ws_rand: Float[Array, "b *s l w"],
        skip: bool = True,
        noise_mode: NoiseMode = "const",
    ) -> Completion:
        """Complete each picture with its random code, or with its s codes where `ws_rand` is [b, s, l, w].

        Each picture is encoded once, however many its codes; see `skip_features` for the skip encoder, whose features
        `skip=False` leaves out.
        """
        ws, gate = self.mix(variables, self.encode(variables, erased, known), ws_rand)
        features = self.skip_features(variables, erased, known, ws, noise_mode) if skip else {}
        return Completion(self.render(variables, ws, features, noise_mode), ws, gate)

    def encode(
        self, variables: Variables, erased: Float[Array, "b h w 3"], known: Float[Array, "b h w 1"]
    ) -> Float[Array, "b l w"]:
        """What the known pixels say about the code."""
        w_avg = variables["generator"]["buffers"]["mapping"]["w_avg"]
        return w_avg + self.encoder.apply(variables["encoder"], erased, known)

    def encode_whole(self, variables: Variables, images: Float[Array, "b h w 3"]) -> Float[Array, "b l w"]:
        """Codes of pictures that nothing is erased of; see `encode_mixed`."""
        return self.encode_mixed(variables, images, jnp.ones_like(images[..., :1]))

    def encode_mixed(
        self, variables: Variables, erased: Float[Array, "b h w 3"], known: Float[Array, "b h w 1"]
    ) -> Float[Array, "b l w"]:
        """One code a picture: what the known pixels say, mixed with the average w for a random code.

        The generator was trained to draw mixed codes: of the encoder's alone it draws blurs.
        """
        ws_enc = self.encode(variables, erased, known)
        w_avg = variables["generator"]["buffers"]["mapping"]["w_avg"]
        return self.mix(variables, ws_enc, jnp.broadcast_to(w_avg, ws_enc.shape))[0]

    def mix(
        self, variables: Variables, ws_enc: Float[Array, "b l w"], ws_rand: Float[Array, "b *s l w"]
    ) -> tuple[Float[Array, "b *s l w"], Float[Array, "b *s l w"]]:
        """The codes to draw with, and the gate; see `Mixer`."""
        ws_enc = ws_enc if ws_rand.ndim == ws_enc.ndim else ws_enc[:, None]
        return self.mixer.apply(variables["mixer"], jnp.broadcast_to(ws_enc, ws_rand.shape), ws_rand)

    def skip_features(
        self,
        variables: Variables,
        erased: Float[Array, "b h w 3"],
        known: Float[Array, "b h w 1"],
        ws: Float[Array, "b *s l w"],
        noise_mode: NoiseMode = "const",
    ) -> Features:
        """What is added inside of the generator, by resolution; nothing where there is no skip encoder.

        One for each picture, or where the skip encoder sees what is drawn from `ws`, for each completion (b * s). For
        an edit these are the codes before it. That picture is only looked at: no gradient goes back to `ws`.
        """
        if self.skip is None:
            return {}
        if not self.skip.config.sees_render:
            return self.skip.apply(variables["skip"], erased, known)
        renders = self.render(variables, lax.stop_gradient(ws), noise_mode=noise_mode)
        renders = renders.reshape(-1, *renders.shape[-3:])
        erased, known = (jnp.repeat(x, len(renders) // len(x), axis=0) for x in (erased, known))
        return self.skip.apply(variables["skip"], erased, known, renders)

    def render(
        self,
        variables: Variables,
        ws: Float[Array, "b *s l w"],
        features: Features | None = None,
        noise_mode: NoiseMode = "const",
        restyle: Mapping[Layer, Restyle] | None = None,
    ) -> Float[Array, "b *s h w 3"]:
        """Pictures from codes, edited or not, with the skip features of their pictures (b, or b * s of them).

        restyle: changes of styles, as the synthesis network takes them.
        """
        rows = ws.reshape(-1, *ws.shape[-2:])
        # Codes of one picture are neighbours, so that a batch split over devices stays where it is.
        inject = {
            (resolution, self.skip.config.layer): jnp.repeat(x, len(rows) // len(x), axis=0)
            for resolution, x in (features or {}).items()
        }
        generator = variables["generator"]
        images = self.generator.apply(generator, rows, noise_mode, inject=inject, restyle=restyle, method="synthesize")
        images = images["rgb"] if isinstance(images, dict) else images
        return images.reshape(*ws.shape[:-2], *images.shape[1:])


def make_inpainter(config: InpainterConfig, generator: Any) -> Inpainter:
    """The modules of `config` around a `Generator`, in its precision but for the mixer, which has codes to mix.

    Raises InputError where they do not fit each other.
    """
    options, encoder, mixer, skip = generator.config, config.encoder, config.mixer, config.skip
    check(
        options.mapping.w_avg_beta is not None,
        "The generator must keep an average w, which the encoder starts from, but this one does not.",
    )
    wanted = (options.num_ws, options.w_dim)
    fits = (encoder.num_ws, encoder.w_dim) == wanted == (mixer.num_ws, mixer.w_dim)
    check(fits, f"Encoder and mixer must give {wanted[0]} styles of width {wanted[1]}, as the generator takes.")
    if skip is not None:
        widths = tuple(options.channels(r) for r in skip.resolutions if r in options.block_resolutions)
        fits = skip.resolution == options.resolution and skip.widths == widths
        check(fits, f"The skip encoder's widths must be the generator's, {widths}, but they are {skip.widths}.")
    compute = generator.compute
    skip_encoder = SkipEncoder(skip, compute) if skip else None
    return Inpainter(generator, StyleEncoder(encoder, compute), Mixer(mixer), skip_encoder)


def erase(
    images: Float[Array, "b h w c"], hole: Float[Array, "b h w 1"]
) -> tuple[Float[Array, "b h w c"], Float[Array, "b h w 1"]]:
    """(erased, known) of pictures with holes (1 where pixels are missing)."""
    known = 1 - hole
    return images * known, known
