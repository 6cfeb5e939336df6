"""The ops of `cases.ops` in PyTorch, by formulation."""

from collections.abc import Callable
from typing import Any

import torch

from ganinv_jax.benchmarks.torch_peers.formulation import Formulation, bias_act
from ganinv_jax.ops.upfirdn2d import normalized_kernel

TAPS = normalized_kernel((1, 3, 3, 1))


def function(name: str, formulation: Formulation) -> Callable[..., torch.Tensor]:
    """The op of that name, on [b, c, h, w] and [o, i, k, k]."""

    def conv(x: Any, weight: Any, styles: Any, bias: Any) -> torch.Tensor:
        up = name.endswith(" up")
        y = formulation.modulated_conv(x, weight, styles, up, True, TAPS, False)
        return bias_act(y, bias, "lrelu", clamp=256.0)

    def fir(x: Any) -> torch.Tensor:
        return formulation.fir(x, TAPS, 1, 1, (1, 1, 1, 1), gain=4)

    def activate(x: Any, bias: Any) -> torch.Tensor:
        return bias_act(x, bias, "lrelu")

    return {"upfirdn2d": fir, "bias_act": activate}.get(name, conv)


def with_gradients(function: Callable[..., torch.Tensor]) -> Callable[..., tuple[torch.Tensor, ...]]:
    """The gradients of half the summed squares, which need the forward pass."""

    def gradients(*tensors: Any) -> tuple[torch.Tensor, ...]:
        leaves = [x.detach().requires_grad_() for x in tensors]
        y = function(*leaves)
        return torch.autograd.grad(y, leaves, y.detach())

    return gradients
