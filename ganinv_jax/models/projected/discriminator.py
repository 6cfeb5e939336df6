"""The projected discriminator: small trained heads on randomly mixed features of a frozen network.

Source: Sauer et al., Projected GANs Converge Faster (arXiv:2111.01007), and `pg_modules` of
autonomousvision/projected-gan.
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Key

from ganinv_jax.models.features import load_features
from ganinv_jax.models.precision import Compute, at_least_fp32
from ganinv_jax.models.projected.config import ProjectedConfig
from ganinv_jax.models.projected.layers import BatchNorm, SpectralConv, Spread, convolve, default_init, enlarge

_DRAWN = ["params", "buffers", "frozen"]


class ProjectedDiscriminator(nn.Module):
    """Images in [-1, 1] -> one map of logits a scale.

    Variables, made by `init_variables`: 'params' (the heads), 'buffers' (running statistics and spectral norms, moved
    by calls with `train` where the collection is mutable), 'frozen' (the random mixing) and 'features' (the frozen
    network, as its wheel has it).

    A trainer calls the two halves apart, reals and fakes in separate passes, since each pass has its own batch
    statistics:

        features = discriminator.apply(variables, images, method="extract")
        logits, moved = discriminator.apply(variables, features, train=True, method="heads", mutable=["buffers"])

    For the discriminator's own step `extract` stays outside of the function that is differentiated; for the
    generator's step the gradient passes through both.

    compute: precision of the frozen network, of the mixing and of the heads' convolutions: 'bf16', and fp32 otherwise,
        since the paper's code ('source') has no half precision. Batch statistics, spectral norms and logits are fp32.
    """

    config: ProjectedConfig
    compute: Compute = "fp32"

    def setup(self) -> None:
        config = self.config
        self.network = load_features(config.feature_network)
        self.weights = self.variable("features", config.feature_network, lambda: self.network.variables)
        widths = [config.channels * 2**i for i in range(len(config.stages))]
        self.mix_channels = [
            self._mixing(f"channels_{stage}", 1, self.network.channels[stage], width)
            for stage, width in zip(config.stages, widths, strict=True)
        ]
        self.mix_scales = [
            self._mixing(f"scales_{stage}", config.mixing_kernel, width, width if i == 0 else width // 2)
            for i, (stage, width) in enumerate(zip(config.stages, widths, strict=True))
        ]
        self.scale_heads = [
            Head(config.head_channels[i:], config.spread_group, name=f"head_{stage}")
            for i, stage in enumerate(config.stages)
        ]

    def __call__(self, images: Float[Array, "b h w 3"], train: bool = False) -> list[Float[Array, "b h w"]]:
        """Logits of images: `heads` of `extract`."""
        return self.heads(self.extract(images), train)

    def score(self, images: Float[Array, "b h w 3"], train: bool = False) -> Float[Array, " b"]:
        """One figure a picture: the mean over heads and positions; larger is more real."""
        return jnp.mean(jnp.stack([jnp.mean(logits, axis=(1, 2)) for logits in self(images, train)]), axis=0)

    def extract(self, images: Float[Array, "b h w 3"]) -> list[Float[Array, "b h w c"]]:
        """Mixed features of images in [-1, 1], shallow to deep, at twice the resolution of the network's stages."""
        config = self.config
        stages = self.network.extract(self.weights.value, images, config.size, config.stages, compute=self.compute)
        mixed, above = [], None
        for stage, channels, scales in reversed(
            list(zip(config.stages, self.mix_channels, self.mix_scales, strict=True))
        ):
            x = stages[stage]
            x = jnp.matmul(x, channels.value[0, 0].astype(x.dtype), precision=lax.Precision.HIGHEST)
            x = x if above is None else x + above
            # A 1x1 convolution and the enlargement commute, so the smaller picture is convolved.
            above = enlarge(convolve(x, scales.value, config.mixing_kernel // 2))
            mixed.append(above)
        return mixed[::-1]

    def heads(self, features: list[Float[Array, "b h w c"]], train: bool = False) -> list[Float[Array, "b h w"]]:
        """Logits of mixed features, a map a scale; `train` takes the statistics of this batch."""
        return [head(x, train) for head, x in zip(self.scale_heads, features, strict=True)]

    def _mixing(self, name: str, size: int, inputs: int, outputs: int) -> nn.Variable:
        return self.variable(
            "frozen", name, lambda: default_init(self.make_rng("params"), (size, size, inputs, outputs))
        )


def init_variables(discriminator: ProjectedDiscriminator, key: Key[Array, ""]) -> dict[str, Any]:
    """Fresh heads and mixing, beside the frozen network's weights."""
    config = discriminator.config
    features = {config.feature_network: load_features(config.feature_network).variables}

    def draw(features, key):
        images = jnp.zeros((1, config.size, config.size, 3))
        return discriminator.apply({"features": features}, images, rngs={"params": key}, mutable=_DRAWN)[1]

    # The weights come in as an argument, so as not to become a part of the program.
    drawn = jax.jit(draw)(features, key)
    return {**drawn, "features": features}


class Head(nn.Module):
    """Halves the picture once for each of `channels`, then one convolution as large as 4x4 gives the logits."""

    channels: tuple[int, ...]
    spread_group: int = 0

    @nn.compact
    def __call__(self, x: Float[Array, "b h w i"], train: bool) -> Float[Array, "b H W"]:
        spread = Spread(self.spread_group, name="spread")(x, train)[:, None, None] if self.spread_group else 0
        for i, channels in enumerate(self.channels):
            # No bias: the normalisation would take it away again.
            x = SpectralConv(channels, 4, halve=True, name=f"conv{i}")(x, train)
            x = nn.leaky_relu(BatchNorm(name=f"norm{i}")(x, train), 0.2)
        logits = SpectralConv(1, min(4, *x.shape[1:3]), name="logits")(x, train)[..., 0]
        return at_least_fp32(logits) + spread
