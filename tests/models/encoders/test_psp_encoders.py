"""The encoders of pSp, e4e and ReStyle against NumPy, from the same tensors under the authors' names."""

import dataclasses

import jax
import jax.numpy as jnp
import naive_encoders
import numpy as np
import psp_files
import pytest
from model_folders import tiny_model

from conversion.psp import encoder_table
from conversion.rules import bring
from ganinv_jax.core.errors import InputError
from ganinv_jax.core.images import resize
from ganinv_jax.models.encoders import IRBody, PspConfig, PspEncoder, encode, fit
from ganinv_jax.models.layers import average_pool, stretch_to
from ganinv_jax.models.registry import restore

SIDE = 32
SMALL = PspConfig(
    num_ws=8, w_dim=6, widths=psp_files.WIDTHS, input_size=(SIDE, SIDE), heads="coarse", from_average=False
)


def images(channels=3, size=(SIDE, SIDE), count=2):
    return np.random.default_rng(1).uniform(-1, 1, (count, *size, channels)).astype(np.float32)


def tensors_for(config):
    last = max(config.input_size) // 16
    return psp_files.encoder(config.body, config.heads, config.num_ws, config.w_dim, config.seen_channels, last)


@pytest.mark.parametrize(
    "options",
    [
        {"heads": "pyramid", "deltas": True},
        {"heads": "w", "input_channels": 1},
        {"body": "resnet34", "heads": "w_plus"},
        {"body": "resnet34", "deltas": True, "passes": 2},
        {"body": "resnet34", "heads": "pyramid", "input_size": (48, 64)},
    ],
    ids=str,
)
def test_codes(options):
    config = dataclasses.replace(SMALL, **options)
    tensors, seen = tensors_for(config), images(config.seen_channels, config.input_size)
    codes = jax.jit(PspEncoder(config).apply)(bring(encoder_table(config), tensors, "encoder"), seen)
    channels_first = seen.transpose(0, 3, 1, 2)
    wanted = naive_encoders.encode(tensors, config.body, config.heads, config.num_ws, channels_first, config.deltas)
    assert codes.shape == (2, config.num_ws, config.w_dim) and np.std(wanted) > 0.1
    np.testing.assert_allclose(codes, wanted, rtol=1e-4, atol=1e-5 * np.abs(wanted).max())


def test_the_body_gives_the_maps_of_its_four_stages():
    shapes = jax.eval_shape(lambda x: IRBody().init_with_output(jax.random.key(0), x)[0], images(size=(112, 112)))
    assert [shape.shape for shape in shapes] == [(2, 56, 56, 64), (2, 28, 28, 128), (2, 14, 14, 256), (2, 7, 7, 512)]


def test_restyle_reads_the_picture_beside_what_its_codes_give():
    config = dataclasses.replace(SMALL, num_ws=6, w_dim=5, body="resnet34", passes=2, from_average=True)
    average = np.random.default_rng(2).standard_normal((6, 5)).astype(np.float32)
    tensors = tensors_for(config)
    encoder = PspEncoder(config)
    variables = {"encoder": bring(encoder_table(config), {**tensors, "latent_avg": average}, "encoder")}
    generator = restore("generator", *tiny_model(inpainter=False))
    variables["generator"] = generator.variables
    given = images()
    ws = np.repeat(average[None], 2, axis=0)
    draw = jax.jit(lambda ws: generator.module.apply(generator.variables, ws, method="synthesize"))
    for _ in range(2):
        drawn = np.asarray(draw(ws)).repeat(2, axis=1).repeat(2, axis=2)  # 16 pixels to 32, as pooling does
        seen = np.concatenate([given, drawn], axis=-1).transpose(0, 3, 1, 2)
        ws = ws + naive_encoders.encode(tensors, "resnet34", "coarse", 6, seen).astype(np.float32)
    codes = jax.jit(lambda v, x: encode(encoder, generator.module, v, x))(variables, given)
    np.testing.assert_allclose(codes, ws, rtol=1e-3, atol=1e-4 * np.abs(ws).max())


def test_pictures_are_cropped_to_the_encoders_proportions_and_resized():
    wide = images(size=(40, 90))
    np.testing.assert_allclose(fit(wide, (32, 32)), resize(wide[:, :, 25:65], (32, 32)))
    square = images(size=(64, 64))
    np.testing.assert_allclose(fit(square, (48, 64)), square[:, 8:56])  # a car, between its black bars
    assert np.array_equal(fit(square, (64, 64)), square)


def test_resampling():
    x = images(size=(16, 16)).astype(np.float64)
    first = x.transpose(0, 3, 1, 2)
    for size in ((7, 7), (4, 8), (32, 16)):
        wanted = naive_encoders.adaptive_mean(first, *size).transpose(0, 2, 3, 1)
        np.testing.assert_allclose(average_pool(x.astype(np.float32), size), wanted, atol=1e-6)
    wanted = naive_encoders.bilinear(first, 32, 24).transpose(0, 2, 3, 1)
    np.testing.assert_allclose(stretch_to(x.astype(np.float32), jnp.zeros((2, 32, 24, 1))), wanted, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_ws": 0}, "num_ws must be positive"),
        ({"widths": (16, 0, 16, 16)}, "widths must be positive"),
        ({"input_size": (100, 100)}, "input_size must have a power of two"),
        ({"input_size": (64, 256)}, "input_size must have"),
        ({"heads": "w", "deltas": True}, "deltas need a head a row"),
        ({"passes": 0}, "passes must be positive"),
    ],
)
def test_options_that_make_no_sense(options, message):
    with pytest.raises(InputError, match=message):
        dataclasses.replace(SMALL, **options)
