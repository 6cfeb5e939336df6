"""conv2d_resample: the contract, for every scale and for filters of every length."""

import functools

import jax
import naive
import numpy as np
import pytest
from contract import CHECKS, Case, value

from ganinv_jax.ops.conv_resample import IMPLEMENTATIONS, conv2d_resample

RNG = np.random.default_rng(0)


def _case(x: tuple, size: int, **options) -> Case:
    arguments = RNG.normal(size=x), RNG.normal(size=(size, size, x[-1], 2))
    op, witness = functools.partial(conv2d_resample, **options), functools.partial(naive.conv2d_resample, **options)
    return Case(op, witness, arguments, shared=(1,))


CASES = {
    "same": _case((2, 3, 5, 2), 3),
    "up": _case((2, 3, 4, 2), 3, resample="up", kernel=(1, 2, 4, 8)),
    "up, 1x1": _case((2, 3, 4, 1), 1, resample="up", kernel=(1, 2, 4, 8)),
    "up, plane filter": _case((1, 2, 3, 2), 3, resample="up", kernel=RNG.uniform(size=(4, 4))),
    "down": _case((2, 6, 4, 2), 3, resample="down", kernel=(1, 2, 4, 8)),
    "down, 1x1": _case((2, 6, 4, 2), 1, resample="down", kernel=(1, 2, 4, 8)),
}
OTHER_SIZES = {
    "same, 1x1": _case((2, 3, 4, 3), 1),
    "up, one pixel": _case((1, 1, 1, 3), 3, resample="up"),
    "up, 5x5": _case((1, 3, 2, 2), 5, resample="up"),
    "up, one tap": _case((2, 3, 2, 1), 3, resample="up", kernel=(1,)),
    "up, two taps": _case((2, 3, 2, 1), 3, resample="up", kernel=(1, 3)),
    "up, five taps": _case((1, 2, 3, 2), 3, resample="up", kernel=(1, 2, 3, 0, 1)),
    "down, odd picture": _case((2, 5, 7, 2), 3, resample="down"),
    "down, one tap": _case((1, 4, 6, 1), 3, resample="down", kernel=(1,)),
    "down, three taps": _case((1, 4, 6, 2), 3, resample="down", kernel=(1, 2, 4)),
}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("case", CASES)
def test_contract(case, implementation, check):
    check(CASES[case], implementation)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("case", OTHER_SIZES)
def test_other_sizes(case, implementation):
    value(OTHER_SIZES[case], implementation)


def test_up_multiplies_no_zero():
    """Four phases on the coarse grid: no convolution runs over a picture with zeros in between."""
    x, weight = np.ones((1, 8, 8, 2), np.float32), np.ones((3, 3, 2, 2), np.float32)
    program = str(jax.make_jaxpr(functools.partial(conv2d_resample, resample="up", implementation="lax"))(x, weight))
    assert program.count("conv_general_dilated") == 4 and "lhs_dilation=(2" not in program
