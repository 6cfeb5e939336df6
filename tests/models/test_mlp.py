"""Small generators of affine maps against sums written out."""

import numpy as np
import pytest

from ganinv_jax.core.errors import InputError
from ganinv_jax.models.mlp import AffineGenerator, Layer, mlp_of, random_deconvolution, random_mlp

SIZES = (3, 7, 11)


def test_outputs_are_what_the_layers_say():
    random = np.random.default_rng(0)
    layers = tuple(Layer(random.normal(size=(o, i)), random.normal(size=o)) for i, o in zip(SIZES, SIZES[1:]))  # noqa: B905
    z = random.normal(size=3)
    for slope in (0.0, 0.1):
        x = z
        for weight, bias in layers:
            x = [sum(w * v for w, v in zip(row, x, strict=True)) + b for row, b in zip(weight, bias, strict=True)]
            x = [v if v > 0 else slope * v for v in x]
        generator = AffineGenerator(layers, slope)
        assert generator.sizes == SIZES
        np.testing.assert_allclose(generator(z), x, rtol=1e-12)
        module, variables = mlp_of(generator)
        np.testing.assert_allclose(module.apply(variables, np.float32(z[None]))[0, :, 0, 0], x, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(generator.widened(5)(np.append(z, [4.0, -7.0])), x, rtol=1e-12)
        known = np.arange(11) % 3 == 0
        np.testing.assert_allclose(generator.seen(known)(z), np.array(x)[known], rtol=1e-12)


def test_weights_keep_lengths():
    """A column of a layer has length 1 on average, however many outputs there are."""
    for weight, bias in random_mlp((50, 200, 400), 0).layers:
        np.testing.assert_allclose(np.linalg.norm(weight, axis=0).mean(), 1, rtol=0.02)
        assert not bias.any()


def test_a_transposed_convolution_scatters_its_kernel():
    generator = random_deconvolution((2, 3, 2), seed=1)
    random = np.random.RandomState(1)
    first = random.randn(4, 4, 2, 3) * np.sqrt(2 / 32)
    second = random.randn(4, 4, 3, 2) * np.sqrt(2 / 48)
    z = np.array([0.3, -1.2])
    x = np.maximum(np.einsum("hwio,i->hwo", first, z), 0)
    padded = np.zeros((10, 10, 2))
    for row in range(4):
        for column in range(4):
            scattered = np.einsum("hwio,i->hwo", second, x[row, column])
            padded[2 * row : 2 * row + 4, 2 * column : 2 * column + 4] += scattered
    np.testing.assert_allclose(generator(z), np.maximum(padded[1:-1, 1:-1], 0).ravel(), atol=1e-6)


def test_layers_that_do_not_fit():
    good, narrow = Layer(np.ones((4, 3)), np.zeros(4)), Layer(np.ones((5, 3)), np.zeros(5))
    for layers in ((good, narrow), (Layer(np.ones((4, 3)), np.zeros(3)),)):
        with pytest.raises(InputError, match="on the one before"):
            AffineGenerator(layers)
    with pytest.raises(InputError, match="must have layers"):
        AffineGenerator(())
    with pytest.raises(InputError, match="slope must be"):
        AffineGenerator((good,), 1.0)
