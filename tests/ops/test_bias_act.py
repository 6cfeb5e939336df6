"""bias_act: the contract for every activation, and the corners."""

import functools

import jax
import jax.numpy as jnp
import naive
import numpy as np
import pytest
from contract import CHECKS, Case

from ganinv_jax.core.errors import InputError
from ganinv_jax.ops.bias_act import ACTIVATION_GAIN, IMPLEMENTATIONS, bias_act

RNG = np.random.default_rng(0)
X, BIAS = RNG.normal(size=(3, 5, 2)), RNG.normal(size=2)


def _case(x, bias=None, **options) -> Case:
    op, witness = functools.partial(bias_act, **options), functools.partial(naive.bias_act, **options)
    if bias is None:
        return Case(op, witness, (x,))
    return Case(op, witness, (x, bias), shared=(1,))


def _every_activation() -> Case:
    """All in one program, side by side."""

    def op(x, bias, **options):
        return jnp.concatenate([bias_act(x, bias, name, **options) for name in ACTIVATION_GAIN], axis=-1)

    def witness(x, bias):
        return np.concatenate([naive.bias_act(x, bias, name) for name in ACTIVATION_GAIN], axis=-1)

    return Case(op, witness, (X, BIAS), shared=(1,))


CASES = {
    "no bias": _case(X, activation="lrelu", gain=0.3),
    "clamped": _case(2 * X, BIAS, activation="lrelu", clamp=0.5),
    "clamped with gain": _case(2 * X, BIAS, activation="swish", gain=3.0, clamp=2.5),
    "one picture": _case(RNG.normal(size=(1, 3, 5, 4)), RNG.normal(size=4), activation="relu", clamp=1.0),
    "rows": _case(RNG.normal(size=(3, 2)), BIAS, gain=-2.0),
    "every activation": _every_activation(),
}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("case", CASES)
def test_contract(case, implementation, check):
    check(CASES[case], implementation)


def test_the_clamp_is_reached():
    values = np.abs(CASES["clamped"].wanted)
    assert 0.2 < np.mean(values == 0.5) < 0.8 and values.max() == 0.5


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize(("activation", "slope"), [("relu", 0), ("lrelu", np.sqrt(2))])
def test_slope_at_zero(activation, slope, implementation):
    # What jax.nn has; both implementations must choose alike.
    def run(x):
        return bias_act(x, activation=activation, implementation=implementation)

    np.testing.assert_allclose(jax.jvp(run, (jnp.zeros(1),), (jnp.ones(1),))[1], [slope], rtol=1e-6)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("activation", ["relu", "lrelu", "linear"])
def test_what_overflowed_is_clamped(activation, implementation):
    # Half-precision sums may overflow; the clamp makes them numbers again.
    x = jnp.array([[-jnp.inf, jnp.inf]], jnp.float16)
    got = bias_act(x, activation=activation, clamp=256, implementation=implementation)
    np.testing.assert_array_equal(got, [[0 if activation == "relu" else -256, 256]])


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_unknown_activation(implementation):
    with pytest.raises(InputError, match="did you mean 'lrelu'"):
        bias_act(X, activation="llrelu", implementation=implementation)
