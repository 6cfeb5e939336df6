"""StyleGAN2's projector in PyTorch; see `inversion.methods.projector`."""

import math
from typing import Any

import torch

from ganinv_jax.benchmarks.torch_peers.features import PerceptualDistance

STEPS = 1000
"""Of the whole schedule; what is timed is its beginning."""


def project(
    generator: Any, distance: PerceptualDistance, photos: Any, w_mean: Any, w_std: float, steps: int
) -> torch.Tensor:
    """The first `steps` steps for photos [b, 3, h, w] in [-1, 1], side by side; returns w [b, 1, d].

    A photo has its w and its noise maps. Source: projector.py of stylegan2-ada-pytorch, for a batch.
    """
    batch, device = len(photos), photos.device
    with torch.no_grad():
        targets = distance.embed(photos)
    w = w_mean.reshape(1, 1, -1).repeat(batch, 1, 1).requires_grad_()
    buffers = {name: x for name, x in generator.synthesis.named_buffers() if name.endswith("noise_const")}
    noise = {
        name.removesuffix(".noise_const"): torch.randn(batch, 1, *x.shape, device=device).requires_grad_()
        for name, x in buffers.items()
    }
    optimizer = torch.optim.Adam([w, *noise.values()], betas=(0.9, 0.999))
    for step in range(steps):
        progress = step / STEPS
        optimizer.param_groups[0]["lr"] = _rate(progress)
        deviation = w_std * 0.05 * max(0.0, 1 - progress / 0.75) ** 2
        ws = (w + torch.randn_like(w) * deviation).expand(-1, generator.mapping.num_ws, -1)
        found = distance.embed(generator.synthesis(ws, noise=noise))
        # Summed over photos: each has its own loss, as if it were alone.
        loss = distance.between(found, targets).sum() + 1e5 * correlation(noise)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        _normalize(noise)
    return w.detach()


def correlation(noise: dict[str, Any]) -> torch.Tensor:
    """See `inversion.terms.noise_correlation`; the sum over maps and photos."""
    total = torch.zeros((), device=next(iter(noise.values())).device)
    for x in noise.values():
        while True:
            for axis in (2, 3):
                total = total + (x * x.roll(1, axis)).mean((1, 2, 3)).square().sum()
            if x.shape[2] <= 8:
                break
            x = torch.nn.functional.avg_pool2d(x, 2)
    return total


def _rate(progress: float) -> float:
    fall = 0.5 - 0.5 * math.cos(math.pi * min(1.0, (1 - progress) / 0.25))
    return 0.1 * fall * min(1.0, progress / 0.05)


@torch.no_grad()
def _normalize(noise: dict[str, Any]) -> None:
    for x in noise.values():
        x -= x.mean((1, 2, 3), keepdim=True)
        x *= x.square().mean((1, 2, 3), keepdim=True).rsqrt()
