"""Regions that are known."""

import numpy as np
import pytest
from PIL import Image

from ganinv_jax.core.errors import InputError
from ganinv_jax.evaluation.regions import best_classes, overlap, overlay, read_segments, region_figures, region_of

WHOLE = np.full((8, 8, 3), 100, np.uint8)
LEFT = np.arange(8)[None] < np.full((8, 1), 2)


def test_what_changes_is_the_region():
    without = np.where(LEFT[..., None], WHOLE + 50, WHOLE + 1).astype(np.uint8)
    np.testing.assert_array_equal(region_of(WHOLE, without), LEFT)
    assert not region_of(WHOLE, WHOLE).any()


def test_regions_share_the_picture():
    top = LEFT.T
    figures = region_figures(np.stack([LEFT, top, ~LEFT]))
    assert figures["share"] == [0.25, 0.25, 0.75] and figures["covered"] == 1
    assert overlap(LEFT, top) == 4 / 28 and figures["overlap"] == pytest.approx((4 / 28 + 0 + 12 / 52) / 3)
    assert region_figures(LEFT[None])["overlap"] is None and overlap(LEFT & ~LEFT, LEFT & ~LEFT) == 0


def test_codes_are_named_after_classes():
    segments = np.where(LEFT, 3, 7)
    assert best_classes(np.stack([LEFT, ~LEFT, LEFT | True]), segments) == [(3, 1.0), (7, 1.0), (7, 0.75)]


def test_segments_are_the_photos_square(tmp_path):
    labels = np.zeros((4, 8), np.uint8)
    labels[:, 4:6] = 5  # the right half of the centred square
    Image.fromarray(labels).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_segments(tmp_path, "a", 8), np.where(np.arange(8) < 4, 0, 5)[None].repeat(8, 0))
    Image.fromarray(WHOLE).save(tmp_path / "b.png")
    (tmp_path / "c.png").write_bytes(b"no picture")
    for stem, message in (("b", "class a pixel"), ("c", "cannot be read"), ("d", "there is no")):
        with pytest.raises(InputError, match=message):
            read_segments(tmp_path, stem, 8)


def test_regions_are_orange_and_the_rest_is_pale():
    shown = overlay(WHOLE, LEFT)
    assert (shown[LEFT] == (177, 95, 50)).all() and (shown[~LEFT] == 177).all()
