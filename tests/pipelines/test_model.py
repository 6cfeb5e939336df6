"""Model: pictures of seeds, truncation, classes and scores, against the networks and NumPy themselves."""

import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from model_folders import SIDE, tiny_model

import ganinv_jax
from ganinv_jax import pipelines
from ganinv_jax.core.configs import to_dict
from ganinv_jax.core.errors import InputError
from ganinv_jax.models.projected import ProjectedConfig, ProjectedDiscriminator, init_variables
from ganinv_jax.pipelines import Model
from ganinv_jax.pipelines import model as programs

# Tiny networks run in no time either way, but compile sooner without optimisation.
QUICK: dict = {"compiler_options": {"xla_backend_optimization_level": 0}}
ROOT = Path(__file__).resolve().parents[2]


def test_the_package_is_light_and_offers_its_doors():
    program = "import sys, ganinv_jax; print(ganinv_jax.__version__, 'jax' in sys.modules, 'flax' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [ganinv_jax.__version__, "False", "False"]
    assert f'version="{ganinv_jax.__version__}"' in (ROOT / "setup.py").read_text()
    assert ganinv_jax.load is pipelines.load and ganinv_jax.Model is Model
    assert {"load", "Model"} <= set(dir(ganinv_jax))
    with pytest.raises(AttributeError, match="no attribute 'lod'"):
        _ = ganinv_jax.lod


def _reference(model, seed, c=None, noise_mode="const", psi=1.0):
    """The picture of one seed, from the generator alone."""
    network = model.network("generator")
    z = np.random.RandomState(seed).randn(1, 6).astype(np.float32)
    draw = jax.jit(lambda *inputs: network.module.apply(*inputs, truncation_psi=psi, noise_mode=noise_mode), **QUICK)
    image = draw(network.variables, z, c)
    return np.clip(np.asarray(image[0], np.float64) * 127.5 + 128, 0, 255)


def test_seeds_give_the_pictures_of_their_own_z(model):
    seeds = [3, 0, 2**32 - 1]
    pictures = model.generate(seeds)
    assert pictures.dtype == np.uint8 and pictures.shape == (3, SIDE, SIDE, 3)
    for seed, picture in zip(seeds, pictures, strict=True):
        assert np.abs(_reference(model, seed) - picture).max() <= 1.01  # truncation takes off up to 1
    assert pictures.std() > 20  # else any picture would do


@pytest.mark.parametrize("noise_mode", ["const", "random"])
def test_a_picture_does_not_feel_its_batch(model, noise_mode):
    together = model.generate(range(5), noise_mode=noise_mode, batch=2).astype(int)
    for i in range(5):
        alone = model.generate([i], noise_mode=noise_mode)[0].astype(int)
        assert np.abs(alone - together[i]).max() <= 1
    assert np.abs(together[0] - together[1]).max() > 20


def test_noise_modes_differ(model):
    const, drawn, none = (model.generate([0], noise_mode=mode).astype(int) for mode in ("const", "random", "none"))
    assert all(np.abs(a - b).max() > 5 for a, b in [(const, drawn), (const, none), (drawn, none)])


def test_batches_share_one_program(model):
    model.generate(range(5), batch=4)
    before = programs._synthesize._cache_size()
    model.generate(range(7), batch=4, truncation_psi=0.5)
    assert programs._synthesize._cache_size() == before


def test_truncation_pulls_the_first_rows_towards_the_average(model):
    z = np.random.RandomState(0).randn(2, 6)
    ws = np.asarray(model.map(z))
    average = np.asarray(model.network("generator").variables["buffers"]["mapping"]["w_avg"])
    assert ws.shape == (2, 6, 5) and np.all(ws == ws[:, :1])
    np.testing.assert_allclose(model.map(z, truncation_psi=0.3), average + 0.3 * (ws - average), atol=1e-6)
    cut = np.asarray(model.map(z, truncation_psi=0.3, truncation_cutoff=2))
    np.testing.assert_allclose(cut[:, :2], (average + 0.3 * (ws - average))[:, :2], atol=1e-6)
    np.testing.assert_array_equal(cut[:, 2:], ws[:, 2:])
    wanted = _reference(model, 1, psi=0.3)
    assert np.abs(wanted - model.generate([1], truncation_psi=0.3)[0]).max() <= 1.01


def test_classes():
    model = Model(*tiny_model(inpainter=False, c_dim=3), name="tiny")
    c = np.eye(3, dtype=np.float32)[1:2]
    assert np.abs(_reference(model, 0, c) - model.generate([0], class_idx=1)[0]).max() <= 1.01
    assert np.abs(_reference(model, 0, c) - model.generate([0], class_idx=2)[0]).max() > 5
    for wrong in (None, 3, -1):
        with pytest.raises(InputError, match=f"needs a class from 0 to 2, but got {wrong}"):
            model.generate([0], class_idx=wrong)
    with pytest.raises(InputError, match="needs labels"):
        model.map(np.zeros((1, 6)))
    with pytest.raises(InputError, match=r"c must be \[1, 3\] here"):
        model.map(np.zeros((1, 6)), np.zeros((2, 3)))


def test_gray_pictures_get_three_channels():
    model = Model(*tiny_model(inpainter=False, img_channels=1), name="tiny")
    pictures = model.generate([0])
    assert pictures.shape == (1, SIDE, SIDE, 3) and np.all(pictures == pictures[..., :1])
    assert model.synthesize(np.zeros((1, 6, 5))).shape == (1, SIDE, SIDE, 1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.generate([]), "At least one seed"),
        (lambda m: m.draw([-1]), "A seed must lie between 0 and 4294967295, but got -1"),
        (lambda m: m.draw([0], batch=0), "batch must be positive"),
        (lambda m: m.draw([0], noise_mode="konst"), "noise_mode must be one of const, random, none, but got 'konst'"),
        (lambda m: m.draw([0], class_idx=1), "has no classes"),
        (lambda m: m.map(np.zeros((2, 7))), r"z must be \[b, 6\] for this model, but its shape is \[2, 7\]"),
        (lambda m: m.map(np.zeros((2, 6)), np.zeros((2, 3))), "has no labels"),
        (lambda m: m.synthesize(np.zeros((6, 5))), r"ws must be \[b, 6, 5\]"),
        (lambda m: m.synthesize(np.zeros((1, 6, 5)), "random"), "needs a noise_key"),
        (lambda m: m.score(np.zeros((1, 8, 8, 3), np.float32)), r"images must be floats \[b, 16, 16, 3\]"),
        (lambda m: m.encode(np.zeros((1, 16, 16, 3), np.uint8)), "images must be floats"),
    ],
)
def test_wrong_input_is_named(model, call, message):
    with pytest.raises(InputError, match=message):
        call(model)


def test_a_model_without_an_average_cannot_truncate():
    model = Model(*tiny_model(inpainter=False, mapping={"w_avg_beta": None}), name="tiny")
    assert model.generate([0], truncation_psi=1).shape == (1, SIDE, SIDE, 3)
    with pytest.raises(InputError, match="truncation_psi must be 1"):
        model.generate([0], truncation_psi=0.5)


def test_a_model_needs_a_generator():
    with pytest.raises(InputError, match="must hold a generator, but half holds encoder"):
        Model({}, {"encoder": {}}, "half")
    model = Model(*tiny_model(inpainter=False), name="plain")
    with pytest.raises(InputError, match="plain cannot inpaint or encode yet, as it has no encoder and no mixer"):
        model.encode(np.zeros((1, SIDE, SIDE, 3), np.float32))
    with pytest.raises(InputError, match="must hold the part 'discriminator'"):
        model.score(np.zeros((1, SIDE, SIDE, 3), np.float32))


def test_scores_of_stylegan2_are_its_logits(model):
    images = np.random.default_rng(0).uniform(-1, 1, (2, SIDE, SIDE, 3)).astype(np.float32)
    network = model.network("discriminator")
    wanted = jax.jit(network.module.apply, **QUICK)(network.variables, images)
    np.testing.assert_allclose(model.score(images), wanted, rtol=1e-4, atol=1e-4)


def test_scores_of_the_projected_discriminator_are_means_over_heads_and_positions():
    options = ProjectedConfig(size=32, stages=("stride4", "stride8"), channels=4, head_channels=(4, 4))
    module = ProjectedDiscriminator(options)
    variables = init_variables(module, jax.random.key(0))
    config, arrays = tiny_model(inpainter=False)
    config["discriminator"] = {"kind": "projected", **to_dict(options)}
    arrays["discriminator"] = {name: tree for name, tree in variables.items() if name != "features"}
    images = np.random.default_rng(0).uniform(-1, 1, (2, SIDE, SIDE, 3)).astype(np.float32)
    maps = [np.asarray(logits, np.float64) for logits in jax.jit(module.apply, **QUICK)(variables, images)]
    wanted = np.mean([logits.mean(axis=(1, 2)) for logits in maps], axis=0)
    assert len(maps) == 2
    np.testing.assert_allclose(Model(config, arrays, "tiny").score(images), wanted, rtol=1e-4)


def test_codes_of_pictures_are_mixed_with_the_average_w(model):
    images = np.random.default_rng(0).uniform(-1, 1, (2, SIDE, SIDE, 3)).astype(np.float32)
    encoder, average = model.network("encoder"), model.network("generator").variables["buffers"]["mapping"]["w_avg"]
    read = average + jax.jit(encoder.module.apply, **QUICK)(encoder.variables, images, jnp.ones((2, SIDE, SIDE, 1)))
    mixer = model.network("mixer")
    wanted, _ = jax.jit(mixer.module.apply, **QUICK)(mixer.variables, read, jnp.broadcast_to(average, read.shape))
    np.testing.assert_allclose(model.encode(images), wanted, rtol=1e-4, atol=1e-4)
