"""Path lengths of generators whose pictures are formulas, against float64 NumPy and against closed forms."""

import numpy as np
import pytest
from small_features import formula

from ganinv_jax.core.errors import InputError
from ganinv_jax.losses.perceptual import PerceptualDistance
from ganinv_jax.metrics.ppl import PathLength, draw_paths, slerp, trimmed_mean

RNG = np.random.default_rng(0)
Z, W, SIDE = 5, 3, 4
INTO_W, INTO_PICTURES = RNG.standard_normal((Z, W)), RNG.standard_normal((W, SIDE * SIDE * 3)) * 0.5
DISTANCE = PerceptualDistance(formula())


def to_ws(z, c=None):
    """In the precision that it is given; two rows of W+."""
    w = np.tanh(z @ INTO_W.astype(z.dtype)) + (0 if c is None else c.astype(z.dtype))
    return np.stack([w, w], axis=1)


def synthesize(ws):
    return np.tanh(ws.mean(axis=1) @ INTO_PICTURES.astype(ws.dtype)).reshape(-1, SIDE, SIDE, 3)


def path_length(**options):
    return PathLength(to_ws, synthesize, DISTANCE, Z, **options)


def compared(a, b):
    """The distance of pictures in float64: unit vectors of the formula's map."""
    colours = np.asarray(DISTANCE.variables["colours"], np.float64)
    units = [x / np.linalg.norm(x, axis=-1, keepdims=True) for x in (a @ colours + 0.5, b @ colours + 0.5)]
    return np.mean(np.sum((units[0] - units[1]) ** 2, axis=-1), axis=(1, 2))


@pytest.mark.parametrize("sampling", ["full", "end"])
@pytest.mark.parametrize("space", ["w", "z"])
def test_lengths_are_those_in_float64(space, sampling):
    """The same paths, nothing rounded: float32 keeps lengths to two percent, and their mean to a thousandth."""
    (start, stop), t = draw_paths(range(200), Z, seed=3)
    t = t if sampling == "full" else 0 * t
    ends = []
    for at in (t, t + 1e-4):
        if space == "z":
            ends.append(to_ws(slerp(start, stop, at)))
        else:
            a, b = to_ws(start), to_ws(stop)
            ends.append(a + (b - a) * at[:, None, None])
    expected = compared(*(synthesize(ws) for ws in ends)) / 1e-8
    found = path_length(space=space, sampling=sampling).lengths(range(200), seed=3)
    np.testing.assert_allclose(found, expected, rtol=2e-2, atol=1e-3 * expected.mean())
    np.testing.assert_allclose(trimmed_mean(found), trimmed_mean(expected), rtol=1e-3)


def test_slerp_is_a_walk_of_even_speed_on_the_sphere():
    a, b = RNG.standard_normal((2, 7, Z)) * 3
    angle = np.arccos(np.sum(a * b, axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1))
    for t in (0.0, 0.3, 1.0):
        point = slerp(a, b, np.full(7, t))
        np.testing.assert_allclose(np.linalg.norm(point, axis=1), 1)
        np.testing.assert_allclose(
            np.arccos(np.sum(point * a, axis=1).clip(-9, np.linalg.norm(a, axis=1)) / np.linalg.norm(a, axis=1)),
            t * angle,
            atol=1e-6,
        )
    np.testing.assert_allclose(slerp(a, b, np.ones(7)), b / np.linalg.norm(b, axis=1, keepdims=True))


def test_trimmed_by_the_official_rule():
    """Of 0..200 in any order, percentiles 1 and 99 are 2 and 198: they stay, and nothing outside of them."""
    assert trimmed_mean(np.array([1e9, *range(1, 200), -1e9])) == 100
    lengths = np.arange(150.0) ** 2  # percentiles fall between two: one more is kept on either side
    assert trimmed_mean(lengths) == lengths[1:149].mean()


def test_ranges_of_paths_make_up_the_whole():
    reports, measure = [], path_length()
    whole = measure.lengths(range(10), at_a_time=4, report=reports.append)
    parts = [measure.lengths(range(0, 4), at_a_time=4), measure.lengths(range(4, 10), at_a_time=4)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    assert reports == [4, 8, 10]
    assert np.all(measure.lengths(range(10), seed=1) != whole)


def test_labels_reach_the_mapping():
    labels = np.zeros((5, W))
    labels[3] = 0.7
    plain, labelled = path_length().lengths(range(5)), path_length().lengths(range(5), labels, at_a_time=2)
    assert np.flatnonzero(~np.isclose(plain, labelled, rtol=2e-2)).tolist() == [3]


def test_large_pictures_are_reduced_and_gray_ones_are_repeated():
    """Pictures of 512 px made of blocks of 2 x 2 that average to those of 256: the same lengths."""
    small = PathLength(to_ws, lambda ws: np.tanh(ws[:, 0, :1, None, None]) * np.ones((256, 256, 1)), DISTANCE, Z)
    noise = np.kron(np.ones((256, 256)), [[1, -1], [-1, 1]])[..., None]
    large = PathLength(to_ws, lambda ws: small.synthesize(ws).repeat(2, 1).repeat(2, 2) + noise, DISTANCE, Z)
    np.testing.assert_allclose(large.lengths(range(2), at_a_time=2), small.lengths(range(2), at_a_time=2), rtol=5e-2)


def test_names_and_options():
    assert path_length(space="z", sampling="full").name == "ppl_z_full_efficientnet_formula"
    for options in ({"space": "w+"}, {"sampling": "middle"}, {"epsilon": 0.0}):
        with pytest.raises(InputError, match=f"{next(iter(options))} must be"):
            path_length(**options)
