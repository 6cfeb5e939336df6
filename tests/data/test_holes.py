import numpy as np
import pytest
from scipy import ndimage

from ganinv_jax.core.errors import InputError
from ganinv_jax.data.holes import HOLE_PRESETS, hole_batch, sample_hole

PRESETS = sorted(HOLE_PRESETS)


def areas(preset, resolution, count=400):
    return np.asarray([hole_batch(preset, 0, [index], resolution).mean() for index in range(count)])


@pytest.mark.parametrize("resolution", [8, 33, 64])
@pytest.mark.parametrize("preset", PRESETS)
def test_hole_misses_something_and_knows_something(preset, resolution):
    holes = hole_batch(preset, 1, range(20), resolution)
    assert holes.shape == (20, resolution, resolution, 1) and holes.dtype == np.float32
    assert set(np.unique(holes)) == {0.0, 1.0}
    assert all(0 < hole.mean() < 1 for hole in holes)
    hole = sample_hole(preset, resolution, np.random.default_rng(0))
    assert hole.shape == (resolution, resolution) and hole.dtype == bool and hole.flags.writeable


@pytest.mark.parametrize("preset", PRESETS)
def test_hole_depends_on_its_own_index_alone(preset):
    holes = hole_batch(preset, 7, range(6), 32)
    np.testing.assert_array_equal(hole_batch(preset, 7, [4, 2], 32), holes[[4, 2]])


@pytest.mark.parametrize(
    "preset", sorted(set(PRESETS) - {"center", "half"} - {name for name in PRESETS if "half-" in name})
)
def test_seeds_and_indices_give_different_holes(preset):
    holes = hole_batch(preset, 7, range(6), 32)
    assert len({hole.tobytes() for hole in holes}) >= 5
    assert (hole_batch(preset, 8, range(6), 32) != holes).any()


# Mean and standard deviation of the hole's share as the published generators give it, over 1200 to 10000 holes each.
@pytest.mark.parametrize(
    ("preset", "resolution", "mean", "deviation"),
    [
        ("comodgan", 512, 0.640, 0.188),
        ("large", 256, 0.407, 0.187),
        ("large", 512, 0.403, 0.176),
        ("small", 256, 0.220, 0.150),
        ("small", 512, 0.219, 0.139),
    ],
)
def test_free_form_areas_are_the_published_ones(preset, resolution, mean, deviation):
    shares = areas(preset, resolution)
    assert shares.mean() == pytest.approx(mean, abs=4 * deviation / 20)
    assert shares.std() == pytest.approx(deviation, rel=0.15)


@pytest.mark.parametrize(("preset", "native"), [("comodgan", 512), ("large", 256), ("small", 256), ("lama-thick", 256)])
def test_area_hardly_depends_on_the_resolution(preset, native):
    """The brush scales with the picture: at 64 pixels with the original's width, .38 would become .65."""
    assert areas(preset, 64).mean() == pytest.approx(areas(preset, native, 200).mean(), abs=0.06)


@pytest.mark.parametrize("bin", range(5))
def test_comodgans_bins_hold_their_share(bin):
    shares = areas(f"comodgan-h{bin}", 64, 40)
    assert (shares > bin / 5).all() and (shares < (bin + 1) / 5).all()


def thickness(hole):
    return ndimage.distance_transform_edt(np.pad(hole, 1)).max()


def test_lama_masks_are_thin_to_thick_and_at_most_half():
    holes = {name: hole_batch(f"lama-{name}", 0, range(60), 256)[..., 0] > 0 for name in ("thin", "medium", "thick")}
    assert all(hole.mean() <= 0.5 for group in holes.values() for hole in group)
    widths = {name: np.mean([thickness(hole) for hole in group]) for name, group in holes.items()}
    assert widths["thin"] < 13 < widths["medium"] < 35 < widths["thick"]
    pieces = [ndimage.label(hole)[1] for hole in holes["thick"]]
    assert max(pieces) <= 6  # Six strokes or three boxes, each in one piece.


def test_lama_boxes_keep_their_margin_and_share():
    """Boxes come in .3 / 1.3 of the thick holes: those that fill their pieces' bounding boxes, or overlap."""
    holes = hole_batch("lama-thick", 0, range(400), 256)[..., 0] > 0
    corners = [np.all(hole[ndimage.find_objects(ndimage.label(hole)[0])[0]]) for hole in holes]
    assert 0.08 < np.mean(corners) < 0.3
    for hole, box in zip(holes, corners, strict=True):
        if box and ndimage.label(hole)[1] == 1:
            assert not hole[:10].any() and not hole[-10:].any() and not hole[:, :10].any() and not hole[:, -10:].any()


def test_halves_and_centre():
    rng = np.random.default_rng(0)
    left = sample_hole("half-left", 8, rng)
    assert left[:, :4].all() and not left[:, 4:].any()
    np.testing.assert_array_equal(sample_hole("half-right", 8, rng), ~left)
    np.testing.assert_array_equal(sample_hole("half-top", 8, rng), left.T)
    np.testing.assert_array_equal(sample_hole("half-bottom", 8, rng), ~left.T)
    sides = {sample_hole("half", 8, rng).tobytes() for _ in range(40)}
    assert sides == {sample_hole(f"half-{side}", 8, rng).tobytes() for side in ("left", "right", "top", "bottom")}
    centre = sample_hole("center", 16, rng)
    assert centre[4:12, 4:12].all() and centre.sum() == 64


def is_rectangle(region):
    rows, columns = region.any(1), region.any(0)
    return np.array_equal(region, rows[:, None] & columns) and ndimage.label(region)[1] == 1


def test_box_is_one_rectangle_and_border_leaves_one():
    for hole in hole_batch("box", 0, range(50), 64)[..., 0] > 0:
        assert is_rectangle(hole) and 16 <= hole.any(0).sum() <= 48 and 16 <= hole.any(1).sum() <= 48
    cuts = []
    for hole in hole_batch("border", 0, range(200), 64)[..., 0] > 0:
        assert is_rectangle(~hole)
        cuts.append([hole[:, 0].all(), hole[0].all(), hole[:, -1].all(), hole[-1].all()])
    cuts = np.asarray(cuts)
    assert (cuts.sum(1) >= 1).all() and {1, 2, 3, 4} == set(cuts.sum(1).tolist())
    assert (cuts.mean(0) > 0.4).all() and (cuts.mean(0) < 0.7).all()


def test_bad_presets_are_sentences():
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match="choose large"):
        sample_hole("lrage", 64, rng)
    with pytest.raises(InputError, match="choose .* or .*border"):
        sample_hole("zzzzz", 64, rng)
    with pytest.raises(InputError, match="at least 8"):
        sample_hole("large", 4, rng)
