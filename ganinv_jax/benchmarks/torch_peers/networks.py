"""StyleGAN2 in PyTorch, written from the options and the weight names that `conversion` knows it by.

Called as NVIDIA's networks are: `generator(z, c, noise_mode=...)`, `generator.mapping(z, c)`,
`generator.synthesis(ws, noise_mode=...)` and `discriminator(images, c)`, all [b, c, h, w]. Generators of the 'skip' and
discriminators of the 'resnet' architecture, without labels: what all presets are.
"""

import math
from typing import Any

import torch
from torch import nn

from ganinv_jax.benchmarks.torch_peers.formulation import Formulation, bias_act, fir_padding
from ganinv_jax.models.stylegan2 import DiscriminatorConfig, GeneratorConfig
from ganinv_jax.ops.upfirdn2d import normalized_kernel


class Generator(nn.Module):
    """z -> pictures. half: the precision of the blocks above 4x4."""

    def __init__(self, config: GeneratorConfig, formulation: Formulation, half: Any = torch.float32):
        super().__init__()
        self.mapping = Mapping(config)
        self.synthesis = Synthesis(config, formulation, half)

    def forward(self, z, c=None, noise_mode: str = "const", noise=None):
        return self.synthesis(self.mapping(z, c), noise_mode=noise_mode, noise=noise)


class Mapping(nn.Module):
    """z [b, z_dim] -> ws [b, l, w_dim]; tracks the average w in training."""

    w_avg: torch.Tensor

    def __init__(self, config: GeneratorConfig):
        super().__init__()
        self.num_ws, self.beta, self.layers = config.num_ws, config.mapping.w_avg_beta, config.mapping.num_layers
        options, width = config.mapping, config.w_dim
        for i in range(self.layers):
            setattr(self, f"fc{i}", Dense(config.z_dim if i == 0 else width, width, "lrelu", options.lr_multiplier))
        self.register_buffer("w_avg", torch.zeros(width))

    def forward(self, z, c=None, skip_w_avg_update: bool = False):
        x = z * (z.square().mean(1, keepdim=True) + 1e-8).rsqrt()
        for i in range(self.layers):
            layer: Any = getattr(self, f"fc{i}")
            x = layer(x)
        if self.training and self.beta is not None and not skip_w_avg_update:
            self.w_avg.copy_(x.detach().mean(0).lerp(self.w_avg, self.beta))
        return x[:, None].repeat(1, self.num_ws, 1)


class Synthesis(nn.Module):
    """ws -> pictures. noise: maps [b or 1, 1, r, r] by the layer's name, such as 'b8.conv0', instead of the mode's."""

    def __init__(self, config: GeneratorConfig, formulation: Formulation, half: Any):
        super().__init__()
        self.resolutions, self.formulation = config.block_resolutions, formulation
        self.taps = normalized_kernel(config.synthesis.resample_kernel)
        for r in self.resolutions:
            setattr(self, f"b{r}", SynthesisBlock(config, r, formulation, torch.float32 if r == 4 else half))

    def forward(self, ws, noise_mode: str = "random", noise=None):
        images, row = None, 0
        first: Any = self.b4
        x = first.const.expand(ws.shape[0], -1, -1, -1)
        for r in self.resolutions:
            block: Any = getattr(self, f"b{r}")
            for name in ("conv1",) if r == 4 else ("conv0", "conv1"):
                given = None if noise is None else noise[f"b{r}.{name}"]
                x = getattr(block, name)(x.to(block.dtype), ws[:, row], noise_mode, given)
                row += 1
            y = block.torgb(x, ws[:, row]).float()
            if images is not None:
                pads = fir_padding(self.taps, up=2)
                y = y + self.formulation.fir(images, self.taps, 2, 1, pads, gain=4)
            images = y
        return images


class SynthesisBlock(nn.Module):
    """The layers of one resolution."""

    def __init__(self, config: GeneratorConfig, resolution: int, formulation: Formulation, dtype: Any):
        super().__init__()
        self.dtype, width = dtype, config.channels(resolution)
        if resolution == 4:
            self.const = nn.Parameter(torch.empty(width, 4, 4))
        else:
            self.conv0 = SynthesisLayer(config, config.channels(resolution // 2), resolution, True, formulation)
        self.conv1 = SynthesisLayer(config, width, resolution, False, formulation)
        self.torgb = OutputLayer(config, width, formulation)


class SynthesisLayer(nn.Module):
    """Modulated 3x3 convolution with noise, bias and activation."""

    noise_const: torch.Tensor

    def __init__(self, config: GeneratorConfig, inputs: int, resolution: int, up: bool, formulation: Formulation):
        super().__init__()
        options, outputs = config.synthesis, config.channels(resolution)
        self.up, self.clamp, self.formulation = up, options.conv_clamp, formulation
        self.taps = normalized_kernel(options.resample_kernel)
        self.affine = Dense(config.w_dim, inputs)
        self.weight = nn.Parameter(torch.empty(outputs, inputs, 3, 3))
        self.bias = nn.Parameter(torch.empty(outputs))
        self.noise_strength = nn.Parameter(torch.empty(()))
        self.register_buffer("noise_const", torch.empty(resolution, resolution))

    def forward(self, x, w, noise_mode: str, noise=None):
        run = self.formulation.modulated_conv
        x = run(x, self.weight, self.affine(w), self.up, True, self.taps, self.training)
        if noise is None:
            side = self.noise_const.shape[0]
            draw = noise_mode == "random"
            noise = torch.randn(x.shape[0], 1, side, side, device=x.device) if draw else self.noise_const
        x = x + (noise * self.noise_strength).to(x.dtype)
        return bias_act(x, self.bias, "lrelu", clamp=self.clamp)


class OutputLayer(nn.Module):
    """Modulated 1x1 convolution to pictures."""

    def __init__(self, config: GeneratorConfig, inputs: int, formulation: Formulation):
        super().__init__()
        self.clamp, self.formulation = config.synthesis.conv_clamp, formulation
        self.taps = normalized_kernel(config.synthesis.resample_kernel)
        self.affine = Dense(config.w_dim, inputs)
        self.weight = nn.Parameter(torch.empty(config.img_channels, inputs, 1, 1))
        self.bias = nn.Parameter(torch.empty(config.img_channels))

    def forward(self, x, w):
        styles = self.affine(w) / math.sqrt(self.weight.shape[1])
        x = self.formulation.modulated_conv(x, self.weight, styles, False, False, self.taps, self.training)
        return bias_act(x, self.bias, "linear", clamp=self.clamp)


class Discriminator(nn.Module):
    """Pictures -> logits [b, 1]. half: the precision of the blocks above 4x4."""

    def __init__(self, config: DiscriminatorConfig, formulation: Formulation, half: Any = torch.float32):
        super().__init__()
        self.config, self.half = config, half
        for r in config.block_resolutions[1:]:
            setattr(self, f"b{r}", DiscriminatorBlock(config, r, formulation))
        self.b4 = Epilogue(config, formulation)

    def forward(self, images, c=None):
        x = self.b(self.config.resolution).fromrgb(images.to(self.half))
        for r in reversed(self.config.block_resolutions[1:]):
            x = self.b(r)(x)
        return self.b4(x.float())

    def b(self, resolution: int) -> Any:
        """The block at a resolution."""
        return getattr(self, f"b{resolution}")


class DiscriminatorBlock(nn.Module):
    """From `resolution` to half of it."""

    def __init__(self, config: DiscriminatorConfig, resolution: int, formulation: Formulation):
        super().__init__()
        narrow, wide = (config.block_channels(r) for r in (resolution, resolution // 2))
        options = {"formulation": formulation, "clamp": config.conv_clamp, "kernel": config.resample_kernel}
        if resolution == config.resolution:
            self.fromrgb = Conv(config.img_channels, narrow, 1, **options)
        self.conv0 = Conv(narrow, narrow, 3, **options)
        self.conv1 = Conv(narrow, wide, 3, resample="down", **options)
        self.skip = Conv(narrow, wide, 1, resample="down", bias=False, activation="linear", **options)

    def forward(self, x):
        half = math.sqrt(0.5)
        return self.conv1(self.conv0(x), half) + self.skip(x, half)


class Epilogue(nn.Module):
    """4x4 features -> logits."""

    def __init__(self, config: DiscriminatorConfig, formulation: Formulation):
        super().__init__()
        width, extra = config.block_channels(4), config.mbstd_num_channels
        self.group, self.extra = config.mbstd_group_size, extra
        self.conv = Conv(width + extra, width, 3, formulation, config.conv_clamp)
        self.fc = Dense(width * 16, width, "lrelu")
        self.out = Dense(width, 1)

    def forward(self, x):
        x = self.conv(torch.cat([x, self._statistics(x)], 1) if self.extra else x)
        return self.out(self.fc(x.flatten(1)))

    def _statistics(self, x):
        batch, channels, height, width = x.shape
        group = batch if self.group is None else min(self.group, batch)
        y = x.reshape(group, -1, self.extra, channels // self.extra, height, width)
        y = (y - y.mean(0)).square().mean(0).add(1e-8).sqrt().mean((2, 3, 4))
        return y.repeat(group, 1)[:, :, None, None].expand(-1, -1, height, width)


class Conv(nn.Module):
    """Equalised convolution with bias, activation, gain and clamp."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        size: int,
        formulation: Formulation,
        clamp: float | None,
        kernel: tuple[float, ...] = (1.0, 3.0, 3.0, 1.0),
        resample: str | None = None,
        bias: bool = True,
        activation: str = "lrelu",
    ):
        super().__init__()
        self.formulation, self.clamp, self.resample, self.activation = formulation, clamp, resample, activation
        self.taps = normalized_kernel(kernel)
        self.weight = nn.Parameter(torch.empty(outputs, inputs, size, size))
        self.bias = nn.Parameter(torch.empty(outputs)) if bias else None

    def forward(self, x, gain: float = 1.0):
        weight = self.weight / math.sqrt(math.prod(self.weight.shape[1:]))
        x = self.formulation.convolve(x, weight.to(x.dtype), self.resample, self.taps)
        own = math.sqrt(2) if self.activation == "lrelu" else 1.0
        clamp = None if self.clamp is None else self.clamp * gain
        return bias_act(x, self.bias, self.activation, own * gain, clamp)


class Dense(nn.Module):
    """Equalised fully connected layer."""

    def __init__(self, inputs: int, outputs: int, activation: str = "linear", lr_multiplier: float = 1.0):
        super().__init__()
        self.activation, self.rate = activation, lr_multiplier
        self.weight = nn.Parameter(torch.empty(outputs, inputs))
        self.bias = nn.Parameter(torch.empty(outputs))

    def forward(self, x):
        weight = self.weight * (self.rate / math.sqrt(self.weight.shape[1]))
        return bias_act(x @ weight.T, self.bias * self.rate, self.activation)
