"""Completions scored on a tiny model, against the same figures computed picture by picture."""

import numpy as np
import pytest
from model_folders import SIDE, tiny_model
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from small_features import FORMULA, formula_networks

from ganinv_jax.core.images import to_float, to_uint8
from ganinv_jax.core.rng import seed_z
from ganinv_jax.data.holes import hole_batch
from ganinv_jax.evaluation.inpainting import (
    case_row,
    completer,
    evaluate_listening,
    picture_figures,
    plots_of,
    score_cases,
)
from ganinv_jax.evaluation.pieces import Pieces
from ganinv_jax.evaluation.results import Case
from ganinv_jax.metrics.pictures import pairwise_distances
from ganinv_jax.pipelines.model import Model

RNG = np.random.default_rng(0)
PHOTOS = RNG.integers(0, 256, (4, SIDE, SIDE, 3), np.uint8)


@pytest.fixture(scope="module")
def model():
    return Model(*tiny_model(), "tiny")


@pytest.fixture(scope="module")
def networks():
    return formula_networks()


def case_at(index):
    return Case(f"{index}", PHOTOS[index], hole_batch("center", 0, [index], SIDE)[0, ..., 0] > 0)


@pytest.fixture(scope="module")
def scored(model, networks, tmp_path_factory):
    done, calls = [], []
    draw = completer(*model.inpainter, 2)

    def counted(case):
        calls.append(case.name)
        return draw(case)

    folder = tmp_path_factory.mktemp("pieces")
    args = (case_at, 4, counted, networks)
    first = score_cases(*args, Pieces(folder, {}), list(PHOTOS), done.append)
    assert done == [4] and calls == list("0123")
    assert score_cases(*args, Pieces(folder, {}), list(PHOTOS)) == first and len(calls) == 4  # nothing was done again
    return first


def completed(model, index, skip=True):
    case, (inpainter, variables) = case_at(index), model.inpainter
    known = 1 - case.hole[None, ..., None].astype(np.float32)
    ws = model.map(seed_z(range(2), model.config.z_dim))
    done = inpainter.complete(variables, to_float(case.photo)[None] * known, known, ws[None], skip)
    return to_uint8(np.asarray(done.images[0]))


@pytest.mark.slow
def test_pixels(model, scored):
    columns, each = scored
    photo, hole = PHOTOS[1], case_at(1).hole
    for column, pictures in (
        ("drawn", completed(model, 1)),
        ("without skip encoder", completed(model, 1, skip=False)),
        ("composited", np.where(hole[..., None], completed(model, 1), photo)),
    ):
        found = each[1][column]
        wanted = {
            "psnr": np.mean([peak_signal_noise_ratio(photo, x) for x in pictures]),
            "psnr_hole": np.mean([peak_signal_noise_ratio(photo[hole], x[hole], data_range=255) for x in pictures]),
            "l1": np.abs(pictures.astype(float) - photo).mean() / 255,
            "ssim": np.mean([structural_similarity(photo, x, **WANG) for x in pictures]),
            "std_hole": np.abs(pictures[0].astype(float) - pictures[1])[hole].mean() / 2,  # deviation of two values
        }
        for name, value in wanted.items():
            np.testing.assert_allclose(found[name], value, rtol=1e-3, atol=2e-3, err_msg=f"{column} {name}")
    assert "psnr_known" not in columns["composited"] and "psnr_known" in columns["without skip encoder"]
    np.testing.assert_allclose(columns["drawn"]["psnr"], np.mean([entry["drawn"]["psnr"] for entry in each]))
    assert each[1]["name"] == "1" and each[1]["hole_share"] == 0.25


WANG = {"channel_axis": 2, "gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255}


@pytest.mark.slow
def test_features(model, networks, scored):
    columns, each = scored
    pictures, (distance,), case = completed(model, 1), networks.distances, case_at(1)
    for where, mask in (("hole", case.hole), ("known", ~case.hole)):
        apart = pairwise_distances(distance, to_float(pictures), mask[..., None])[0, 1]
        np.testing.assert_allclose(each[1]["drawn"][f"diversity_{where}_{FORMULA}"], apart, rtol=0.01)
    near = distance(distance.variables, to_float(pictures), to_float(case.photo)[None])
    np.testing.assert_allclose(each[1]["drawn"][f"distance_{FORMULA}"], np.mean(near), rtol=0.01)
    for column in ("drawn", "composited"):
        assert columns[column][f"fd_{FORMULA}"] > 0 and f"pids_{FORMULA}_pca64" in columns[column]
    # The photos themselves stand for more real pictures here, and cannot be told from themselves.
    assert columns["drawn"][f"uids_{FORMULA}_pca64_ceiling"] == 0.5


def test_what_a_report_shows(model, scored):
    columns, each = scored
    assert picture_figures(each)[1]["psnr_known"] == each[1]["drawn"]["psnr_known"]
    plots = plots_of(each)
    assert {"psnr_known", f"diversity_hole_{FORMULA}"} == plots.keys()
    row = case_row(case_at(0), completer(*model.inpainter, 2)(case_at(0)))
    assert row.shape == (4, SIDE, SIDE, 3) and np.all(row[1][case_at(0).hole] == 127)


def test_one_completion(model, networks, tmp_path):
    columns, _ = score_cases(case_at, 2, completer(*model.inpainter, 1), networks, Pieces(tmp_path, {}))
    assert not [name for name in columns["drawn"] if name.startswith(("diversity", "std"))]


def test_listening(model):
    """Of three seeds: the true code first, then the next seed's."""
    found = evaluate_listening(*model.inpainter, [5, 8, 13], "center")
    ws, errors, gates = model.map(seed_z([5, 8, 13], model.config.z_dim)), [], []
    for i in range(3):
        hole = hole_batch("center", 0, [i], SIDE)
        image = np.asarray(model.synthesize(ws[i : i + 1]))
        inpainter, variables = model.inpainter
        pair = np.stack([ws[i], ws[(i + 1) % 3]])[None]
        done = inpainter.complete(variables, image * (1 - hole), 1 - hole, pair)
        errors.append([((x - image[0]) ** 2)[hole[0, ..., 0] > 0].mean() for x in np.asarray(done.images[0])])
        gates.append(np.asarray(done.gate[0]).mean(axis=(1, 2)))
    for name, values in (("hole_mse", errors), ("gate", gates)):
        mean = np.mean(values, axis=0)
        np.testing.assert_allclose([found[f"{name}_true"], found[f"{name}_other"]], mean, rtol=0.01)
    assert found["count"] == 3
    assert evaluate_listening(*model.inpainter, [5, 8], "/a/folder") == {}
