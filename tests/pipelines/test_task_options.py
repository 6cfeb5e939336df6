"""Pictures and parts of pictures as options of tasks, and which tasks each method can do."""

import inspect

import numpy as np
import pytest
from model_folders import SIDE, tiny_model
from PIL import Image

from ganinv_jax.core.errors import InputError
from ganinv_jax.inversion import METHODS, TASKS
from ganinv_jax.inversion.schedule import Look
from ganinv_jax.pipelines import Model
from ganinv_jax.pipelines.task_options import READERS

RNG = np.random.default_rng(0)
PHOTO, OTHER = RNG.integers(0, 256, (2, SIDE, SIDE, 3), np.uint8)
OPTIONS = {"diffusion": {"target": OTHER}, "crossover": {"other": OTHER}, "scribble": {"original": OTHER}}
# By what is not a picture nothing can be looked at; a context is kept by the encoder's code alone.
REFUSED = [("random-projection", m) for m in ("encoder", "projector", "image2stylegan", "mganprior", "idinvert", "pti")]
OPTIMISING = ("projector", "image2stylegan", "image2stylegan++", "mganprior", "pti", "csgm", "lipton", "creswell")
REFUSED += [("diffusion", m) for m in OPTIMISING]


@pytest.fixture(scope="module")
def model():
    return Model(*tiny_model(), "whole")


@pytest.mark.parametrize("name", ["hole", "region"])
def test_boxes_are_in_pixels_of_the_photo(name):
    """Of a photo of 40 x 20 the middle 20 columns are the square; the box lies across its left edge."""
    part = READERS[name]((5, 5, 15, 10), (20, 40), 10)
    expected = np.zeros((10, 10), bool)
    expected[2:8, 0:5] = True
    np.testing.assert_array_equal(part, expected)


def test_masks_have_the_photos_size_or_the_models(tmp_path):
    mask = np.zeros((20, 40), np.uint8)
    mask[:, 20:] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    np.testing.assert_array_equal(READERS["region"](tmp_path / "mask.png", (20, 40), 10)[0], np.arange(10) >= 5)
    small = np.eye(10, dtype=bool)
    np.testing.assert_array_equal(READERS["region"](small, (20, 40), 10), small)


@pytest.mark.parametrize("name", ["target", "other", "original"])
def test_pictures_are_brought_to_the_models_square(name):
    wide = np.zeros((20, 40, 3), np.uint8)
    wide[:, 10:30] = 200
    assert np.all(READERS[name](wide, (1, 1), 10) == 200)


@pytest.mark.parametrize(
    ("task", "options", "message"),
    [
        ("diffusion", {"target": OTHER, "region": (90, 0, 4, 4)}, "must overlap the photo of 16x16 pixels"),
        ("diffusion", {"target": OTHER, "region": (0, 0, SIDE, SIDE)}, "must be a part of the picture"),
        ("diffusion", {"target": OTHER, "region": np.ones((3, 4), bool)}, "region must have the photo's size, 16x16"),
        ("diffusion", {"target": OTHER, "region": (1, 2, 3)}, r"region must be a mask or a box of four whole numbers"),
        ("inpainting", {"hole": (1.5, 2, 3, 4)}, "hole must be a mask or a box of four whole numbers"),
        ("crossover", {"other": "nowhere.png"}, "nowhere.png"),
        ("crossover", {"other": OTHER, "blur": -1}, "blur must lie between"),
        ("crossover", {"other": OTHER, "original": OTHER}, "no option 'original'"),
    ],
)
def test_bad_options(model, task, options, message):
    with pytest.raises(InputError, match=message):
        model.invert(PHOTO, method="encoder", task=task, **options)


def test_a_region_that_is_next_to_blurred_away_has_its_figure(model):
    """Of no pixel at all there would be none, and no report can hold what is no number."""
    options = {"other": OTHER, "region": (3, 3, 1, 1), "blur": 4.0}
    (entry,) = model.invert(PHOTO, method="encoder", task="crossover", **options).report["pictures"]
    assert np.isfinite(entry["psnr_photo"]) and np.isfinite(entry["psnr_other"])


def test_a_partial_photo_lacks_a_pixel():
    hole = TASKS["partial"](4, 0, share=0.99).parts()["hole"]
    assert np.sum(hole) == 1


@pytest.mark.parametrize("task", OPTIONS)
def test_a_second_picture_is_asked_for(model, task):
    (name,) = OPTIONS[task]
    with pytest.raises(InputError, match=f"{task} needs the option {name}"):
        model.invert(PHOTO, method="encoder", task=task)


@pytest.mark.parametrize(("task", "method"), REFUSED)
def test_what_does_not_fit_says_why(model, task, method):
    with pytest.raises(InputError, match=f"cannot do {task}, since .* choose"):
        model.invert(PHOTO, method=method, task=task, **OPTIONS.get(task, {}))


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("method", METHODS)
def test_every_method_does_every_task_or_says_why(model, method, task):
    options = dict(OPTIONS.get(task, {}))
    if "look" in inspect.signature(METHODS[method]).parameters:
        options["look"] = Look(stages=("stride4",))  # so that little has to be compiled
    stages = METHODS[method]().stages
    try:
        found = model.invert(PHOTO, method=method, task=task, steps=len(stages) or None, **options)
    except InputError as error:
        assert f"{method} cannot do {task}, since" in str(error)
    else:
        assert np.isfinite(found.ws).all() and (task, method) not in REFUSED
