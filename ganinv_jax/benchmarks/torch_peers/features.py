"""EfficientNet-Lite and the perceptual distance through it, in PyTorch with our weights."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from ganinv_jax.models.features import Features
from ganinv_jax.models.features.depthwise import same_padding
from ganinv_jax.models.features.efficientnet_lite import Block


class PerceptualDistance(nn.Module):
    """As `losses.perceptual.PerceptualDistance` through an EfficientNet-Lite at all its maps; pictures [b, 3, h, w]."""

    def __init__(self, features: Features, size: int):
        super().__init__()
        self.size, config = size, features.net.config  # type: ignore[attr-defined]
        params = features.variables["params"]
        self.stages = config.stage_of_block
        self.stem = _conv(params["stem"])
        self.blocks = nn.ModuleList(
            _Bottleneck(block, params[f"block{i}"]) for i, block in enumerate(config.blocks) if i <= max(self.stages)
        )

    def forward(self, a, b) -> torch.Tensor:
        """Distances [b]."""
        return self.between(self.embed(a), self.embed(b))

    def embed(self, images) -> list[torch.Tensor]:
        """Unit features at each map."""
        if images.shape[2] != self.size:
            images = F.interpolate(images, (self.size, self.size), mode="bilinear", antialias=True)
        x = _same(images, 3, 2)
        x = F.relu6(F.conv2d(x, self.stem.weight, self.stem.bias, stride=2))
        found = []
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i in self.stages:
                found.append(x * (x.square().sum(1, keepdim=True) + 1e-10).rsqrt())
        return found

    @staticmethod
    def between(a: list[torch.Tensor], b: list[torch.Tensor]) -> torch.Tensor:
        """Distances [b] of what `embed` gave."""
        return torch.stack([(x - y).square().sum(1).mean((1, 2)) for x, y in zip(a, b, strict=True)]).mean(0)


class _Bottleneck(nn.Module):
    def __init__(self, block: Block, params: Any):
        super().__init__()
        self.block = block
        self.expand = _conv(params["expand"]) if "expand" in params else None
        self.depthwise = _conv(params["depthwise"])
        self.project = _conv(params["project"])

    def forward(self, x):
        block, y = self.block, x
        if self.expand is not None:
            y = F.relu6(F.conv2d(y, self.expand.weight, self.expand.bias))
        depthwise = self.depthwise
        y = _same(y, block.kernel, block.stride)
        y = F.relu6(F.conv2d(y, depthwise.weight, depthwise.bias, stride=block.stride, groups=y.shape[1]))
        y = F.conv2d(y, self.project.weight, self.project.bias)
        return x + y if block.stride == 1 and y.shape[1] == x.shape[1] else y


def _conv(params: Any) -> Any:
    """Holds weight and bias; kernels are [k, k, i, o], [i, o] (1x1) or [k, k, c] (depthwise) on our side."""
    kernel = torch.tensor(params["kernel"].__array__())
    if kernel.ndim == 2:
        kernel = kernel[None, None]
    kernel = kernel.permute(3, 2, 0, 1) if kernel.ndim == 4 else kernel.permute(2, 0, 1)[:, None]
    holder = nn.Module()
    holder.register_buffer("weight", kernel.contiguous())
    holder.register_buffer("bias", torch.tensor(params["bias"].__array__()))
    return holder


def _same(x, kernel: int, stride: int) -> torch.Tensor:
    before, after = same_padding(kernel, stride)
    return F.pad(x, (before, after, before, after))
