"""ADA's warp against SciPy, closed forms and theorems; its draws against their distributions."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage
import scipy.signal
import scipy.stats
import skimage.data
import skimage.transform

from ganinv_jax.core.errors import InputError
from ganinv_jax.data.augment.ada import AdaSpec, geometry

warp = jax.jit(geometry.warp)


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    """A cat of 40x32 pixels in [-1, 1]: sides differ, so that x and y cannot stand for each other."""
    return (skimage.transform.resize(skimage.data.chelsea(), (32, 40), anti_aliasing=True) * 2 - 1).astype(np.float32)


def warp_one(image, *matrices):
    return np.asarray(warp(jnp.asarray(image, jnp.float32)[None], geometry.compose(*matrices)[None])[0])


def matrices(spec: AdaSpec, p: float = 1.0) -> np.ndarray:
    """[4096, 3, 3] draws for pictures of 40x32 pixels; the numbers behind them are the same for every spec."""
    numbers = np.random.default_rng(0).random((4096, geometry.NUMBERS), np.float32)
    one = functools.partial(geometry.draw, p=p, spec=spec, height=32, width=40)
    return np.asarray(jax.jit(jax.vmap(one))(numbers), np.float64)


# --- The warp ---


def test_sym6_is_an_orthogonal_filter_with_six_vanishing_moments():
    taps = geometry.SYM6
    for shift in range(6):
        assert taps[2 * shift :] @ taps[: 12 - 2 * shift] == pytest.approx(float(shift == 0), abs=1e-10)
    mirror = taps * (-1) ** np.arange(12)
    for moment in range(6):
        assert mirror @ (np.arange(12) / 11) ** moment == pytest.approx(0, abs=1e-10)


def test_identity_gives_the_picture_back(photo):
    np.testing.assert_allclose(warp_one(photo, geometry.scaling(1, 1)), photo, atol=2e-6)


@pytest.mark.parametrize(("x", "y"), [(3, 0), (0, -5), (-7, 4), (33, 0), (0, -25)])
def test_whole_shift_moves_pixels_and_reflects_the_border(photo, x, y):
    padded = np.pad(photo, ((31, 31), (39, 39), (0, 0)), mode="reflect")
    expected = padded[31 + y : 63 + y, 39 + x : 79 + x]
    np.testing.assert_allclose(warp_one(photo, geometry.translation(x, y)), expected, atol=2e-6)


def smooth(x, y):
    """Waves far below the sampling limit, one a channel, at pixel coordinates from the centre."""
    return np.stack([np.cos(0.23 * x + 0.1 * y), np.sin(0.2 * y - 0.11 * x + 0.4), np.cos(0.1 * x - 0.26 * y)], -1)


def centred_grid():
    return np.meshgrid(np.arange(40) - 19.5, np.arange(32) - 15.5)


@pytest.mark.parametrize(
    "matrix",
    [
        geometry.scaling(-1, 1),
        geometry.rotation(np.pi / 2),
        geometry.rotation(0.7),
        geometry.scaling(1 / 1.4, 1 / 1.4),
        geometry.scaling(0.75, 1 / 0.75),
        geometry.translation(2.3, -1.6),
        geometry.compose(geometry.rotation(-2), geometry.scaling(0.8, 1.1), geometry.translation(1.4, 0.5)),
    ],
    ids=["flip", "quarter", "turn", "zoom", "stretch", "shift", "all"],
)
def test_warp_reads_a_smooth_function_where_the_matrix_points(matrix):
    x, y = centred_grid()
    got = warp_one(smooth(x, y), matrix)
    (a, b, c), (d, e, f) = np.asarray(matrix, np.float64)[:2]
    source_x, source_y = a * x + b * y + c, d * x + e * y + f
    # Reflection bends the waves, so only what comes from well inside the picture follows the formula. sym6 is not quite
    # symmetric: it shifts waves by 0.05 pixels, which flips and turns double.
    inside = (abs(source_x) < 15) & (abs(source_y) < 11)
    assert inside.mean() > 0.3
    np.testing.assert_allclose(got[inside], smooth(source_x, source_y)[inside], atol=0.03)


def test_quarter_turns_and_flip_match_numpy(photo):
    square = scipy.ndimage.gaussian_filter(photo[:, 4:36], (1, 1, 0))
    for turns in range(4):
        got = warp_one(square, geometry.rotation(turns * np.pi / 2))
        np.testing.assert_allclose(got, np.rot90(square, turns), atol=0.03)
    np.testing.assert_allclose(warp_one(square, geometry.scaling(-1, 1)), square[:, ::-1], atol=0.03)


def test_rotation_matches_scikit_image(photo):
    square = scipy.ndimage.gaussian_filter(photo[:, 4:36], (1.5, 1.5, 0))
    got = warp_one(square, geometry.rotation(np.deg2rad(25)))
    # scikit-image turns counter-clockwise about the same centre; its 'reflect' is that of numpy.pad.
    expected = skimage.transform.rotate(square, 25, order=3, mode="reflect")
    np.testing.assert_allclose(got, expected, atol=0.02)


def test_warp_matches_scipy_with_the_same_and_with_nvidias_margin(photo):
    drawn = matrices(AdaSpec.preset("bg"))[:24]
    drawn[0] = geometry.compose(geometry.scaling(4, 4), geometry.rotation(0.3))  # far beyond the padded picture
    batch = jnp.broadcast_to(photo, (24, *photo.shape))
    got = np.asarray(warp(batch, jnp.asarray(drawn, jnp.float32)))
    for result, inverse in zip(got, drawn, strict=True):
        np.testing.assert_allclose(result, scipy_warp(photo, inverse, widest=True), atol=5e-5)
        np.testing.assert_allclose(result, scipy_warp(photo, inverse, widest=False), atol=1e-3)
    assert np.abs(got[0, 0, 0]).max() < 1e-6  # beyond the margin: mid grey, as NVIDIA's code


def test_warp_refuses_pictures_that_cannot_be_padded():
    with pytest.raises(InputError, match="at least 8 px, but got 7x9"):
        geometry.warp(jnp.zeros((1, 9, 7, 3)), jnp.eye(3)[None])
    np.testing.assert_allclose(warp_one(np.ones((8, 8, 1)), geometry.translation(1.3, -2)), 1, atol=1e-6)


def test_gradient_is_the_adjoint_of_the_warp(photo):
    rng = np.random.default_rng(0)
    drawn = jnp.asarray(matrices(AdaSpec.preset("bg"))[:8], jnp.float32)
    with jax.enable_x64(True):
        x, tangent, y = (jnp.asarray(rng.normal(size=(8, 32, 40, 2))) for _ in range(3))
        out, backward = jax.vjp(lambda x: geometry.warp(x, drawn), x)
        forward = jax.jvp(lambda x: geometry.warp(x, drawn), (x,), (tangent,))[1]
        np.testing.assert_allclose(jnp.vdot(forward, y), jnp.vdot(tangent, backward(y)[0]), rtol=1e-10)
        # Linear: the tangent is the warp of the tangent, wherever it is taken.
        np.testing.assert_allclose(geometry.warp(x + tangent, drawn) - out, forward, atol=1e-10)


# --- The draws ---

SINGLE = {"xflip": 0.5, "rotate90": 0.75, "xint": 1.0, "scale": 1.0, "rotate": 1.0, "aniso": 1.0, "xfrac": 1.0}


@pytest.mark.parametrize("name", SINGLE)
@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_each_transform_happens_with_probability_p(name, p):
    """A flip drawn is a flip half of the time and a quarter turn is one three times in four, else nothing changes."""
    drawn = matrices(AdaSpec(**{name: 1.0}), p)
    moved = (np.abs(drawn - np.eye(3)) > 1e-6).any((1, 2)).mean()
    # A shift of U(-1/8, 1/8) of 40 and 32 pixels rounds to (0, 0) in 1/10 x 1/8 of the draws.
    expected = SINGLE[name] * p * (1 - 1 / 80 if name == "xint" else 1)
    assert moved == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / 4096) + 2e-3)


def test_multipliers_scale_p():
    drawn = matrices(AdaSpec(scale=0.5), p=0.6)
    assert (drawn[:, 0, 0] != 1).mean() == pytest.approx(0.3, abs=0.03)


def agrees(values, distribution, *arguments) -> bool:
    return scipy.stats.kstest(values, distribution, arguments).pvalue > 1e-3


def test_ranges_of_each_transform():
    flips = matrices(AdaSpec(xflip=1))
    assert set(np.unique(flips[:, 0, 0])) == {-1, 1} and (flips[:, 1, 1] == 1).all()
    quarters = matrices(AdaSpec(rotate90=1))
    turns = np.round(np.arctan2(quarters[:, 1, 0], quarters[:, 0, 0]) / (np.pi / 2)) % 4
    assert scipy.stats.chisquare(np.bincount(turns.astype(int))).pvalue > 1e-3
    whole = matrices(AdaSpec(xint=1))[:, :2, 2]
    assert (whole == np.round(whole)).all()
    assert (np.abs(whole).max(0) == [5, 4]).all() and (np.sign(whole).mean(0) ** 2 < 0.01).all()
    part = matrices(AdaSpec(xfrac=1))[:, :2, 2] / [40, 32]
    assert agrees(part[:, 0], "norm", 0, 0.125) and agrees(part[:, 1], "norm", 0, 0.125)
    assert abs(np.corrcoef(part.T)[0, 1]) < 0.06
    zoom = matrices(AdaSpec(scale=1))
    assert (zoom[:, 0, 0] == zoom[:, 1, 1]).all() and agrees(np.log2(zoom[:, 0, 0]), "norm", 0, 0.2)
    stretch = matrices(AdaSpec(aniso=1))
    np.testing.assert_allclose(np.linalg.det(stretch), 1, rtol=1e-6)
    assert agrees(np.log2(stretch[:, 0, 0]), "norm", 0, 0.2)


def test_turns_happen_before_and_after_the_stretch():
    half = matrices(AdaSpec(rotate=1, rotate_max=0.1), p=0.5)
    angles = np.arctan2(half[:, 1, 0], half[:, 0, 0])
    once = 1 - np.sqrt(0.5)
    both = once**2 / 0.5  # of those that turn at all
    assert np.abs(angles).max() > 0.1 * np.pi * 1.2  # two turns in one direction
    assert agrees(angles[angles != 0], two_turns(both, 0.1 * np.pi))
    # A stretch between two turns: the singular values are the stretch, the singular vectors the turns.
    left, stretch, right = np.linalg.svd(matrices(AdaSpec(rotate=1, aniso=1))[:, :2, :2])
    assert agrees(np.log2(stretch[:, 0]), "halfnorm", 0, 0.2)
    first, second = (np.arctan2(vectors[:, 1], vectors[:, 0]) % np.pi for vectors in (left[:, :, 0], right[:, 0]))
    for angle in (first, second, (first + second) % np.pi, (first - second) % np.pi):
        assert agrees(angle, "uniform", 0, np.pi)


def two_turns(both: float, most: float):
    """Distribution of the sum: one uniform turn, or two of them (a triangle) with probability `both`."""
    triangle = scipy.stats.triang(0.5, -2 * most, 4 * most)
    uniform = scipy.stats.uniform(-most, 2 * most)
    return lambda x: both * triangle.cdf(x) + (1 - both) * uniform.cdf(x)


def test_transforms_compose_in_nvidias_order():
    names = ["xflip", "rotate90", "xint", "scale", "aniso", "xfrac"]
    together = matrices(AdaSpec(**dict.fromkeys(names, 1.0)))
    parts = [matrices(AdaSpec(**{name: 1.0})) for name in names]
    expected = parts[0]
    for part in parts[1:]:
        expected = expected @ part
    np.testing.assert_allclose(together, expected, atol=1e-4)


def test_a_flip_a_zoom_and_a_shift_move_a_dot_where_they_should():
    dot = np.zeros((32, 32, 1), np.float32)
    dot[16, 20] = 1

    def brightest(*matrices):
        return np.unravel_index(np.argmax(warp_one(dot, *matrices)[..., 0]), (32, 32))

    assert brightest(geometry.translation(-3, 2)) == (14, 23)  # right and up
    assert brightest(geometry.scaling(-1, 1)) == (16, 11)
    zoomed = brightest(geometry.scaling(1 / 2, 1 / 2))
    np.testing.assert_allclose(np.array(zoomed) - 15.5, 2 * (np.array([16, 20]) - 15.5), atol=1)


# --- The witness ---


def scipy_warp(image: np.ndarray, inverse: np.ndarray, widest: bool) -> np.ndarray:
    """The warp in float64, padded as far as the picture's own corners reach or, if `widest`, all the way."""
    height, width, _ = image.shape
    half = np.array([width - 1, height - 1]) / 2
    corners = inverse[:2, :2] @ (np.array([[-1, 1, 1, -1], [-1, -1, 1, 1]]) * half[:, None]) + inverse[:2, 2:]
    reach = np.stack([-corners.min(1), corners.max(1)]) + 6 - half
    left_top, right_bottom = np.ceil(np.clip(reach, 0, 2 * half)).astype(int)
    if widest:
        left_top = right_bottom = (2 * half).astype(int)
    padded = np.pad(image, (*zip(left_top[::-1], right_bottom[::-1], strict=True), (0, 0)), mode="reflect")
    taps = geometry.SYM6 / geometry.SYM6.sum()
    fine = _resample(_resample(padded, 0, taps), 1, taps)
    x, y = ((np.arange(2 * size + 12) - size - 5) / 2 for size in (width, height))
    source = np.einsum("ij,jhw->ihw", inverse[:2, :2], np.stack(np.meshgrid(x, y))) + inverse[:2, 2, None, None]
    source += (left_top - right_bottom)[:, None, None] / 2
    index = 2 * source[::-1] - 0.5 + (np.array(fine.shape[:2])[:, None, None] - 1) / 2
    planes = np.moveaxis(fine, 2, 0)
    coarse = np.stack([scipy.ndimage.map_coordinates(p, index, order=1, mode="grid-constant") for p in planes], -1)
    for axis in (0, 1):
        # One more fine pixel all around than is needed.
        correlated = scipy.signal.upfirdn(taps[::-1], coarse, axis=axis)
        coarse = np.take(correlated, 12 + 2 * np.arange(image.shape[axis]), axis)
    return coarse


def _resample(image: np.ndarray, axis: int, taps: np.ndarray) -> np.ndarray:
    """Twice as many pixels; the middle of the filter, tap 5 of 0 to 11, falls on the source pixel."""
    full = scipy.signal.upfirdn(2 * taps, image, up=2, axis=axis)
    count = 2 * image.shape[axis]
    return np.take(full, np.arange(5, 5 + count), axis)
