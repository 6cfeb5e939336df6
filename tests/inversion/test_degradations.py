"""Each task's degradation against numpy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganinv_jax.core.errors import InputError
from ganinv_jax.inversion import TASKS

SIDE = 32
IMAGES = np.random.default_rng(0).uniform(-1, 1, (2, SIDE, SIDE, 3)).astype(np.float32)


def observed(name, **options):
    return np.asarray(TASKS[name](SIDE, 0, **options).observe(jnp.asarray(IMAGES)))


def test_what_is_seen():
    np.testing.assert_array_equal(observed("inversion"), IMAGES)
    np.testing.assert_array_equal(observed("denoising"), IMAGES)
    luma = IMAGES @ np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(observed("colorization"), np.repeat(luma[..., None], 3, -1), atol=1e-6)
    small = sum(IMAGES[:, i::2, j::2] for i in (0, 1) for j in (0, 1)) / 4
    np.testing.assert_allclose(observed("super-resolution"), small, atol=1e-6)


def test_the_hole_is_not_seen():
    seen = observed("inpainting")
    assert np.all(seen[:, 8:24, 8:24] == 0)
    np.testing.assert_array_equal(seen[:, :8], IMAGES[:, :8])
    hole = np.zeros((SIDE, SIDE), bool)
    hole[3, 4] = True
    assert np.all(observed("inpainting", hole=hole)[:, 3, 4] == 0)


def test_a_random_share_of_pixels_is_seen():
    seen = observed("partial", share=0.2)
    kept = np.all(seen == IMAGES, axis=-1)
    assert np.all(seen[~kept] == 0) and kept[0].sum() == round(0.2 * SIDE**2)
    np.testing.assert_array_equal(kept[0], kept[1])
    other = np.asarray(TASKS["partial"](SIDE, 1, share=0.2).observe(jnp.asarray(IMAGES)))
    assert np.any(other != seen)


def test_measurements_keep_squared_errors_in_the_mean():
    """Johnson and Lindenstrauss: the mean square of 2000 measurements is that of the numbers within a few percent."""
    a, b = observed("random-projection", measurements=2000)
    np.testing.assert_allclose(np.mean((a - b) ** 2), np.mean((IMAGES[0] - IMAGES[1]) ** 2), rtol=0.1)


def test_noise_is_that_of_the_key():
    task = TASKS["denoising"](SIDE, 0, noise_std=0.5)
    noisy = [np.asarray(task.see(jnp.asarray(IMAGES), jax.random.key(i)).seen) for i in (0, 0, 1)]
    np.testing.assert_array_equal(noisy[0], noisy[1])
    np.testing.assert_allclose((noisy[0] - IMAGES).std(), 0.5, rtol=0.05)
    assert np.abs(noisy[0] - noisy[2]).max() > 0.1


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("inpainting", {"hole": np.ones((SIDE, SIDE), bool)}, "must leave something known"),
        ("inpainting", {"hole": np.ones((4, 4), bool)}, r"must be \[32, 32\]"),
        ("super-resolution", {"factor": 5}, "divides 32, but it is 5"),
        ("denoising", {"noise_std": -1}, "noise_std must be at least 0"),
        ("partial", {"share": 1.0}, "share must lie between 0 and 1"),
        ("random-projection", {"measurements": 0}, "measurements must lie between 1"),
    ],
)
def test_bad_options(name, options, message):
    with pytest.raises(InputError, match=message):
        TASKS[name](SIDE, 0, **options)
