"""Codes of whole pictures: sizes, what does not fit, and what such a model cannot do."""

import functools

import jax
import numpy as np
import pytest
from model_folders import SIDE, add_psp_encoder, tiny_model

from ganinv_jax.core.errors import InputError
from ganinv_jax.core.images import resize
from ganinv_jax.models.encoders import encode
from ganinv_jax.pipelines import Model


def images(height, width, channels=3):
    return np.random.default_rng(0).uniform(-1, 1, (2, height, width, channels)).astype(np.float32)


@pytest.fixture(scope="module")
def model():
    return Model(*add_psp_encoder(*tiny_model(inpainter=False), passes=2), name="tiny")


def test_codes_of_pictures_of_any_size(model):
    parts = {part: model.network(part) for part in ("encoder", "generator")}
    run = jax.jit(functools.partial(encode, parts["encoder"].module, parts["generator"].module))
    variables = {part: network.variables for part, network in parts.items()}
    for given in (images(32, 32), images(40, 70)):
        left = (given.shape[2] - given.shape[1]) // 2
        square = resize(given[:, :, left : left + given.shape[1]], (32, 32))
        np.testing.assert_allclose(model.encode(given), run(variables, square), rtol=1e-4, atol=1e-4)
    assert model.synthesize(model.encode(images(8, 8))).shape == (2, SIDE, SIDE, 3)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (images(32, 32, 1), r"images must be floats \[b, h, w, 3\] in \[-1, 1\], but got float32 \[2, 32, 32, 1\]"),
        (images(32, 32)[0], "images must be floats"),
        (images(32, 0), "images must be floats"),
        (np.zeros((1, 32, 32, 3), np.uint8), "images must be floats .* but got uint8"),
    ],
)
def test_wrong_images_are_named(model, given, message):
    with pytest.raises(InputError, match=message):
        model.encode(given)


def test_an_encoder_of_whole_pictures_does_not_inpaint(model):
    photo, hole = np.zeros((SIDE, SIDE, 3), np.uint8), np.eye(SIDE, dtype=bool)
    with pytest.raises(InputError, match="tiny cannot inpaint, as its encoder reads whole pictures; train"):
        model.inpaint(photo, hole)


@pytest.mark.parametrize(
    ("changes", "generator", "message"),
    [
        ({"input_channels": 1, "passes": 2}, {}, "reads pictures of 1 channels beside the generator's, which have 3"),
        ({}, {"w_dim": 7}, "must give 6 styles of width 7, but gives 6 of 5"),
    ],
)
def test_parts_that_do_not_fit_each_other(changes, generator, message):
    config, arrays = add_psp_encoder(*tiny_model(inpainter=False), **changes)
    other, weights = tiny_model(inpainter=False, **generator)
    with pytest.raises(InputError, match=message):
        Model(config | other, arrays | weights, "odd").encode(images(32, 32, changes.get("input_channels", 3)))


def test_an_encoder_that_gives_offsets_needs_an_average():
    config, arrays = tiny_model()
    config["encoder"] = {"kind": "whole", **config["encoder"]}
    for part in ("mixer", "skip"):
        del config[part], arrays[part]
    model = Model(config, arrays, "tiny")
    given = images(SIDE, SIDE)
    network = model.network("encoder")
    offsets = jax.jit(network.module.apply)(network.variables, given, np.ones((2, SIDE, SIDE, 1), np.float32))
    average = arrays["generator"]["buffers"]["mapping"]["w_avg"]
    np.testing.assert_allclose(model.encode(given), average + offsets, rtol=1e-4, atol=1e-4)
    other, weights = tiny_model(inpainter=False, mapping={"num_layers": 2, "w_avg_beta": None})
    with pytest.raises(InputError, match="offsets from an average w, which its generator does not keep"):
        Model(config | other, arrays | weights, "odd").encode(given)
