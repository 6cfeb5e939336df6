"""upfirdn2d: the contract, and the sizes and brightness of its three everyday uses."""

import functools

import jax
import jax.numpy as jnp
import naive
import numpy as np
import pytest
from contract import CHECKS, Case, value

from ganinv_jax.core.errors import InputError
from ganinv_jax.ops.upfirdn2d import (
    IMPLEMENTATIONS,
    downsample2d,
    filter2d,
    normalized_kernel,
    pallas_gpu,
    pallas_tpu,
    upfirdn2d,
    upsample2d,
)

RNG = np.random.default_rng(0)
PLAIN = RNG.normal(size=(3, 4))  # of full rank: no outer product, no symmetry
OPTIONS = {
    "same": {"kernel": [0.5, -2, 1]},
    "up": {"kernel": [0.1, 0.2, 0.4, 0.8], "up": 2, "padding": (2, 1, 2, 1), "gain": 4},
    "up by three": {"kernel": [1, -2, 3, 4, 5], "up": 3, "padding": (2, 1, 0, 3)},
    "down": {"kernel": [1, 2, 4, 8], "down": 2, "padding": 1},
    "up and down": {"kernel": [1, 2, 0, 3, 1], "up": 2, "down": 3, "padding": 4},
    "not separable": {"kernel": PLAIN, "up": 2, "down": 3, "padding": (2, 3, 1, 4), "gain": 1.5},
}
OTHERS = {
    "down by three": {"kernel": [1, 2], "down": 3, "padding": (3, 0, 1, 2), "flip": True},
    "up and down alike": {"kernel": [1, 2, 3], "up": 2, "down": 2, "padding": 2},
    "negative padding": {"kernel": [2.0, 1], "up": 2, "padding": (-1, -3, 1, -2)},
    "fewer taps than phases": {"kernel": [3.0], "up": 3},
    "outer product": {"kernel": np.outer([1, -2, 3], [2, 0, 5, 1]), "up": 2, "padding": (1, 2, 3, 4), "gain": 0.7},
    "not separable, flipped": {"kernel": PLAIN, "padding": (1, 1, 2, -1), "flip": True},
    "zero kernel": {"kernel": np.zeros((2, 2)), "padding": 1},
}


X = RNG.normal(size=(2, 5, 8, 2))


def _case(options: dict) -> Case:
    return Case(functools.partial(upfirdn2d, **options), functools.partial(naive.upfirdn2d, **options), (X,))


CASES = {name: _case(options) for name, options in OPTIONS.items()}
# The interpreter is slow to compile, so kernels meet the whole contract in one case, and give the value in all. What
# 'pallas' falls back to on a CPU is 'lax'.
KERNELS = ("pallas_tpu", "pallas_gpu")
RUNS = [
    *((case, name) for case in CASES for name in ("reference", "lax")),
    ("up and down", "pallas"),
    *(pytest.param("up and down", name, marks=pytest.mark.slow) for name in KERNELS),
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize(("case", "implementation"), RUNS)
def test_contract(case, implementation, check):
    check(CASES[case], implementation)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("options", OTHERS)
def test_other_options(options, implementation):
    value(_case(OTHERS[options]), implementation)


@pytest.mark.parametrize("implementation", KERNELS)
@pytest.mark.parametrize("case", ["same", "up", "up by three", "down"])
def test_values_of_kernels(case, implementation):
    value(CASES[case], implementation)


@pytest.mark.parametrize("taps", [1, 3, 4])
def test_sizes_and_brightness(taps):
    # A kernel that sums to one keeps a grey picture grey, away from the border.
    kernel = normalized_kernel(np.arange(1.0, taps + 1))
    grey = jnp.ones((1, 12, 16, 1))
    for result, size in (
        (filter2d(grey, kernel), (12, 16)),
        (upsample2d(grey, kernel), (24, 32)),
        (downsample2d(grey, kernel), (6, 8)),
    ):
        assert result.shape == (1, *size, 1)
        inner = result[:, 3:-3, 3:-3] if size != (6, 8) else result[:, 2:-2, 2:-2]
        np.testing.assert_allclose(inner.mean(), 1, rtol=1e-5)


def test_paddings_are_nvidias():
    # The sums of filter2d, upsample2d and downsample2d in torch_utils/ops/upfirdn2d.py, for 4 by 3 taps.
    x, kernel = RNG.normal(size=(1, 6, 5, 1)).astype(np.float32), RNG.normal(size=(4, 3))
    extra = (1, 2, 0, 3)
    for got, wanted in (
        (filter2d(x, kernel, extra), naive.upfirdn2d(x, kernel, padding=(3, 3, 1, 4))),
        (upsample2d(x, kernel, 2, extra), naive.upfirdn2d(x, kernel, up=2, padding=(3, 3, 2, 3), gain=4)),
        (downsample2d(x, kernel, 2, extra), naive.upfirdn2d(x, kernel, down=2, padding=(2, 3, 1, 3))),
    ):
        np.testing.assert_allclose(got, wanted, atol=1e-5)


def test_unknown_implementation():
    with pytest.raises(InputError, match="did you mean 'lax'"):
        upfirdn2d(jnp.zeros((1, 4, 4, 1)), [1.0], implementation="laxe")


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
@pytest.mark.parametrize("implementation", KERNELS)
def test_blocks_and_tiles_of_a_kernel(monkeypatch, implementation, dtype):
    """Several blocks of rows, the last not full, and several tiles; one kernel and no shifted copies."""
    x = jnp.asarray(RNG.normal(size=(1, 13, 9, 5)), dtype)
    monkeypatch.setattr(pallas_gpu, "NUMBERS", 64)
    # Rows of 16 columns, counted as 128 channels: two to six outputs of a phase at a time.
    monkeypatch.setattr(pallas_tpu, "VMEM_BUDGET", 300 << 10)
    for options in (OPTIONS["up"], OPTIONS["down"], OPTIONS["same"]):
        run = functools.partial(upfirdn2d, **options, implementation=implementation)
        assert "pallas_call[" in str(jax.make_jaxpr(run)(x))
        wanted = naive.upfirdn2d(np.asarray(x, np.float64), **options)
        error = 1e-5 if dtype == jnp.float32 else 1e-2
        np.testing.assert_allclose(np.float64(jax.jit(run)(x)), wanted, rtol=0, atol=error * np.abs(wanted).max())
