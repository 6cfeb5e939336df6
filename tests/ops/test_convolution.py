"""convolve: the contract, and the weight gradient by groups of pictures."""

import functools
import re

import jax
import jax.numpy as jnp
import naive
import numpy as np
import pytest
from contract import CHECKS, Case

from ganinv_jax.ops.convolution import IMPLEMENTATIONS, by_picture, convolve

RNG = np.random.default_rng(0)


def _case(x: tuple, weight: tuple, **options) -> Case:
    arguments = RNG.normal(size=x), RNG.normal(size=weight)
    return Case(
        functools.partial(convolve, **options), functools.partial(naive.convolve, **options), arguments, shared=(1,)
    )


CASES = {
    "3x3": _case((3, 5, 4, 2), (3, 3, 2, 3), pads=1),
    "1x1, one picture": _case((1, 3, 5, 3), (1, 1, 3, 2)),
    "oblong kernel, uneven padding": _case((2, 4, 3, 2), (2, 1, 2, 3), pads=((1, 0), (2, 1))),
    "stride two": _case((2, 5, 7, 2), (3, 3, 2, 2), pads=1, stride=2),
    "no padding, one pixel out": _case((2, 3, 2, 2), (3, 2, 2, 2)),
}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("case", CASES)
def test_contract(case, implementation, check):
    check(CASES[case], implementation)


@pytest.mark.parametrize(("batch", "pixels"), [(7, 40), (6, 60), (5, 1), (4, 10_000)])
def test_weight_gradient_by_groups(monkeypatch, batch, pixels):
    # 20 pixels a picture: groups of at most 2, 3, 1 and 500 pictures, which need not divide the batch.
    monkeypatch.setattr(by_picture, "PIXELS_AT_A_TIME", pixels)
    x, weight = RNG.normal(size=(batch, 4, 5, 2)).astype(np.float32), RNG.normal(size=(3, 3, 2, 3)).astype(np.float32)
    cotangent = RNG.normal(size=(batch, 4, 5, 3))
    got = jax.jit(jax.grad(lambda w: jnp.vdot(convolve(x, w, 1, implementation="by_picture"), cotangent)))(weight)
    padded = np.pad(x.astype(np.float64), ((0, 0), (1, 1), (1, 1), (0, 0)))
    wanted = np.empty(weight.shape)
    for i, j in np.ndindex(3, 3):
        wanted[i, j] = np.einsum("bhwi,bhwo->io", padded[:, i : i + 4, j : j + 5], cotangent)
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-4)


def test_weight_gradient_is_a_matrix_product():
    """XLA's rule would be a second convolution with a kernel as large as the picture."""
    x, weight = jnp.ones((2, 8, 8, 3)), jnp.ones((3, 3, 3, 4))

    def convolutions(implementation):
        gradient = jax.grad(lambda w: convolve(x, w, 1, implementation=implementation).sum())
        return str(jax.make_jaxpr(gradient)(weight)).count("conv_general_dilated")

    assert convolutions("by_picture") < convolutions("reference")


def test_gradients_of_pictures_are_convolutions_in_the_usual_layout():
    """In another one they are slow inside of loops, where XLA leaves layouts as they are."""
    x, weight = jnp.ones((2, 8, 8, 3)), jnp.ones((3, 3, 3, 4))

    def layouts(implementation):
        gradient = jax.grad(lambda x: jnp.sum(convolve(x, weight, 1, implementation=implementation) ** 2))
        return set(re.findall("ConvDimensionNumbers.*", str(jax.make_jaxpr(gradient)(x))))

    assert len(layouts("by_picture")) == 1 and len(layouts("reference")) == 2
