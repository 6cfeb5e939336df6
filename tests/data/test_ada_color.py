"""ADA's colour transforms and corruptions against colour arithmetic, SciPy and closed forms."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from scipy.spatial.transform import Rotation

from ganinv_jax.data.augment.ada import AdaSpec, color, corruption


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return np.random.default_rng(1).uniform(-1, 1, (6, 5, 3)).astype(np.float32)


def recolor(image, matrix):
    return np.asarray(color.recolor(jnp.asarray(image)[None], matrix[None])[0])


# --- Colours ---


def test_brightness_and_contrast(image):
    np.testing.assert_allclose(recolor(image, color.brightness(0.3)), image + np.float32(0.3), atol=1e-6)
    np.testing.assert_allclose(recolor(image, color.contrast(1.7)), image * np.float32(1.7), atol=1e-6)


def test_luma_flip_negates_the_mean_and_keeps_the_differences_of_channels(image):
    mean = image.mean(-1, keepdims=True)
    np.testing.assert_allclose(recolor(image, color.luma_flip(1)), image - 2 * mean, atol=1e-6)
    np.testing.assert_array_equal(recolor(image, color.luma_flip(0)), image)


@pytest.mark.parametrize("angle", [-2.5, 0.0, 0.4, 2 * np.pi / 3])
def test_hue_is_a_rotation_about_the_grey_axis(image, angle):
    rotation = Rotation.from_rotvec(angle * np.ones(3) / np.sqrt(3))
    expected = rotation.apply(image.reshape(-1, 3)).reshape(image.shape)
    np.testing.assert_allclose(recolor(image, color.hue(angle)), expected, atol=2e-6)


def test_a_third_of_a_hue_turn_makes_red_green():
    np.testing.assert_allclose(color.hue(2 * np.pi / 3)[:3, :3] @ np.float32([1, 0, 0]), [0, 1, 0], atol=1e-6)


@pytest.mark.parametrize("factor", [0.0, 0.5, 3.0])
def test_saturation_moves_colours_from_their_luma(image, factor):
    mean = image.mean(-1, keepdims=True)
    np.testing.assert_allclose(recolor(image, color.saturation(factor)), mean + factor * (image - mean), atol=2e-6)


def test_grey_pictures_follow_the_grey_axis(image):
    """A grey picture's one channel does what the mean of three equal channels would do."""
    grey = image[..., :1]
    matrices = draws(color.draw, color.NUMBERS, AdaSpec.preset("color"), 1.0)[:16]
    for matrix in matrices:
        colored = recolor(np.repeat(grey, 3, -1), matrix)
        np.testing.assert_allclose(recolor(grey, matrix), colored.mean(-1, keepdims=True), atol=1e-5)


# --- Draws ---


def draws(draw, numbers: int, spec: AdaSpec, p: float):
    """4096 draws; the numbers behind them are the same for every spec."""
    uniform = np.random.default_rng(0).random((4096, numbers), np.float32)
    return jax.jit(jax.vmap(functools.partial(draw, p=p, spec=spec)))(uniform)


def color_draws(p: float, **names) -> np.ndarray:
    return np.asarray(draws(color.draw, color.NUMBERS, AdaSpec(**names), p), np.float64)


CHANCES = {"brightness": 1.0, "contrast": 1.0, "lumaflip": 0.5, "hue": 1.0, "saturation": 1.0}


@pytest.mark.parametrize("name", CHANCES)
def test_each_colour_transform_happens_with_probability_p(name):
    for p in (0.0, 0.3, 1.0):
        changed = (np.abs(color_draws(p, **{name: 1.0}) - np.eye(4)) > 1e-6).any((1, 2)).mean()
        expected = CHANCES[name] * p
        assert changed == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / 4096) + 2e-3)


def test_colour_strengths_follow_their_distributions():
    grey = np.array([1, 1, 1, 0]) / np.sqrt(3)
    across = np.array([1, -1, 0, 0]) / np.sqrt(2)
    third = np.cross(grey[:3], across[:3])
    offset = color_draws(1.0, brightness=1)[:, :3, 3]
    assert (offset == offset[:, :1]).all() and agrees(offset[:, 0], "norm", 0, 0.2)
    assert agrees(np.log2(color_draws(1.0, contrast=1)[:, 1, 1]), "norm", 0, 0.5)
    np.testing.assert_allclose(np.unique((color_draws(1.0, lumaflip=1) @ grey @ grey).round(5)), [-1, 1])
    turned = color_draws(1.0, hue=1) @ across
    assert agrees(np.arctan2(turned[:, :3] @ third, turned @ across), "uniform", -np.pi, 2 * np.pi)
    assert agrees(np.log2(color_draws(1.0, saturation=1) @ across @ across), "norm", 0, 1)


def test_colour_transforms_compose_in_nvidias_order():
    """First brightness, then contrast, and so on: each matrix multiplies from the left."""
    expected = np.eye(4)
    for name in CHANCES:
        expected = color_draws(1.0, **{name: 1.0}) @ expected
    np.testing.assert_allclose(color_draws(1.0, **dict.fromkeys(CHANCES, 1.0)), expected, atol=1e-4)


def agrees(values, distribution, *arguments) -> bool:
    return scipy.stats.kstest(values, distribution, arguments).pvalue > 1e-3


# --- Corruptions ---


def half_band(frequency):
    """Power response of the Daubechies wavelet with two vanishing moments, by Daubechies' formula."""
    return np.cos(frequency / 2) ** 4 * (1 + 2 * np.sin(frequency / 2) ** 2)


def band_responses(frequency):
    low, lower, lowest = (half_band(k * frequency) for k in (1, 2, 4))
    return np.array([low * lower * lowest, low * lower * (1 - lowest), low * (1 - lower), 1 - low])


@pytest.mark.parametrize("frequency", [0.0, 0.15, 0.6, 1.2, 2.0, np.pi])
@pytest.mark.parametrize("axis", [0, 1])
def test_gains_act_on_their_octave(frequency, axis):
    gains = np.float32([0.5, 2, 3, 0.25])
    wave = np.cos(frequency * (np.arange(80) - 40) + 0.5)
    image = np.expand_dims(np.broadcast_to(wave[:, None], (80, 72)) if axis == 0 else np.tile(wave, (72, 1)), -1)
    got = np.asarray(corruption.amplify(jnp.asarray(image[None], jnp.float32), jnp.asarray(gains)[None])[0])
    # Along the other axis the wave is constant, and only the lowest band passes constants.
    inner = (slice(22, -22),) * 2
    np.testing.assert_allclose(got[inner], (gains @ band_responses(frequency) * gains[0] * image)[inner], atol=2e-5)


def test_equal_gains_scale_the_picture_up_to_its_border():
    image = np.random.default_rng(0).normal(size=(2, 16, 24, 3)).astype(np.float32)
    got = corruption.amplify(jnp.asarray(image), jnp.asarray([[1.0] * 4, [2.0] * 4]))
    np.testing.assert_allclose(got, image * np.float32([1, 4]).reshape(2, 1, 1, 1), atol=1e-5)


def test_gains_keep_the_power_of_natural_pictures():
    """Amplified alone, a band by t: t / sqrt(sum of the bands' powers); the four together multiply."""
    gains = np.asarray(draws(corruption.draw_gains, corruption.GAIN_NUMBERS, AdaSpec(imgfilter=1), 1.0))
    power = np.array([10, 1, 1, 1]) / 13
    product = np.ones_like(gains)
    for band in range(4):
        bands = [float(band == other) for other in range(4)]
        spec = AdaSpec(imgfilter=1, imgfilter_bands=tuple(bands))
        alone = np.asarray(draws(corruption.draw_gains, corruption.GAIN_NUMBERS, spec, 1.0), np.float64)
        np.testing.assert_allclose((alone**2) @ power, 1, rtol=1e-5)
        others = np.delete(alone, band, axis=1)
        assert (others == others[:, :1]).all() and agrees(np.log2(alone[:, band] / others[:, 0]), "norm", 0, 1)
        product *= alone
    np.testing.assert_allclose(gains, product, rtol=1e-4)
    rarely = np.asarray(draws(corruption.draw_gains, corruption.GAIN_NUMBERS, AdaSpec(imgfilter=1), 0.2))
    assert (rarely == 1).all(1).mean() == pytest.approx(0.8**4, abs=0.03)


def test_noise_is_half_normal_in_strength_and_white():
    keys = jax.random.split(jax.random.key(0), 4)
    images = jnp.full((4, 64, 64, 3), 0.5)
    noisy = np.asarray(corruption.add_noise(images, corruption.Noise(jnp.array([0.0, 0.1, 0.3, 0.1]), keys))) - 0.5
    np.testing.assert_allclose(noisy.std((1, 2, 3)), [0, 0.1, 0.3, 0.1], rtol=0.03)
    assert abs(np.corrcoef(noisy[1].ravel(), noisy[3].ravel())[0, 1]) < 0.04
    assert agrees(noisy[2].ravel() / 0.3, "norm")

    def strength(numbers, p, spec):
        return corruption.draw_noise(numbers, jax.random.key(0), p, spec).std

    stds = np.asarray(draws(strength, corruption.NOISE_NUMBERS, AdaSpec(noise=1), 0.4))
    assert (stds > 0).mean() == pytest.approx(0.4, abs=0.03)
    assert agrees(stds[stds > 0] / 0.1, "halfnorm")


def test_cutout_greys_a_rectangle():
    box = corruption.Box(
        center=jnp.array([[0.25, 0.5], [0.9, 0.0], [0.5, 0.5]]), size=jnp.array([[0.5] * 2, [0.5] * 2, [0.0] * 2])
    )
    got = np.asarray(corruption.cut_out(jnp.ones((3, 8, 16, 2)), box))
    expected = np.ones((3, 8, 16, 2))
    expected[0, 2:6, :8] = 0
    expected[1, :2, 10:] = 0
    np.testing.assert_array_equal(got, expected)


def test_cutout_draws():
    boxes = draws(corruption.draw_cutout, corruption.CUTOUT_NUMBERS, AdaSpec(cutout=1, cutout_size=0.4), 0.6)
    sizes = np.asarray(boxes.size)
    assert (sizes[:, 0] == sizes[:, 1]).all()
    assert set(np.unique(sizes)) == {0, np.float32(0.4)} and (sizes[:, 0] > 0).mean() == pytest.approx(0.6, abs=0.03)
    for axis in (0, 1):
        assert agrees(np.asarray(boxes.center[:, axis]), "uniform")
