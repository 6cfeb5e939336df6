"""Methods of inversion that are known to be good or bad, so that figures must say so."""

import dataclasses

import numpy as np
import pytest
from small_features import FORMULA, formula_networks

from ganinv_jax.evaluation.inversion import Inverted, Known, edits_of, score_method, tradeoff
from ganinv_jax.evaluation.pieces import Pieces

RNG = np.random.default_rng(0)
SIDE, ROWS, WIDTH = 32, 2, 3
BASIS = RNG.normal(size=(WIDTH, SIDE, SIDE, 3))
OFFSETS = [np.tile(np.eye(WIDTH)[0], (ROWS, 1)), -np.tile(np.eye(WIDTH)[1], (ROWS, 1))]


def render(ws):
    """A generator: codes are weights of three patterns."""
    return (128 + 30 * np.tensordot(ws.mean(axis=1), BASIS, 1)).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def networks():
    return formula_networks()


@pytest.fixture(scope="module")
def known():
    ws = np.repeat(RNG.normal(size=(5, 1, WIDTH)), ROWS, axis=1)
    return Known(render(ws), ws)


@pytest.fixture(scope="module")
def edits(networks, known):
    return edits_of(lambda offset: render(known.ws + offset), OFFSETS, networks)


def score(how, networks, known, edits, folder, done=None):
    """how: (true codes, pictures) -> (codes, their pictures, pictures by offset)."""
    true = {picture.tobytes(): w for picture, w in zip(known.images, known.ws, strict=True)}

    def invert(pictures):
        ws, images, redraw = how(np.stack([true[picture.tobytes()] for picture in pictures]), pictures)
        return Inverted(images, ws, redraw, seconds=2.0 * len(pictures))

    real = [(f"{i}", picture) for i, picture in enumerate(known.images)]
    pieces = Pieces(folder, {})
    report = (done if done is not None else []).append
    return score_method(invert, real, known, np.zeros(WIDTH), edits, networks, pieces, 2, report)


def test_a_perfect_method(networks, known, edits, tmp_path):
    done = []
    found = score(lambda ws, _: (ws, render(ws), lambda d: render(ws + d)), networks, known, edits, tmp_path, done)
    figures = found.figures
    assert done == [2, 4, 5, 7, 9, 10]
    assert figures["psnr"] == figures["generated_psnr"] == 100 and figures["ssim"] == pytest.approx(1)
    assert figures["l1"] == figures["w_error"] == 0 and figures[f"distance_{FORMULA}"] == pytest.approx(0, abs=1e-5)
    assert figures[f"kd_{FORMULA}"] < 0.01 and figures["seconds"] == 2
    assert figures[f"editability_{FORMULA}"] == pytest.approx(1, abs=1e-3)  # those very pictures showed what edits do
    np.testing.assert_array_equal(found.images, known.images)
    assert [entry["name"] for entry in found.each] == list("01234") and found.each[0]["psnr"] == 100


def test_a_copier(networks, known, edits, tmp_path):
    """It gives the pictures back, but its codes mean nothing."""
    nowhere = np.zeros((1, ROWS, WIDTH))
    figures = score(lambda ws, x: (0 * ws, x, lambda d: x), networks, known, edits, tmp_path).figures
    assert figures["psnr"] == 100 and figures["w_error"] == pytest.approx(1)
    assert figures[f"editability_{FORMULA}"] == pytest.approx(0, abs=1e-4)
    assert render(nowhere).std() == 0


def test_an_average(networks, known, edits, tmp_path):
    """It finds the mean code for every picture: editable, but not the picture."""
    perfect = score(lambda ws, _: (ws, render(ws), lambda d: render(ws + d)), networks, known, edits, tmp_path / "a")
    mean = score(
        lambda ws, _: (0 * ws, render(0 * ws), lambda d: render(0 * ws + d)), networks, known, edits, tmp_path / "b"
    )
    assert mean.figures["psnr"] < 20 and mean.figures[f"distance_{FORMULA}"] > 0.01
    plot = tradeoff({"perfect": perfect.figures, "mean": mean.figures}, networks)["tradeoff"]
    (x, _), (far, _) = plot.series["perfect"], plot.series["mean"]
    assert x[0] < far[0] and plot.colours[1][0] == pytest.approx(1, abs=1e-3)


def test_latents_are_found_up_to_their_length(networks, known, edits, tmp_path):
    """Four of five are found but for their length; one has a coordinate that is off."""
    true = RNG.normal(size=(5, WIDTH))
    found = 3 * true
    found[4, 0] += 0.5
    rows = {picture.tobytes(): row for row, picture in enumerate(known.images)}

    def invert(pictures):
        mine = [rows[picture.tobytes()] for picture in pictures]
        parts = {"psnr_hole": np.arange(5.0)[mine]}
        return Inverted(
            pictures, known.ws[mine], lambda d: pictures, 1.0, pictures, parts, z=found[mine], memory=7_000_000
        )

    real = [(f"{i}", picture) for i, picture in enumerate(known.images)]
    shared = (np.zeros(WIDTH), edits, networks, Pieces(tmp_path, {}), 2)
    method = score_method(invert, real, known._replace(z=true), *shared)
    assert method.figures["z_recovered"] == pytest.approx(0.8) and 0 < method.figures["z_error"] < 0.3
    assert method.figures["psnr_hole"] == 2 and method.each[3]["psnr_hole"] == 3 and method.figures["memory_mb"] == 7
    np.testing.assert_array_equal(method.seen, known.images)


def test_without_a_network_that_compares_two_pictures(networks):
    """Inception compares sets only; the trade-off then shows plain differences."""
    sets_only = dataclasses.replace(networks, distances=())
    figures = {"l1": 0.1, f"kd_{FORMULA}": 2.0, f"editability_{FORMULA}": 0.5}
    plot = tradeoff({"a": figures}, sets_only)["tradeoff"]
    assert plot.series == {"a": ([0.1], [2.0])} and plot.x == "distortion (l1)"


def test_seconds_leave_compilation_out_where_they_can(networks, known, edits, tmp_path):
    """Two batches of 2 and a last one of 1, which is compiled for: only the second is timed."""
    true = {picture.tobytes(): w for picture, w in zip(known.images, known.ws, strict=True)}
    times = iter([50.0, 4.0, 30.0, 0, 0, 0, 50.0])

    def invert(pictures):
        ws = np.stack([true[picture.tobytes()] for picture in pictures])
        return Inverted(pictures, ws, lambda d: render(ws + d), next(times))

    real = [(f"{i}", picture) for i, picture in enumerate(known.images)]
    nothing = Known(known.images[:0], known.ws[:0])
    shared = (np.zeros(WIDTH), edits, networks)
    assert score_method(invert, real, known, *shared, Pieces(tmp_path / "a", {}), 2).figures["seconds"] == 2
    few = score_method(invert, real[:2], nothing, *shared, Pieces(tmp_path / "b", {}), 2).figures
    assert few["seconds_with_compilation"] == 25 and "seconds" not in few
