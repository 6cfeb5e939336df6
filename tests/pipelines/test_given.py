"""Inversions from codes that there are already."""

import numpy as np
import pytest
from model_folders import SIDE, tiny_model

from ganinv_jax.core.errors import InputError
from ganinv_jax.inversion.schedule import Look
from ganinv_jax.pipelines import Model

NEAR = Look(stages=("stride4",))
STARTED = {
    "projector": {"space": "w+"},
    "image2stylegan": {},
    "image2stylegan++": {},
    "idinvert": {"domain": 0.0},
    "igan": {"bound": 100.0},
    "pti": {},
}
QUICK = ("image2stylegan", "idinvert")


@pytest.fixture(scope="module")
def model():
    return Model(*tiny_model(False), name="plain")


@pytest.fixture(scope="module")
def photos():
    return list(np.random.default_rng(0).integers(0, 256, (2, SIDE, SIDE, 3), np.uint8))


@pytest.fixture(scope="module")
def codes():
    """Of one row each, so that methods of one w keep them as they are."""
    return np.repeat(np.random.default_rng(1).normal(size=(2, 1, 5)), 6, axis=1).astype(np.float32)


@pytest.mark.parametrize(
    "method", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in STARTED]
)
def test_it_begins_from_the_codes(model, photos, codes, method):
    """The first squared error is that of their pictures; where noise is drawn anew, the first step has rate 0."""
    steps = {"pti": 2, "image2stylegan++": 2}.get(method, 1)
    found = model.invert(photos, method=method, steps=steps, start=codes, look=NEAR, **STARTED[method])
    if method in ("projector", "pti"):
        np.testing.assert_allclose(found.ws, codes, atol=1e-6)
    else:
        drawn = np.asarray(model.synthesize(codes))
        errors = np.mean((np.stack(photos) / 127.5 - 1 - drawn) ** 2, axis=(1, 2, 3))
        np.testing.assert_allclose(found.losses["mse"][0], errors, rtol=1e-3)


def test_from_files_and_results(tmp_path, model, photos, codes):
    made = model.invert(photos, method="image2stylegan", steps=1, start=codes, look=NEAR)
    made.save(tmp_path)
    made.state.row(0).save(tmp_path / "stray")  # another inversion's

    def first(start, some=photos):
        return model.invert(some, method="image2stylegan", steps=1, start=start, look=NEAR).losses["total"][0]

    wanted = first(made.ws)
    for start in (tmp_path, str(tmp_path), made, made.state):
        np.testing.assert_array_equal(first(start), wanted)
    np.testing.assert_allclose(first(tmp_path / "photo01" / "state.npz", photos[1:]), wanted[1:], rtol=1e-5)
    one = first(made.ws[:1])
    np.testing.assert_allclose(one[0], wanted[0], rtol=1e-5)


def test_bad_starts(tmp_path, model, photos, codes):
    other = Model(*tiny_model(False, z_dim=7), name="other")
    other.invert(photos[0], method="csgm", steps=1).save(tmp_path)
    (tmp_path / "empty").mkdir()
    for start, message in (
        (codes[:, :5], r"start must be codes, floats \[b, 6, 5\] for this model, but got float32 \[2, 5, 5\]"),
        (np.concatenate([codes, codes]), "start must hold one code or one a photo, but it holds 4 and there are 2"),
        (codes * np.nan, "start must be finite codes"),
        ("given", "start must be mean, encoder, uniform, a folder or a state.npz, but there is no 'given'"),
        (tmp_path, "The state was made by other"),
        (tmp_path / "empty", "must hold state.npz"),
    ):
        with pytest.raises(InputError, match=message):
            model.invert(photos, method="image2stylegan", steps=1, start=start)
