"""The inpainter's networks: NumPy versions of what they compute, and theorems about what they must not do."""

import dataclasses
import functools
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganinv_jax.core.configs import from_dict, to_dict
from ganinv_jax.core.errors import InputError
from ganinv_jax.models.inpainting import (
    EncoderConfig,
    InpainterConfig,
    Mixer,
    MixerConfig,
    SkipConfig,
    SkipEncoder,
    StyleEncoder,
    default_skip_resolutions,
    erase,
    light,
    make_inpainter,
    psp,
)
from ganinv_jax.models.inpainting.layers import fold
from ganinv_jax.models.stylegan2 import Generator, GeneratorConfig
from ganinv_jax.models.stylegan2.presets import cat64, ffhq1024

sys.path.insert(0, str(Path(__file__).parents[1]))

from model_folders import tiny_generator, tiny_model

jit = functools.partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})
GENERATOR = tiny_generator(resolution=32, synthesis={"channels": [8, 8, 6, 4]})


@pytest.fixture(scope="module")
def model():
    """Modules and variables in which nothing is zero."""
    return _model()


@pytest.fixture(scope="module")
def seeing():
    """The same with a skip encoder that is shown what is drawn without it."""
    return _model(sees_render=True)


def _model(**options):
    config, arrays = tiny_model(resolution=32, synthesis={"channels": [8, 8, 6, 4]}, **options)
    return make_inpainter(_networks(config), Generator(GENERATOR)), arrays


def _networks(config) -> InpainterConfig:
    return from_dict(InpainterConfig, {part: config[part] for part in ("encoder", "mixer", "skip")})


def _numbers(*shape, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)


def _inputs(count=2, samples=3):
    hole = (_numbers(count, 32, 32, 1, seed=1) > 0.3).astype(np.float32)
    ws_rand = _numbers(count, samples, GENERATOR.num_ws, GENERATOR.w_dim, seed=2)
    return (*erase(_numbers(count, 32, 32, 3), hole), ws_rand)


def _complete(inpainter, variables, *inputs, **options):
    return jit(lambda v, x: inpainter.complete(v, *x, **options))(variables, inputs)


def _fresh(inpainter, part):
    return inpainter.init(jax.random.key(3))[part]


def test_completions_have_the_codes_axes(model):
    inpainter, variables = model
    erased, known, ws_rand = _inputs()
    done = _complete(inpainter, variables, erased, known, ws_rand)
    assert done.images.shape == (2, 3, 32, 32, 3)
    assert done.ws.shape == done.gate.shape == ws_rand.shape
    single = _complete(inpainter, variables, erased, known, ws_rand[:, 1])
    assert single.images.shape == (2, 32, 32, 3)
    np.testing.assert_allclose(single.images, done.images[:, 1], atol=1e-4)


def test_a_picture_does_not_feel_its_batch(model):
    inpainter, variables = model
    erased, known, ws_rand = _inputs()
    together = _complete(inpainter, variables, erased, known, ws_rand).images
    alone = _complete(inpainter, variables, erased[1:], known[1:], ws_rand[1:]).images
    np.testing.assert_allclose(together[1:], alone, atol=1e-4)


@pytest.mark.parametrize("which", ["model", "seeing"])
def test_a_fresh_skip_encoder_changes_no_bit(which, request):
    inpainter, variables = request.getfixturevalue(which)
    stage1 = dataclasses.replace(inpainter, skip=None)
    before = _complete(stage1, variables, *_inputs())
    fresh = _complete(inpainter, {**variables, "skip": _fresh(inpainter, "skip")}, *_inputs())
    for one, other in zip(before, fresh, strict=True):
        np.testing.assert_array_equal(one, other)
    trained = _complete(inpainter, variables, *_inputs()).images
    assert np.abs(trained - before.images).max() > 0.01
    np.testing.assert_array_equal(_complete(inpainter, variables, *_inputs(), skip=False).images, before.images)


def test_skip_features_are_added_to_the_layer_that_the_config_names(model):
    inpainter, variables = model
    erased, known, ws_rand = _inputs()
    features = inpainter.skip_features(variables, erased, known, ws_rand)
    assert {r: x.shape for r, x in features.items()} == {4: (2, 4, 4, 8), 8: (2, 8, 8, 8), 16: (2, 16, 16, 6)}
    inject = {(r, "conv1"): jnp.asarray(x) for r, x in features.items()}
    synthesize = functools.partial(inpainter.generator.apply, method="synthesize")
    wanted = synthesize(variables["generator"], ws_rand[:, 0], inject=inject)
    np.testing.assert_allclose(inpainter.render(variables, ws_rand[:, 0], features), wanted, atol=1e-5)


def test_a_skip_encoder_that_sees_what_is_drawn_mends_each_completion_by_itself(seeing):
    inpainter, variables = seeing
    erased, known, ws_rand = _inputs()
    features = jit(inpainter.skip_features)(variables, erased, known, ws_rand)
    synthesize = functools.partial(inpainter.generator.apply, variables["generator"], method="synthesize")
    for row, (picture, code) in enumerate((picture, code) for picture in range(2) for code in range(3)):
        one = slice(picture, picture + 1)
        render = jit(synthesize)(ws_rand[one, code])
        wanted = jit(inpainter.skip.apply)(variables["skip"], erased[one], known[one], render)
        for side, x in features.items():
            np.testing.assert_allclose(x[row : row + 1], wanted[side], atol=1e-3 * np.abs(wanted[side]).max())
    assert all(np.abs(x[0] - x[1]).max() > 0.01 for x in features.values())  # one picture, two codes


def test_a_skip_encoder_sees_what_is_drawn_and_what_it_misses_of_the_known_pixels():
    """Without convolutions: features are a linear function of what lies in the same square of pixels."""
    config = SkipConfig(8, (4,), (5,), channel_base=12, channel_max=3, blocks=0, sees_render=True)
    erased, known, render = (_numbers(1, 8, 8, channels, seed=channels) for channels in (3, 1, 3))
    net = SkipEncoder(config)
    shapes = jax.eval_shape(net.init, jax.random.key(0), erased, known, render)
    rng = np.random.default_rng(0)
    variables = jax.tree.map(lambda leaf: rng.normal(size=leaf.shape).astype(np.float32), shapes)
    p = variables["params"]
    seen = np.concatenate([erased, known], -1).reshape(1, 4, 2, 4, 2, 4).transpose(0, 1, 3, 2, 4, 5)
    about = np.concatenate([render, erased - known * render], -1).reshape(1, 4, 2, 4, 2, 6).transpose(0, 1, 3, 2, 4, 5)
    x = seen.reshape(1, 4, 4, 16) @ p["trunk"]["merge0"]["kernel"] + p["trunk"]["merge0"]["bias"]
    x = x + about.reshape(1, 4, 4, 24) @ p["render"]["kernel"] + p["render"]["bias"]
    x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-6)
    x = x * p["norm4"]["scale"] + p["norm4"]["bias"]
    wanted = np.where(x > 0, x, 0.2 * x) @ p["out4"]["kernel"] + p["out4"]["bias"]
    np.testing.assert_allclose(net.apply(variables, erased, known, render)[4], wanted, atol=1e-4)


def test_no_gradient_goes_through_what_a_skip_encoder_sees(seeing):
    inpainter, variables = seeing
    erased, known, ws_rand = _inputs(samples=1)

    def total(ws):
        return sum(jnp.sum(x**2) for x in inpainter.skip_features(variables, erased, known, ws).values())

    value, gradient = jit(jax.value_and_grad(total))(ws_rand)
    assert value > 1 and np.all(gradient == 0)


@pytest.mark.parametrize("which", ["model", "seeing"])
def test_what_lies_behind_the_hole_is_not_seen(which, request):
    inpainter, variables = request.getfixturevalue(which)
    hole = (_numbers(2, 32, 32, 1, seed=1) > 0.3).astype(np.float32)
    picture = _numbers(2, 32, 32, 3)
    other = np.where(hole == 1, _numbers(2, 32, 32, 3, seed=9), picture)
    ws_rand = _inputs()[2]
    images = [_complete(inpainter, variables, *erase(x, hole), ws_rand).images for x in (picture, other)]
    np.testing.assert_array_equal(*images)
    black = _complete(inpainter, variables, *erase(picture * 0, hole), ws_rand).images
    assert np.abs(images[0] - black).max() > 0.01  # what lies before it is


def test_the_hole_differs_from_gray_pixels(model):
    inpainter, variables = model
    gray = np.zeros((1, 32, 32, 3), np.float32)
    codes = [inpainter.encode(variables, gray, np.full((1, 32, 32, 1), k, np.float32)) for k in (0, 1)]
    assert np.abs(codes[0] - codes[1]).max() > 0.01


def test_a_fresh_encoder_gives_the_average_w(model):
    inpainter, variables = model
    ws = inpainter.encode({**variables, "encoder": _fresh(inpainter, "encoder")}, *_inputs()[:2])
    w_avg = variables["generator"]["buffers"]["mapping"]["w_avg"]
    np.testing.assert_array_equal(ws, np.broadcast_to(w_avg, (2, GENERATOR.num_ws, GENERATOR.w_dim)))
    assert np.abs(w_avg).max() > 0.01


def test_the_mixer_is_the_papers_formula():
    config = MixerConfig(num_ws=4, w_dim=3, hidden=5)
    ws_enc, ws_rand = _numbers(2, 4, 3), _numbers(2, 4, 3, seed=1)
    shapes = jax.eval_shape(Mixer(config).init, jax.random.key(0), ws_enc, ws_rand)
    rng = np.random.default_rng(0)
    variables = jax.tree.map(lambda leaf: rng.normal(size=leaf.shape).astype(np.float32), shapes)
    p = variables["params"]

    def dense(x, name):
        return x @ p[name]["kernel"] + p[name]["bias"]

    def lrelu(x):
        return np.where(x > 0, x, 0.2 * x)

    x = lrelu(dense(np.concatenate([ws_enc, ws_rand], -1), "fc0") + p["rows"])
    x = lrelu(dense(x, "fc1"))
    ws_comb, gate = ws_enc + dense(x, "change"), 1 / (1 + np.exp(-dense(x, "gate")))
    got_ws, got_gate = Mixer(config).apply(variables, ws_enc, ws_rand)
    np.testing.assert_allclose(got_gate, gate, atol=1e-5)
    np.testing.assert_allclose(got_ws, gate * ws_comb + (1 - gate) * ws_rand, atol=1e-5)

    ablated = Mixer(dataclasses.replace(config, gate=False))
    assert "gate" not in jax.eval_shape(ablated.init, jax.random.key(0), ws_enc, ws_rand)["params"]
    got_ws, got_gate = ablated.apply(variables, ws_enc, ws_rand)
    np.testing.assert_allclose(got_ws, ws_comb, atol=1e-5)
    assert np.all(got_gate == 1)


def test_a_fresh_mixer_goes_half_way():
    config = MixerConfig(num_ws=4, w_dim=3, hidden=5)
    ws_enc, ws_rand = _numbers(2, 4, 3), _numbers(2, 4, 3, seed=1)
    ws, gate = Mixer(config).apply(Mixer(config).init(jax.random.key(0), ws_enc, ws_rand), ws_enc, ws_rand)
    assert np.all(gate == 0.5)
    np.testing.assert_allclose(ws, (ws_enc + ws_rand) / 2, atol=1e-6)


def test_fold_gathers_squares():
    x = _numbers(2, 4, 6, 3)
    got = fold(x, 2)
    assert got.shape == (2, 2, 3, 12)
    np.testing.assert_array_equal(got[1, 1, 2], x[1, 2:4, 4:6].reshape(-1))


@pytest.mark.parametrize("resolution, sides", [(8, (4,)), (16, (8, 4)), (32, (16, 8, 4)), (128, (64, 32, 16, 8, 4))])
def test_every_row_has_a_style_at_any_resolution(resolution, sides):
    config = light(GeneratorConfig(resolution, w_dim=6)).encoder
    assert config.levels == sides
    picture = jnp.zeros((1, resolution, resolution, 3))
    ws, _ = jax.eval_shape(StyleEncoder(config).init_with_output, jax.random.key(0), picture, picture[..., :1])
    assert ws.shape == (1, GeneratorConfig(resolution).num_ws, 6)


def test_psp_reads_256_pixels_with_a_head_a_row():
    config = psp(ffhq1024())
    assert config.encoder.levels == (128, 64, 32, 16) and config.encoder.channels(16) == 512
    assert config.skip is not None and config.skip.resolutions == (32, 64, 128)
    picture = jnp.zeros((1, 1024, 1024, 3))
    make = make_inpainter(config, Generator(ffhq1024()))
    ws, variables = jax.eval_shape(make.encoder.init_with_output, jax.random.key(0), picture, picture[..., :1])
    assert ws.shape == (1, 18, 512)
    heads = {name: tree for name, tree in variables["params"].items() if name.startswith("heads")}
    assert [sum(key.startswith("style") for key in heads[f"heads{i}"]) for i in range(3)] == [3, 4, 11]
    features = jax.eval_shape(make.skip.init_with_output, jax.random.key(0), picture, picture[..., :1])[0]
    assert {r: x.shape for r, x in features.items()} == {
        32: (1, 32, 32, 512),
        64: (1, 64, 64, 512),
        128: (1, 128, 128, 256),
    }


def test_a_shrunk_pixel_keeps_its_share_of_what_is_known():
    config = EncoderConfig(32, 5, blocks=(1, 1), size=16, pyramid=4, head_channels=4)
    erased, known, _ = _inputs()
    shapes = jax.eval_shape(StyleEncoder(config).init, jax.random.key(0), erased, known)
    rng = np.random.default_rng(0)
    variables = jax.tree.map(lambda leaf: rng.normal(size=leaf.shape).astype(np.float32), shapes)
    half = dataclasses.replace(config, resolution=16)
    small = [
        np.asarray(jax.image.resize(x, (2, 16, 16, x.shape[-1]), "linear", antialias=True)) for x in (erased, known)
    ]
    assert 0 < np.median(small[1]) < 1
    got = StyleEncoder(config).apply(variables, erased, known)
    # The smaller generator has two rows less, all of them fine ones; the coarse rows read the same pictures.
    variables["params"]["heads1"]["styles"] = jax.tree.map(
        lambda x: x[..., : -2 * 5], variables["params"]["heads1"]["styles"]
    )
    np.testing.assert_allclose(got[:, :6], StyleEncoder(half).apply(variables, *small), atol=1e-4)


@pytest.mark.parametrize(
    "resolution, wanted", [(1024, (32, 64, 128)), (256, (32, 64, 128)), (64, (8, 16, 32)), (16, (4, 8))]
)
def test_default_skip_resolutions(resolution, wanted):
    assert default_skip_resolutions(resolution) == wanted


@pytest.mark.parametrize(
    "resolutions, reason",
    [((16, 32, 64), "past the latent"), ((16, 8), "ascending"), ((12, 24), "power of two"), ((2, 4), "at least 4")],
)
def test_skip_resolutions_are_checked(resolutions, reason):
    with pytest.raises(InputError, match=reason):
        light(cat64(), skip_resolutions=resolutions)


def test_parts_must_fit_the_generator():
    config = light(GENERATOR)
    generator = Generator(GENERATOR)
    for wrong in (
        dataclasses.replace(config, encoder=dataclasses.replace(config.encoder, w_dim=9)),
        dataclasses.replace(config, mixer=dataclasses.replace(config.mixer, num_ws=4)),
        dataclasses.replace(config, skip=dataclasses.replace(config.skip, widths=(1, 2, 3))),
    ):
        with pytest.raises(InputError, match="must"):
            make_inpainter(wrong, generator)
    averageless = dataclasses.replace(GENERATOR, mapping=dataclasses.replace(GENERATOR.mapping, w_avg_beta=None))
    with pytest.raises(InputError, match="average w"):
        make_inpainter(config, Generator(averageless))
    with pytest.raises(InputError, match="conv0"):
        SkipConfig(32, (4, 8), (8, 8), layer="conv0")


@pytest.mark.parametrize("preset", [light(cat64()), psp(ffhq1024())])
def test_configs_survive_a_model_folder(preset):
    assert from_dict(InpainterConfig, to_dict(preset)) == preset
