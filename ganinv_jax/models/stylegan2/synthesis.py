"""Synthesis network: a list of blocks over (features, images), which can start, stop and be changed anywhere.

Source: SynthesisNetwork, SynthesisBlock, SynthesisLayer and ToRGBLayer of NVlabs/stylegan2-ada-pytorch.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, Literal

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ganinv_jax.core.configs import check
from ganinv_jax.core.rng import is_key
from ganinv_jax.models.precision import Compute
from ganinv_jax.models.stylegan2.config import GeneratorConfig
from ganinv_jax.models.stylegan2.layers import Conv, Dense, scaled
from ganinv_jax.models.stylegan2.styles import Layer, style_rows
from ganinv_jax.ops.modulated_conv import modulated_conv
from ganinv_jax.ops.upfirdn2d import normalized_kernel, upsample2d

NoiseMode = Literal["const", "random", "none"]
Features = Float[Array, "b h w c"]
Injection = Features | Callable[[Features], Features]
Styles = Float[Array, "b c"]
Restyle = Float[Any, "#b c"] | Callable[[Styles], Styles]
Images = dict[str, Float[Array, "b h w c"]]


class SynthesisNetwork(nn.Module):
    """Blocks 4, 8, ..., resolution.

    compute: precision of the blocks above 4x4: 'fp32'; 'bf16'; 'source': fp16 in the config's num_fp16_res highest
        resolutions, as the official code runs on a GPU. Demodulation statistics and the sum of images stay fp32.
    implementation: that of the modulated convolutions.
    """

    config: GeneratorConfig
    compute: Compute = "fp32"
    implementation: str = "auto"

    def setup(self):
        for resolution in self.config.block_resolutions:
            dtype = block_dtype(self.compute, resolution, self.config.resolution, self.config.synthesis.num_fp16_res)
            block = SynthesisBlock(self.config, resolution, dtype, self.implementation, name=f"b{resolution}")
            setattr(self, f"b{resolution}", block)

    def __call__(
        self,
        ws: Float[Array, "b l w"],
        noise_mode: NoiseMode = "const",
        noise_key: Array | None = None,
        start: int | None = None,
        stop: int | None = None,
        x: Features | None = None,
        images: Images | None = None,
        inject: Mapping[Layer, Injection] | None = None,
        restyle: Mapping[Layer, Restyle] | None = None,
    ) -> tuple[Features, Images]:
        """Run the blocks `start` to `stop` (resolutions, both included; default all).

        x, images: what the block before `start` returned; needed where `start` is above 4.
        inject: {(resolution, 'conv0' | 'conv1'): f}; f maps that layer's output, and an array is added to it. Both act
            before the block's output layers.
        restyle: {(resolution, 'conv0' | 'conv1' | 'torgb' | 'tomask'): f}; f maps that layer's styles, what its affine
            map makes of its row of ws, and an array is added to them.
        noise_mode: 'const' uses the stored noise, 'random' draws it from `noise_key` (one key, folded with each
            picture's index, or one key a picture), 'none' leaves it out.
        Returns the last block's features and the images, which are complete after the highest resolution. Raises
        InputError for a resolution or a layer that the network does not have or does not run.
        """
        inject, restyle = inject or {}, restyle or {}
        self._check_run(start, stop, inject, restyle)
        noise_keys = _picture_keys(noise_key, ws.shape[0]) if noise_mode == "random" else None
        row = 0
        for resolution in self.config.block_resolutions:
            layers = 1 if resolution == 4 else 2
            if resolution >= (start or 4):
                rows = ws[:, row : row + layers + 1]
                x, images = getattr(self, f"b{resolution}")(x, images, rows, noise_mode, noise_keys, inject, restyle)
            row += layers
            if resolution == stop:
                break
        return x, images  # type: ignore[return-value]

    def _check_run(
        self, start: int | None, stop: int | None, inject: Mapping[Layer, Injection], restyle: Mapping[Layer, Restyle]
    ) -> None:
        blocks = self.config.block_resolutions
        first, last = start or blocks[0], stop or blocks[-1]
        within = first in blocks and last in blocks and first <= last
        check(within, f"start and stop must be rising resolutions of {blocks}, but they are {first} and {last}.")
        styled = {layer for layer in style_rows(self.config) if first <= layer[0] <= last}
        layers = {layer for layer in styled if layer[1] in ("conv0", "conv1")}
        for argument, given, known in (("inject", inject, layers), ("restyle", restyle, styled)):
            unknown = [layer for layer in given if layer not in known]
            check(not unknown, f"{argument} must name layers that run, such as ({last}, 'conv1'), but has {unknown}.")


class SynthesisBlock(nn.Module):
    """One resolution: up to two convolutions, then the output heads."""

    config: GeneratorConfig
    resolution: int
    dtype: Any
    implementation: str

    @nn.compact
    def __call__(self, x, images, ws, noise_mode, noise_keys, inject, restyle):
        options, resolution = self.config.synthesis, self.resolution
        channels = self.config.channels(resolution)
        row = iter(range(ws.shape[1]))

        def layer(name: str, x, up: bool, gain: float = 1.0):
            module = SynthesisLayer(self.config, resolution, up, self.implementation, name=name)
            x = module(x, ws[:, next(row)], noise_mode, noise_keys, gain, restyle.get((resolution, name)))
            return jnp.asarray(_changed(x, inject.get((resolution, name))), self.dtype)

        if resolution == 4:
            const = self.param("const", nn.initializers.normal(1.0), (4, 4, channels))
            x = jnp.broadcast_to(const.astype(self.dtype), (ws.shape[0], *const.shape))
            x = layer("conv1", x, up=False)
        elif options.architecture == "resnet":
            x = x.astype(self.dtype)
            kernel, half = options.resample_kernel, math.sqrt(0.5)
            skip = Conv(channels, 1, use_bias=False, resample="up", kernel=kernel, name="skip")
            x, shortcut = layer("conv0", x, up=True), skip(x, gain=half)
            x = shortcut + layer("conv1", x, up=False, gain=half)
        else:
            x = layer("conv0", x.astype(self.dtype), up=True)
            x = layer("conv1", x, up=False)
        return x, self._heads(x, images, ws[:, next(row)], restyle)

    def _heads(self, x, images, w, restyle):
        options = self.config.synthesis
        if options.architecture != "skip" and self.resolution != self.config.resolution:
            return images
        taps = normalized_kernel(options.resample_kernel)
        out = {}
        for head, channels in self.config.heads.items():
            name, change = f"to{head}", restyle.get((self.resolution, f"to{head}"))
            y = OutputLayer(channels, options.conv_clamp, self.implementation, name=name)(x, w, change).astype(
                jnp.float32
            )
            out[head] = y if images is None else upsample2d(images[head], taps) + y
        return out


class SynthesisLayer(nn.Module):
    """Modulated 3x3 convolution with noise, bias and activation."""

    config: GeneratorConfig
    resolution: int
    up: bool
    implementation: str

    @nn.compact
    def __call__(self, x, w, noise_mode: NoiseMode, noise_keys, gain: float, restyle: Restyle | None):
        options, resolution = self.config.synthesis, self.resolution
        features = self.config.channels(resolution)
        styles = _changed(Dense(x.shape[-1], bias_init=1.0, name="affine")(w), restyle)
        weight = self.param("weight", nn.initializers.normal(1.0), (3, 3, x.shape[-1], features))
        bias = self.param("bias", nn.initializers.zeros, (features,))
        noise = self._noise(noise_mode, noise_keys) if options.use_noise else None
        gain, clamp = scaled(options.activation, gain, options.conv_clamp)
        return modulated_conv(
            x,
            weight,
            styles,
            noise,
            bias,
            up=self.up,
            # NVIDIA hands a block's own filter to conv0 only; conv1 does not resample.
            kernel=options.resample_kernel,
            activation=options.activation,
            gain=gain,
            clamp=clamp,
            implementation=self.implementation,
        )

    def _noise(self, mode: NoiseMode, keys):
        shape = (self.resolution, self.resolution)
        strength = self.param("noise_strength", nn.initializers.zeros, ())
        const = self.variable("buffers", "noise_const", lambda: jax.random.normal(self.make_rng("params"), shape))
        if mode == "none":
            return None
        if mode == "const":
            return const.value[None, :, :, None] * strength
        layer = 2 * int(math.log2(self.resolution)) + self.up
        draw = jax.vmap(lambda key: jax.random.normal(jax.random.fold_in(key, layer), (*shape, 1)))
        return draw(keys) * strength


class OutputLayer(nn.Module):
    """Modulated 1x1 convolution to an image; no demodulation."""

    channels: int
    clamp: float | None
    implementation: str

    @nn.compact
    def __call__(self, x, w, restyle: Restyle | None):
        inputs = x.shape[-1]
        styles = _changed(Dense(inputs, bias_init=1.0, name="affine")(w), restyle) / math.sqrt(inputs)
        weight = self.param("weight", nn.initializers.normal(1.0), (1, 1, inputs, self.channels))
        bias = self.param("bias", nn.initializers.zeros, (self.channels,))
        options: Any = {"demodulate": False, "clamp": self.clamp, "implementation": self.implementation}
        return modulated_conv(x, weight, styles, bias=bias, **options)


def block_dtype(compute: Compute, resolution: int, top: int, num_fp16_res: int):
    """The precision of the block at `resolution` in a network whose highest resolution is `top`."""
    if compute == "bf16":
        return jnp.float32 if resolution == 4 else jnp.bfloat16
    if compute == "source" and num_fp16_res and resolution >= max(2 * top // 2**num_fp16_res, 8):
        return jnp.float16
    return jnp.float32


def _changed(x: Any, change: Any) -> Any:
    """What becomes of features or styles: a function maps them, an array is added."""
    if change is None:
        return x
    return change(x) if callable(change) else x + change


def _picture_keys(key, batch: int):
    """One key a picture, so that a picture's noise does not depend on its neighbours."""
    if key is None:
        raise ValueError("noise_mode='random' needs noise_key.")
    many = key.ndim == (1 if is_key(key) else 2)
    return key if many else jax.vmap(lambda i: jax.random.fold_in(key, i))(jnp.arange(batch))
