"""The same networks and the same work in PyTorch. Only `require` may be imported where PyTorch may be missing."""

import importlib.util

import jax

from ganinv_jax.core.errors import InputError


def require() -> None:
    """Raise InputError where PyTorch is not installed, or does not see the accelerator that JAX computes on."""
    if importlib.util.find_spec("torch") is None:
        raise InputError("A comparison with PyTorch needs PyTorch; run: pip install 'ganinv_jax[benchmark]'")
    import torch

    backend = jax.default_backend()
    if backend != "cpu" and not (backend == "gpu" and torch.cuda.is_available()):
        raise InputError(f"PyTorch must see the device that JAX computes on, a {backend}; install it with its support.")
