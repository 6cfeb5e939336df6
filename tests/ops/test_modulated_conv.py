"""modulated_conv: the contract with and without everything that may follow, and the range of float16."""

import functools

import jax
import jax.numpy as jnp
import naive
import numpy as np
import pytest
from contract import CHECKS, Case

from ganinv_jax.ops.modulated_conv import IMPLEMENTATIONS, modulated_conv

RNG = np.random.default_rng(0)


def _case(x: tuple, size: int = 3, noises: int = 0, **options) -> Case:
    """`noises`: none, one for all pictures, or one a picture."""
    scale = 2 if options.get("up") else 1
    x, weight, styles, bias = (RNG.normal(size=shape) for shape in (x, (size, size, x[-1], 2), (x[0], x[-1]), (2,)))
    noise = RNG.normal(size=(noises, x.shape[1] * scale, x.shape[2] * scale, 1)) if noises else None
    if noise is None:
        arguments, shared = (x, weight, styles, bias), (1, 3)
    else:
        arguments, shared = (x, weight, styles, noise, bias), (1, 4) if noises > 1 else (1, 3, 4)

    def both(function):
        def call(x, weight, styles, *rest, **more):
            return function(x, weight, styles, *(rest if noises else (None, *rest)), **options, **more)

        return call

    return Case(both(modulated_conv), both(naive.modulated_conv), arguments, shared)


CASES = {
    "plain": _case((3, 3, 4, 4)),
    "all that follows": _case((2, 3, 4, 2), noises=1, activation="lrelu", gain=0.9, clamp=0.8),
    "up": _case((2, 2, 3, 3), noises=2, up=True, kernel=(1, 2, 4, 8), clamp=1.5),
    "not demodulated, one picture": _case((1, 3, 4, 3), size=1, demodulate=False),
}


# Interpreted kernels are slow to compile, and up-sampling layers have none. What 'pallas' falls back to on a CPU is
# 'lax'.
KERNELS = ("pallas_tpu", "pallas_gpu")
RUNS = [
    *((case, name) for case in CASES for name in ("reference", "lax")),
    ("up", "pallas"),
    *(("all that follows", name) for name in KERNELS),
    *(pytest.param(case, name, marks=pytest.mark.slow) for case in list(CASES)[::3] for name in KERNELS),
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize(("case", "implementation"), RUNS)
def test_contract(case, implementation, check):
    check(CASES[case], implementation)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("scale", [1e2, 1e4])
def test_float16_does_not_overflow(implementation, scale):
    # Demodulation cancels the scale of styles and weight, but the sums before it would leave float16 at 65504.
    rng = np.random.default_rng(1)
    x, weight, styles = rng.normal(size=(2, 4, 4, 32)), rng.normal(size=(3, 3, 32, 4)), 1 + rng.uniform(size=(2, 32))
    wanted = naive.modulated_conv(x, weight, styles)
    got = modulated_conv(
        jnp.asarray(x, jnp.float16),
        jnp.asarray(weight * scale, jnp.float32),
        jnp.asarray(styles * scale, jnp.float32),
        implementation=implementation,
    )
    np.testing.assert_allclose(got, wanted, atol=1e-2)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float16])
@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_zero_weights_and_styles_give_zero(implementation, dtype):
    x, styles = jnp.ones((2, 3, 3, 2), dtype), jnp.array([[0.0, 0.0], [1.0, 2.0]])
    weight = jnp.ones((3, 3, 2, 2)).at[..., 0].set(0)

    def run(weight, styles):
        return modulated_conv(x, weight, styles, implementation=implementation)

    np.testing.assert_array_equal(run(weight, styles)[..., 0], 0)
    np.testing.assert_array_equal(run(weight, styles)[0], 0)
    assert np.abs(run(weight, styles)[1, ..., 1]).min() > 0


def test_the_batch_shares_one_kernel():
    """One convolution for all pictures, not a grouped one with a kernel a picture."""
    program = jax.make_jaxpr(functools.partial(modulated_conv, implementation="lax"))(
        jnp.ones((3, 4, 4, 2)), jnp.ones((3, 3, 2, 5)), jnp.ones((3, 2))
    )
    text = str(program)
    assert text.count("conv_general_dilated") == 1 and "feature_group_count=1" in text and "f32[3,3,2,5]" in text
