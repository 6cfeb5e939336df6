"""Folders of holes and of results: what is written is read back, and what does not fit is said."""

import numpy as np
import pytest
from PIL import Image

from ganinv_jax.core.errors import InputError
from ganinv_jax.core.images import write_png
from ganinv_jax.data.holes import hole_batch
from ganinv_jax.data.sources import open_source
from ganinv_jax.evaluation.results import (
    Squares,
    case_at,
    check_holes,
    check_names,
    read_results,
    results_like,
    stem_of,
    write_hole,
    write_results,
)

SIDE = 16
PICTURES = np.random.default_rng(0).integers(0, 256, (3, SIDE, SIDE, 3), np.uint8)


@pytest.fixture
def source(tmp_path):
    for name, picture in zip(("a.png", "in/b.png"), PICTURES, strict=False):
        write_png(tmp_path / "photos" / name, picture)
    return open_source(tmp_path / "photos")


def test_holes_of_a_preset_come_back_from_their_folder(source, tmp_path):
    cases = [case_at(source, i, SIDE, "large") for i in range(2)]
    assert [case.name for case in cases] == ["a", "in_b"]
    np.testing.assert_array_equal(cases[1].photo, PICTURES[1])
    np.testing.assert_array_equal(cases[1].hole, hole_batch("large", 0, [1], SIDE)[0, ..., 0] > 0)
    for case in cases:
        write_hole(tmp_path / "holes", case)
    folder = check_holes(str(tmp_path / "holes"))
    np.testing.assert_array_equal(case_at(source, 1, SIDE, folder).hole, cases[1].hole)


def test_bad_holes(source, tmp_path):
    with pytest.raises(InputError, match="--holes must be a folder of holes or one of"):
        check_holes("round")
    (tmp_path / "holes").mkdir()
    with pytest.raises(InputError, match=r"there is no .*a\.png"):
        case_at(source, 0, SIDE, str(tmp_path / "holes"))
    write_png(tmp_path / "holes" / "a.png", np.ones((8, 8), bool))
    with pytest.raises(InputError, match=r"hole .*a\.png must have its photo's size"):
        case_at(source, 0, SIDE, str(tmp_path / "holes"))


def test_results(tmp_path):
    write_results(tmp_path, "in_b", PICTURES)
    np.testing.assert_array_equal(read_results(tmp_path, "in_b", SIDE, 3), PICTURES)
    assert results_like(tmp_path, "in_b") == (3, SIDE)
    Image.fromarray(PICTURES[0]).save(tmp_path / "one.webp", lossless=True)
    np.testing.assert_array_equal(read_results(tmp_path, "one", SIDE, 1), PICTURES[:1])


def test_completions_of_an_earlier_time_are_not_left_among_new_ones(tmp_path):
    write_results(tmp_path, "a", PICTURES)
    write_results(tmp_path, "a", PICTURES[:1])
    assert results_like(tmp_path, "a") == (1, SIDE)


def test_bad_results(tmp_path):
    with pytest.raises(InputError, match=r"has no x\.png"):
        read_results(tmp_path, "x", SIDE, 1)
    write_png(tmp_path / "x.png", PICTURES[0][:, :8])
    with pytest.raises(InputError, match="must be squares"):
        results_like(tmp_path, "x")
    with pytest.raises(InputError, match="of one size, 16x16"):
        read_results(tmp_path, "x", SIDE, 1)
    with pytest.raises(InputError, match="equally many results, 2, but .* has 1 for x"):
        read_results(tmp_path, "x", SIDE, 2)
    write_results(tmp_path, "x", PICTURES)
    with pytest.raises(InputError, match=r"has x\.png and x_00\.png"):
        read_results(tmp_path, "x", SIDE, 3)


def test_names_of_their_own():
    check_names(["a", "b"])
    with pytest.raises(InputError, match="two go by a"):
        check_names(["a", "b", "a"])


def test_squares_are_read_when_asked_for(source):
    squares = Squares(source, 1, SIDE)
    (square,) = squares
    assert len(squares) == 1
    np.testing.assert_array_equal(square, PICTURES[0])


def test_stems():
    assert stem_of("cats/of/one.two.jpg") == "cats_of_one.two" and stem_of("a.png") == "a"
