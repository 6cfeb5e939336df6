"""Coverage against a search by hand, and what it asks of a generator."""

import jax
import numpy as np
from skimage.transform import downscale_local_mean

from ganinv_jax.losses.coverage import coverage

RNG = np.random.default_rng(0)


def _images(count):
    return RNG.uniform(-1, 1, (count, 8, 8, 3)).astype(np.float32)


def test_it_is_the_error_to_the_nearest_fake():
    fakes, reals = np.repeat(np.repeat(_images(5), 2, axis=1), 2, axis=2), _images(3).repeat(2, 1).repeat(2, 2)
    few, wanted = (downscale_local_mean(x, (1, 2, 2, 1)) for x in (fakes, reals))
    expected = [min(np.mean((real - fake) ** 2) for fake in few) for real in wanted]
    found = coverage(fakes, reals, 16)
    assert found.shape == (3,)
    np.testing.assert_allclose(found, [min(np.mean((r - f) ** 2) for f in fakes) for r in reals], rtol=1e-4)
    np.testing.assert_allclose(coverage(few, wanted, 8), expected, rtol=1e-4)


def test_only_the_nearest_fakes_are_pulled():
    reals = _images(2)
    fakes = np.concatenate([reals + 0.1, -np.sign(reals)]).astype(np.float32)
    slope = jax.grad(lambda x: coverage(x, reals, 8).sum())(fakes)
    np.testing.assert_allclose(slope[:2], 2 * 0.1 / reals[0].size, rtol=1e-3)
    np.testing.assert_array_equal(slope[2:], 0)


def test_one_picture_again_and_again_covers_little():
    reals = _images(6)
    assert coverage(np.repeat(reals[:1], 6, axis=0), reals, 8).mean() > 10 * coverage(reals[::-1], reals, 8).mean()
