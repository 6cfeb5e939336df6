"""The fused ops, by the shapes that the preset's networks run them with; forward, and forward with all gradients."""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ganinv_jax.benchmarks.case import Case, Contestant
from ganinv_jax.benchmarks.options import Options
from ganinv_jax.benchmarks.peaks import DTYPES
from ganinv_jax.benchmarks.xla import compile_for, waiting
from ganinv_jax.ops.bias_act import bias_act
from ganinv_jax.ops.modulated_conv import modulated_conv
from ganinv_jax.ops.upfirdn2d import normalized_kernel, upfirdn2d

BATCH = 8
TAPS = normalized_kernel((1, 3, 3, 1))
Arrays = tuple[np.ndarray, ...]


def ops(options: Options) -> Iterator[Case]:
    """Modulated convolutions (3x3 with activation), the FIR filter that follows an up-convolution, and bias_act."""
    config, batch = options.generator, options.batch or BATCH
    for side in config.block_resolutions:
        width = config.channels(side)
        shapes = [("modulated_conv", side, width)] + [("modulated_conv up", side // 2, config.channels(side // 2))]
        for name, inner, inputs in shapes[: 1 if side == 4 else 2]:
            yield from _cases(options, name, _conv_inputs(batch, inner, inputs, width), f"{inner}x{inner}x{inputs}")
        if side > 4:
            x = _numbers(batch, side + 1, side + 1, width)
            yield from _cases(options, "upfirdn2d", (x,), f"{side + 1}x{side + 1}x{width}")
        x, bias = _numbers(batch, side, side, width), _numbers(width)
        yield from _cases(options, "bias_act", (x, bias), f"{side}x{side}x{width}")


def _cases(options: Options, name: str, inputs: Arrays, shape: str) -> Iterator[Case]:
    settings = {"shape": shape, "batch": len(inputs[0]), "dtype": options.dtype}
    for mode in ("forward", "gradient"):
        contestants = {
            f"jax {implementation}": _jax(name, implementation, inputs, options.dtype, mode)
            for implementation in options.implementations
        }
        if options.against:
            contestants |= _torch(name, inputs, options, mode)
        yield Case(name, settings | {"mode": mode}, len(inputs[0]), "img", contestants, options.dtype)


def _jax(name: str, implementation: str, inputs: Arrays, dtype: str, mode: str) -> Contestant:
    function = functools.partial(_JAX[name], implementation=implementation)
    if mode == "gradient":
        function = _with_gradients(function)
    arrays = tuple(jnp.asarray(x, DTYPES[dtype]) for x in inputs)
    program, cost = compile_for(function, *arrays)
    call = waiting(program, *arrays)
    return Contestant.of(call, cost, lambda: _named([np.asarray(x, np.float32) for x in jax.tree.leaves(call())]))


def _with_gradients(function: Callable[..., Any]) -> Callable[..., Any]:
    """The gradients of half the summed squares, which need the forward pass."""

    def gradients(*arrays):
        y, pull = jax.vjp(function, *arrays)
        return pull(y)

    return gradients


def _torch(name: str, inputs: Arrays, options: Options, mode: str) -> dict[str, Contestant]:
    from ganinv_jax.benchmarks.torch_peers import ops as torch_ops
    from ganinv_jax.benchmarks.torch_peers import peers

    peers.prepare()
    tensors = [_to_torch(x).to(peers.DTYPES[options.dtype]) for x in inputs]

    def contestant(formulation: peers.Formulation) -> Contestant:
        function = peers.compiled(torch_ops.function(name, formulation), options)
        if mode == "forward":
            call = peers.waiting(peers.without_gradient(function), *tensors)
            return Contestant.of(call, answer=lambda: _named([peers.array(call())]))
        call = peers.waiting(torch_ops.with_gradients(function), *tensors)
        return Contestant.of(
            call, answer=lambda: _named([_from_torch(*pair) for pair in zip(inputs, call(), strict=True)])
        )

    return {f"torch {formulation.name}": contestant(formulation) for formulation in peers.FORMULATIONS}


def _to_torch(x: np.ndarray) -> Any:
    """Features go to [b, c, h, w], kernels [k, k, i, o] to [o, i, k, k]."""
    from ganinv_jax.benchmarks.torch_peers import peers

    # `tensor` takes the last axis to the second place.
    return peers.tensor(x.transpose(3, 0, 1, 2) if _is_kernel(x) else x)


def _from_torch(like: np.ndarray, x: Any) -> np.ndarray:
    from ganinv_jax.benchmarks.torch_peers import peers

    found = peers.array(x)
    return found.transpose(1, 2, 3, 0) if _is_kernel(like) else found


def _is_kernel(x: np.ndarray) -> bool:
    return x.ndim == 4 and x.shape[:2] == (3, 3)


def _named(arrays: list[np.ndarray]) -> dict[str, np.ndarray]:
    return {f"result {i}": x for i, x in enumerate(arrays)}


def _conv(x, weight, styles, bias, implementation: str, up: bool):
    epilogue = {"up": up, "activation": "lrelu", "clamp": 256.0}
    return modulated_conv(x, weight, styles, None, bias, **epilogue, implementation=implementation)


def _filter(x, implementation: str):
    return upfirdn2d(x, TAPS, padding=1, gain=4, implementation=implementation)


def _activate(x, bias, implementation: str):
    return bias_act(x, bias, "lrelu", implementation=implementation)


_JAX: dict[str, Callable[..., Any]] = {
    "modulated_conv": functools.partial(_conv, up=False),
    "modulated_conv up": functools.partial(_conv, up=True),
    "upfirdn2d": _filter,
    "bias_act": _activate,
}


def _conv_inputs(batch: int, side: int, inputs: int, outputs: int) -> Arrays:
    """x, weight, styles, bias."""
    weight = _numbers(3, 3, inputs, outputs) / np.float32(np.sqrt(9 * inputs))
    return _numbers(batch, side, side, inputs), weight, 1 + _numbers(batch, inputs) / 4, _numbers(outputs)


@functools.cache
def _numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape, np.float32)
