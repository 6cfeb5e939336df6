"""DiffAugment against the official steps in numpy, picture by picture."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganinv_jax.core.errors import InputError
from ganinv_jax.data.augment import diffaugment

KEY = jax.random.key(7)
IMAGES = np.random.default_rng(0).uniform(-1, 1, (6, 16, 24, 3)).astype(np.float32)
EVERYTHING = "color,translation,cutout"


def official(image, parameters, i, policy):
    """One picture as `DiffAugment_pytorch.py` treats it, with rows and columns first."""
    brightness, saturation, contrast, shift, centre = (np.asarray(x)[i] for x in parameters)
    if "color" in policy:
        image = image + brightness
        mean = image.mean(axis=2, keepdims=True)
        image = (image - mean) * saturation + mean
        image = (image - image.mean()) * contrast + image.mean()
    if "translation" in policy:
        margin = 50
        padded = np.pad(image, ((margin, margin), (margin, margin), (0, 0)))
        top, left = margin - shift
        image = padded[top : top + image.shape[0], left : left + image.shape[1]]
    if "cutout" in policy:
        image = image.copy()
        sides = [int(size * 0.5 + 0.5) for size in image.shape[:2]]
        rows, columns = (
            np.clip(np.arange(side) + middle - side // 2, 0, size - 1)
            for side, middle, size in zip(sides, centre, image.shape[:2], strict=True)
        )
        image[np.ix_(rows, columns)] = 0
    return image


@pytest.mark.parametrize("policy", ["color", "translation", "cutout", EVERYTHING])
def test_it_does_what_the_official_code_does(policy):
    parameters = diffaugment.draw(KEY, IMAGES.shape)
    expected = [official(image, parameters, i, policy) for i, image in enumerate(IMAGES)]
    np.testing.assert_allclose(diffaugment.apply(IMAGES, parameters, policy), expected, atol=1e-5)
    np.testing.assert_allclose(diffaugment.augment(IMAGES, KEY, policy), expected, atol=1e-5)


def test_extreme_parameters_too():
    corners = np.array([[-2, -3], [2, 3], [2, -3], [-2, 3], [0, 0], [0, 3]])
    centres = np.array([[0, 0], [16, 24], [16, 0], [0, 24], [8, 12], [1, 23]])
    parameters = diffaugment.draw(KEY, IMAGES.shape)._replace(shift=jnp.array(corners), centre=jnp.array(centres))
    expected = [official(image, parameters, i, EVERYTHING) for i, image in enumerate(IMAGES)]
    np.testing.assert_allclose(diffaugment.apply(IMAGES, parameters, EVERYTHING), expected, atol=1e-5)


def test_parameters_fill_their_ranges():
    drawn = diffaugment.draw(KEY, (3000, 32, 64, 3))
    for values, low, high in ((drawn.brightness, -0.5, 0.5), (drawn.saturation, 0, 2), (drawn.contrast, 0.5, 1.5)):
        assert low <= values.min() < low + 0.01 and high - 0.01 < values.max() <= high
    for axis, size in enumerate((32, 64)):
        assert set(np.unique(drawn.shift[:, axis])) == set(range(-size // 8, size // 8 + 1))
        assert set(np.unique(drawn.centre[:, axis])) == set(range(size + 1))
    together = np.stack([drawn.brightness, drawn.saturation, drawn.contrast, *drawn.shift.T, *drawn.centre.T])
    assert np.abs(np.corrcoef(together) - np.eye(len(together))).max() < 0.1


def test_a_picture_does_not_feel_its_batch():
    alone = diffaugment.augment(IMAGES[:2], KEY)
    np.testing.assert_allclose(diffaugment.augment(IMAGES, KEY)[:2], alone, atol=1e-6)


def test_another_key_augments_otherwise():
    first, second = (diffaugment.augment(IMAGES, key) for key in jax.random.split(KEY))
    assert all(not np.allclose(a, b, atol=0.05) for a, b in zip(first, second, strict=True))


def test_the_gradient_is_the_adjoint():
    """Augmenting is affine in the picture, so its slope along a direction is a difference."""
    direction = np.random.default_rng(1).normal(size=IMAGES.shape).astype(np.float32)
    weights = np.random.default_rng(2).normal(size=IMAGES.shape).astype(np.float32)
    value = lambda images: jnp.vdot(diffaugment.augment(images, KEY), weights)  # noqa: E731
    slope = np.vdot(jax.grad(value)(IMAGES), direction)
    np.testing.assert_allclose(slope, value(IMAGES + direction) - value(IMAGES), rtol=1e-3)


def test_an_empty_policy_changes_nothing_and_unknown_ones_are_refused():
    np.testing.assert_array_equal(diffaugment.augment(IMAGES, KEY, ""), IMAGES)
    with pytest.raises(InputError, match="'color'"):
        diffaugment.augment(IMAGES, KEY, "colour,cutout")
