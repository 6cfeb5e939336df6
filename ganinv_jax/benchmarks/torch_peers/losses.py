"""StyleGAN2's losses in PyTorch, and its regularisers by either order of derivatives; see `losses/adversarial.py`."""

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch.autograd import forward_ad


def generator_logistic(logits) -> torch.Tensor:
    """Mean of -log sigmoid(logits)."""
    return F.softplus(-logits).mean()


def discriminator_logistic(real_logits, fake_logits) -> torch.Tensor:
    """Mean of -log sigmoid(real) - log(1 - sigmoid(fake))."""
    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()


def r1_penalty(score: Callable[[Any], torch.Tensor], images, forward_over_reverse: bool) -> torch.Tensor:
    """Mean over pictures of |d score / d picture|^2; only its gradient is right with forward_over_reverse, as is its
    value up to the factor 2 that makes it so."""
    x = images.detach().requires_grad_()
    slopes = _slopes(score(x).sum(), x, create_graph=not forward_over_reverse)
    if not forward_over_reverse:
        return slopes.square().sum((1, 2, 3)).mean()
    return 2 * _along(lambda images: score(images).sum(), images, slopes) / len(images)


def path_length_penalty(
    synthesize: Callable[[Any], torch.Tensor], ws, noise, mean, forward_over_reverse: bool, decay: float = 0.01
) -> tuple[torch.Tensor, torch.Tensor]:
    """(a loss with the gradient of the mean of (|J^T y| - a)^2, the new running mean a); ws [b, l, d] may need a
    gradient. noise: y times the root of the pixels, of the pictures' shape."""
    noise = noise / math.sqrt(noise.shape[2] * noise.shape[3])

    def projected(ws):
        return (synthesize(ws) * noise).sum()

    if not forward_over_reverse:
        slopes = _slopes(projected(ws), ws, create_graph=True)
        lengths = slopes.square().sum(2).mean(1).sqrt()
        mean = mean.lerp(lengths.mean(), decay)
        return (lengths - mean).square().mean(), mean.detach()
    slopes = _slopes(projected(ws), ws, create_graph=False)
    batch, rows, _ = ws.shape
    lengths = slopes.square().sum(2).mean(1).sqrt()
    mean = mean.lerp(lengths.mean(), decay)
    excess = lengths - mean
    weights = 2 / batch * (excess - decay * excess.mean())
    direction = slopes * (weights / (rows * lengths + 1e-12))[:, None, None]
    return _along(projected, ws, direction), mean


def _slopes(value, of, create_graph: bool) -> torch.Tensor:
    (slopes,) = torch.autograd.grad(value, of, create_graph=create_graph)
    return slopes if create_graph else slopes.detach()


def _along(function: Callable[[Any], torch.Tensor], at, direction) -> torch.Tensor:
    """The derivative of `function` in a direction, itself differentiable in reverse."""
    with forward_ad.dual_level():
        value = function(forward_ad.make_dual(at, direction))
        tangent = forward_ad.unpack_dual(value).tangent
    assert tangent is not None, "the value depends on the place"
    return tangent
