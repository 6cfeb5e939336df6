"""Figures of single pictures: how near they are to a photo, and how far from one another.

LPIPS is the perceptual distance through a converted VGG16 or AlexNet (`PerceptualDistance.name` says so).
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, UInt8
from skimage.metrics import structural_similarity

from ganinv_jax.core.configs import check
from ganinv_jax.core.errors import InputError
from ganinv_jax.core.images import to_float
from ganinv_jax.losses.perceptual import PerceptualDistance
from ganinv_jax.models.features import load_features

LARGEST_PSNR = 100.0
"""Decibels; what equal pictures are given, since JSON knows no infinity."""
SSIM_WINDOW = 11
"""Pixels: what scikit-image makes of a sigma of 1.5, cut at 3.5 sigma."""


def psnr(
    images: UInt8[np.ndarray, "b h w c"], photo: UInt8[np.ndarray, "h w c"], where: Bool[np.ndarray, "h w"]
) -> Float[np.ndarray, "b"]:
    """Peak signal-to-noise ratio of each image against the photo over the pixels `where`, in decibels."""
    errors = (images[:, where].astype(np.float64) - photo[where]) ** 2
    mean = errors.mean(axis=(1, 2)) / 255**2
    return -10 * np.log10(np.maximum(mean, 10 ** (-LARGEST_PSNR / 10)))


def l1(
    images: UInt8[np.ndarray, "b h w c"], photo: UInt8[np.ndarray, "h w c"], where: Bool[np.ndarray, "h w"]
) -> Float[np.ndarray, "b"]:
    """Mean absolute difference of each image from the photo over the pixels `where`, of values in [0, 1]."""
    return np.abs(images[:, where].astype(np.float64) - photo[where]).mean(axis=(1, 2)) / 255


def ssim(
    images: UInt8[np.ndarray, "b h w c"],
    photo: UInt8[np.ndarray, "h w c"],
    where: Bool[np.ndarray, "h w"] | None = None,
) -> Float[np.ndarray, "b"]:
    """Structural similarity of each image with the photo: Wang et al. 2004, with MAT's settings.

    Gaussian windows of 11 x 11 pixels (sigma 1.5), K of 0.01 and 0.03, channels apart, then averaged. Over the whole
    picture windows that reach beyond it are left out; over the pixels `where`, all windows around those count, and the
    picture is mirrored at its edges. Raises InputError for pictures smaller than a window.
    """
    side = min(photo.shape[:2])
    check(side >= SSIM_WINDOW, f"SSIM needs pictures of {SSIM_WINDOW} pixels at least, but a side has {side}.")
    found = [_ssim_map(image, photo) for image in images]
    margin = SSIM_WINDOW // 2
    if where is None:
        return np.array([one[margin:-margin, margin:-margin].mean() for one in found])
    return np.array([one[where].mean() for one in found])


def perceptual(
    distance: PerceptualDistance, images: UInt8[np.ndarray, "b h w 3"], photo: UInt8[np.ndarray, "h w 3"]
) -> Float[np.ndarray, "b"]:
    """The perceptual distance of each image from the photo: LPIPS through VGG16 or AlexNet, as converted."""
    images, photos = to_float(images), to_float(photo)[None]
    return np.asarray(_to_photo(distance, distance.variables, images, photos))


def pairwise_distances(
    distance: PerceptualDistance, images: Float[Array, "k h w 3"], mask: Float[Array, "h w 1"]
) -> Float[np.ndarray, "k k"]:
    """Perceptual distances of all pairs of images in [-1, 1] by what they show inside of `mask`, 1 or 0 a pixel.

    The rest is blanked before the network looks, and the distance is divided by the mask's share of the picture, so
    that figures of a small and of a large region compare.
    """
    return np.asarray(_pairwise(distance, distance.variables, jnp.asarray(images), jnp.asarray(mask, jnp.float32)))


@functools.cache
def reporting_distance() -> PerceptualDistance:
    """The distance that reports use: through EfficientNet-Lite2, which no training looks through.

    Where its wheel (extra `evaluate`) is not installed, through Lite0. `distance.features.name` tells which. Pictures
    are resized to about the size that the network was trained on.
    """
    try:
        features = load_features("efficientnet_lite2")
    except InputError:
        features = load_features("efficientnet_lite0")
    return PerceptualDistance(features, size=features.size // 32 * 32)


def _ssim_map(image, photo) -> Float[np.ndarray, "h w c"]:
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255}
    return structural_similarity(image, photo, channel_axis=2, full=True, **options)[1]


@functools.partial(jax.jit, static_argnums=0)
def _to_photo(distance, variables, images, photo):
    targets = distance.embed(variables, photo)
    # One picture at a time, as the features of many large ones need much memory.
    return jax.lax.map(lambda image: distance.to(variables, image[None], targets)[0], images)


@functools.partial(jax.jit, static_argnums=0)
def _pairwise(distance, variables, images, mask):
    found = distance.embed(variables, images, mask[None])

    def to_all(one):
        return distance.between({stage: x[None] for stage, x in one.items()}, found)

    # One picture at a time against all, or the differences of all pairs would be in memory at once.
    return jax.lax.map(to_all, found) / jnp.mean(mask)
