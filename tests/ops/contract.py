"""What every implementation of an op owes, whatever it is made of; a test module runs CHECKS on its cases.

Values are compared with a naive witness; derivatives with finite differences in float64 (so that the reference is
tested too), with the reference, and with each other.
"""

import dataclasses
import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

STEP = 1e-5  # of finite differences
# Results matter here, not speed: compiling is nearly all of the time that these tests take.
FAST_COMPILE = {"xla_backend_optimization_level": 0}


@dataclasses.dataclass(frozen=True, eq=False)
class Case:
    """op(*arguments, implementation=...) against witness(*arguments); arguments are float64 arrays.

    shared: positions of the arguments that all pictures share, such as weights; the first axis of the others counts
        pictures.
    """

    op: Callable
    witness: Callable
    arguments: tuple[np.ndarray, ...]
    shared: tuple[int, ...] = ()

    def run(self, implementation: str) -> Callable:
        return functools.partial(self.op, implementation=implementation)

    @functools.cached_property
    def tangents(self) -> tuple[np.ndarray, ...]:
        rng = np.random.default_rng(1)
        return tuple(rng.normal(size=a.shape) for a in self.arguments)

    @functools.cached_property
    def wanted(self) -> np.ndarray:
        return self.witness(*self.arguments)


def value(case: Case, implementation: str) -> None:
    """The witness's value."""
    with jax.enable_x64(True):
        got = _compiled(case.run(implementation), *case.arguments)
    assert got.dtype == np.float64
    _close(got, case.wanted, 1e-12)


def derivatives(case: Case, implementation: str) -> None:
    """jvp, vjp and both ways to differentiate twice; a jvp along each argument alone, which rules may take apart."""
    program = _derivatives(case, implementation)
    got, wanted = program(case.arguments), _derivatives(case, "reference")(case.arguments)
    for name in wanted:
        _close(got[name], wanted[name], 1e-10)
    _close(got["reverse_reverse"], got["forward_reverse"], 1e-10)
    _close(sum(got["alone"]), got["jvp"], 1e-12)
    # The gradient along the tangents is what the chain rule makes of the jvp.
    slope = sum(np.vdot(g, t) for g, t in zip(got["gradient"], case.tangents, strict=True))
    _close(slope, np.vdot(_curve(got["value"])[1], got["jvp"]), 1e-12)

    moves = [tuple(a + s * STEP * t for a, t in zip(case.arguments, case.tangents, strict=True)) for s in (1, -1)]
    after, before = map(program, moves)
    for derivative, of in (("jvp", "value"), ("forward_reverse", "gradient")):
        slopes = jax.tree.map(lambda high, low: (high - low) / (2 * STEP), after[of], before[of])
        _close(got[derivative], slopes, 1e-7)


def vmap(case: Case, implementation: str) -> None:
    """vmap over everything, and over all but what pictures share, equals one call after the other."""
    run, first = case.run(implementation), case.arguments
    second = tuple(np.flip(a) for a in first)
    stacked = tuple(map(np.stack, zip(first, second, strict=True)))
    axes = tuple(None if i in case.shared else 0 for i in range(len(first)))
    partly = tuple(a if axis is None else both for a, both, axis in zip(first, stacked, axes, strict=True))
    mixed = tuple(a if axis is None else b for a, b, axis in zip(first, second, axes, strict=True))

    def program(first, second, mixed, stacked, partly):
        return jax.vmap(run)(*stacked), jax.vmap(run, axes)(*partly), run(*first), run(*second), run(*mixed)

    with jax.enable_x64(True):
        whole, part, *singly = _compiled(program, first, second, mixed, stacked, partly)
    _close(whole, np.stack(singly[:2]), 1e-12)
    _close(part, np.stack(singly[::2]), 1e-12)


def half_precision(case: Case, implementation: str) -> None:
    """bfloat16: the result keeps the type; its value and gradient are near those of the rounded arguments."""
    rounded = tuple(jnp.asarray(a, jnp.bfloat16) for a in case.arguments)
    exact = _derivatives(case, "reference")(tuple(np.asarray(a, np.float64) for a in rounded))
    value, gradients = _compiled(_value_and_gradient(case.run(implementation)), *rounded)
    assert {leaf.dtype for leaf in (value, *gradients)} == {jnp.dtype(jnp.bfloat16)}
    _close(value, exact["value"], 4e-2)
    for mine, right in zip(gradients, exact["gradient"], strict=True):
        # What lies next to a kink may fall on its other side, so gradients are judged as a whole.
        assert np.linalg.norm(np.asarray(mine, np.float64) - right) <= 0.1 * np.linalg.norm(right)


def empty_batch(case: Case, implementation: str) -> None:
    """No pictures give no pictures, and zero gradients."""
    arguments = [jnp.asarray(a if i in case.shared else a[:0], jnp.float32) for i, a in enumerate(case.arguments)]
    got, gradients = _compiled(_value_and_gradient(case.run(implementation)), *arguments)
    assert got.shape == (0, *case.wanted.shape[1:])
    for gradient, argument in zip(gradients, arguments, strict=True):
        np.testing.assert_array_equal(gradient, np.zeros(argument.shape))


CHECKS = (value, derivatives, vmap, half_precision, empty_batch)


@functools.cache
def _derivatives(case: Case, implementation: str) -> Callable:
    """arguments -> value and all derivatives, of the op and of a curved function of its value, in float64."""
    run, everyone = case.run(implementation), tuple(range(len(case.arguments)))

    def scalar(*arguments):
        return _curve(run(*arguments))[0]

    def program(arguments, tangents):
        gradient = jax.grad(scalar, everyone)
        value, change = jax.jvp(run, arguments, tangents)
        first, second = jax.jvp(gradient, arguments, tangents)
        along = jax.grad(lambda *a: sum(jnp.vdot(g, t) for g, t in zip(gradient(*a), tangents, strict=True)), everyone)
        return {
            "value": value,
            "jvp": change,
            "gradient": first,
            "alone": [_jvp_alone(run, arguments, tangents, i) for i in everyone],
            "forward_reverse": second,
            "reverse_reverse": along(*arguments),
        }

    with jax.enable_x64(True):
        compiled = jax.jit(program).lower(case.arguments, case.tangents).compile(FAST_COMPILE)

    def evaluate(arguments):
        with jax.enable_x64(True):
            return jax.tree.map(np.asarray, compiled(arguments, case.tangents))

    return evaluate


def _jvp_alone(run: Callable, arguments: tuple, tangents: tuple, i: int):
    return jax.jvp(lambda one: run(*arguments[:i], one, *arguments[i + 1 :]), (arguments[i],), (tangents[i],))[1]


def _value_and_gradient(run: Callable) -> Callable:
    def program(*arguments):
        y, pullback = jax.vjp(run, *arguments)
        return y, pullback(_curve(y)[1])

    return program


def _curve(y):
    """A number with first and second derivatives in every entry of y, and its gradient."""
    numbers = jnp if isinstance(y, jax.Array) else np
    weight = numbers.cos(numbers.arange(y.size).reshape(y.shape)).astype(y.dtype)
    return (weight * y + y**2).sum(), weight + 2 * y


def _compiled(program: Callable, *arguments):
    return jax.jit(program).lower(*arguments).compile(FAST_COMPILE)(*arguments)


def _close(got, wanted, tolerance: float) -> None:
    """Leaf by leaf: equal shapes, and a difference of at most `tolerance` times the largest wanted number (or 1)."""
    for mine, right in zip(jax.tree.leaves(got), jax.tree.leaves(wanted), strict=True):
        mine, right = np.asarray(mine, np.float64), np.asarray(right, np.float64)
        assert mine.shape == right.shape
        np.testing.assert_allclose(mine, right, rtol=0, atol=tolerance * max(1, np.abs(right).max(initial=0)))
