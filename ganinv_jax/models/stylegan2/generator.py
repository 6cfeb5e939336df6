"""The generator: mapping and synthesis under one set of variables."""

from collections.abc import Mapping

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from ganinv_jax.core.errors import InputError
from ganinv_jax.models.precision import Compute
from ganinv_jax.models.stylegan2.config import GeneratorConfig
from ganinv_jax.models.stylegan2.mapping import MappingNetwork, truncate
from ganinv_jax.models.stylegan2.styles import Layer
from ganinv_jax.models.stylegan2.synthesis import (
    Features,
    Images,
    Injection,
    NoiseMode,
    Restyle,
    SynthesisNetwork,
)


class Generator(nn.Module):
    """z -> images [b, h, w, c], nominally in [-1, 1] and not clipped.

    Use: `generator.apply(variables, z)`, `generator.apply(variables, z, method='map')` and
    `generator.apply(variables, ws, method='synthesize')`. Variables: {'params', 'buffers'}.
    """

    config: GeneratorConfig
    compute: Compute = "fp32"
    implementation: str = "auto"

    def setup(self):
        config = self.config
        self.mapping = MappingNetwork(config.mapping, config.z_dim, config.c_dim, config.w_dim)
        self.synthesis = SynthesisNetwork(config, self.compute, self.implementation)

    def __call__(
        self,
        z: Float[Array, "b z"],
        c: Float[Array, "b c"] | None = None,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
        noise_mode: NoiseMode = "const",
        noise_key: Array | None = None,
    ):
        ws = self.map(z, c, truncation_psi, truncation_cutoff)
        return self.synthesize(ws, noise_mode, noise_key)

    def map(
        self,
        z: Float[Array, "b z"],
        c: Float[Array, "b c"] | None = None,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
    ) -> Float[Array, "b l w"]:
        """Latents to W+ (one w, repeated over the rows, truncated); c are one-hot labels where the config has any."""
        w = self.mapping(z, c)
        ws = jnp.repeat(w[:, None], self.config.num_ws, axis=1)
        if isinstance(truncation_psi, float | int) and truncation_psi == 1:
            return ws
        if self.config.mapping.w_avg_beta is None:
            raise InputError("truncation_psi must be 1 for a model that keeps no average w, as this one.")
        return truncate(ws, self.mapping.get_variable("buffers", "w_avg"), truncation_psi, truncation_cutoff)

    def synthesize(
        self,
        ws: Float[Array, "b l w"],
        noise_mode: NoiseMode = "const",
        noise_key: Array | None = None,
        start: int | None = None,
        x: Features | None = None,
        images: Images | None = None,
        inject: Mapping[Layer, Injection] | None = None,
        restyle: Mapping[Layer, Restyle] | None = None,
    ) -> Float[Array, "b h w c"] | Images:
        """W+ to images; with more than one output head, a dict by head name. Arguments as in SynthesisNetwork."""
        _, images = self.synthesis(ws, noise_mode, noise_key, start, None, x, images, inject, restyle)
        return images["rgb"] if list(images) == ["rgb"] else images

    def features(
        self,
        ws: Float[Array, "b l w"],
        stop: int,
        noise_mode: NoiseMode = "const",
        noise_key: Array | None = None,
        inject: Mapping[Layer, Injection] | None = None,
        start: int | None = None,
        x: Features | None = None,
        images: Images | None = None,
    ) -> tuple[Features, Images | None]:
        """Features and partial images that leave the block at resolution `stop`; `synthesize` goes on from there."""
        return self.synthesis(ws, noise_mode, noise_key, start, stop, x, images, inject)
