"""What theorems and papers say of gradient descent on small generators, by the engine that inverts photos."""

import jax.numpy as jnp
import numpy as np
import pytest

from ganinv_jax.inversion import METHODS
from ganinv_jax.inversion.affine import recover
from ganinv_jax.inversion.degradations import Inpainting, RandomProjection
from ganinv_jax.models.mlp import random_deconvolution, random_mlp


def from_a_fifth(seed, channels):
    """The relative error of z from 20 % of the pixels of two layers of transposed convolutions, by `partial`."""
    generator = random_deconvolution(channels, seed)
    z, count = np.random.RandomState(100 + seed).randn(channels[0]), 8 * 8
    known = np.random.RandomState(seed).permutation(count) < 0.2 * count
    hole = Inpainting(jnp.asarray(np.repeat(known, channels[-1]).reshape(-1, 1, 1), jnp.float32))
    found = recover(generator, generator(z)[None], METHODS["partial"](), hole, seed)
    return np.linalg.norm(found.z[0] - z) / np.linalg.norm(z)


def test_a_fifth_of_the_pixels_is_enough():
    assert from_a_fifth(0, (8, 16, 8)) < 1e-2


@pytest.mark.slow
def test_a_fifth_of_the_pixels_is_enough_whatever_the_weights():
    assert [seed for seed in range(20) if from_a_fifth(seed, (20, 32, 16)) >= 1e-2] == []


def measured(count, restarts, seeds, prior=0.001):
    """(relative error of the outputs, last loss) of csgm by `count` random sums of 200 outputs, a row a seed."""
    rows = []
    for seed in seeds:
        generator = random_mlp((5, 40, 200), seed)
        random = np.random.RandomState(seed)
        outputs, matrix = generator(random.randn(5)), random.randn(count, 200) / np.sqrt(200)
        task = RandomProjection(jnp.asarray(matrix, jnp.float32))
        found = recover(generator, outputs[None], METHODS["csgm"](restarts, prior), task, seed)
        rows.append((np.linalg.norm(found.outputs[0] - outputs) / np.linalg.norm(outputs), found.loss[0]))
    return np.array(rows)


def test_more_restarts_never_end_higher():
    losses = [measured(3, restarts, [0, 1, 2])[:, 1] for restarts in (1, 3)]
    assert np.all(losses[1] <= losses[0] + 1e-6) and np.any(losses[1] < losses[0] - 1e-4)


@pytest.mark.slow
def test_the_error_falls_with_measurements_and_saturates():
    """Bora et al., figure 1: of generated pictures, down to what the prior leaves, which lasts."""
    few, some, many, most = (np.median(measured(count, 2, range(10))[:, 0]) for count in (2, 10, 40, 180))
    assert few > 0.5 and 0.02 > some > many > most > 0.5 * many
