"""Checkpoints of rosinality's stylegan2-pytorch: against its own outputs, and made by hand."""

import functools
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from parity import agrees, compiled, same_tensors
from psp_files import BLUR, decoder
from torch_files import legacy_bytes, tensor, zip_bytes

from conversion import rosinality
from conversion.convert import convert, inspect, load
from conversion.rules import send
from ganinv_jax.core import folders
from ganinv_jax.core.errors import InputError
from ganinv_jax.core.torchfile import read
from ganinv_jax.models.stylegan2 import Discriminator, Generator
from ganinv_jax.pipelines import load as open_model

FILES = [
    "ros_all_64",
    "ros_all_64_legacyfmt",
    "ros_converted_gema_32",
    "ros_converted_gema_64_legacyfmt",
    "ros_train_32",
    "ros_train_32_legacyfmt",
]
STYLE, WIDTHS = 5, (7, 6, 4)  # of the files made by hand, for 4, 8 and 16 pixels


@pytest.fixture(scope="module")
def tensors():
    """g_ema for 16 pixels, with two mapping layers."""
    return decoder(STYLE, WIDTHS, layers=2)


@pytest.fixture
def average():
    return np.arange(STYLE, dtype=np.float32)


def test_every_tensor_lands_where_it_belongs(tensors, average):
    converted = rosinality.convert({"g_ema": tensors, "latent_avg": average})
    config, variables = converted.configs["generator"], converted.variables["generator"]
    assert (config.resolution, config.z_dim, config.w_dim, config.mapping.num_layers) == (16, STYLE, STYLE, 2)
    assert config.synthesis.channels == WIDTHS and not converted.made and not converted.dropped
    params, buffers = variables["params"]["synthesis"], variables["buffers"]["synthesis"]
    assert params["b8"]["conv0"]["weight"][0, 1, 2, 3] == tensors["convs.0.conv.weight"][0, 3, 2, 0, 1]
    assert params["b16"]["conv1"]["affine"]["weight"][1, 2] == tensors["convs.3.conv.modulation.weight"][2, 1]
    assert params["b16"]["conv0"]["noise_strength"] == tensors["convs.2.noise.weight"][0]
    assert params["b4"]["const"][1, 2, 3] == tensors["input.input"][0, 3, 1, 2]
    assert np.array_equal(params["b16"]["torgb"]["bias"], tensors["to_rgbs.1.bias"].ravel())
    assert np.array_equal(params["b8"]["conv1"]["bias"], tensors["convs.1.activate.bias"])
    noises = [buffers[block][layer]["noise_const"] for block, layer in (("b4", "conv1"), ("b16", "conv0"))]
    assert np.array_equal(noises[0], tensors["noises.noise_0"][0, 0])
    assert np.array_equal(noises[1], tensors["noises.noise_3"][0, 0])
    assert np.array_equal(variables["params"]["mapping"]["fc1"]["weight"], tensors["style.2.weight"].T)
    assert np.array_equal(variables["buffers"]["mapping"]["w_avg"], average)


def test_an_average_is_made_where_the_file_has_none(tensors):
    converted = rosinality.convert({"g_ema": tensors, "args": {"lr": 0.002}, "step": 3})
    config, variables = converted.configs["generator"], converted.variables["generator"]
    assert config.mapping.w_avg_beta is not None and "4096" in converted.made["generator: latent_avg"]
    assert converted.dropped == {"args": "the options of its training", "step": "not a part of the networks"}
    z = np.random.RandomState(0).randn(4096, STYLE)
    x = z / np.sqrt(np.mean(z**2, axis=1, keepdims=True) + 1e-8)
    for i in (1, 2):
        x = x @ tensors[f"style.{i}.weight"].T * (0.01 / np.sqrt(STYLE)) + 0.01 * tensors[f"style.{i}.bias"]
        x = np.where(x > 0, x, 0.2 * x) * np.sqrt(2)
    np.testing.assert_allclose(variables["buffers"]["mapping"]["w_avg"], x.mean(axis=0), rtol=1e-4, atol=1e-8)


def test_noise_is_made_where_the_file_has_none(tensors, average):
    old = {name: array for name, array in tensors.items() if not name.startswith("noises.")}
    first, again = (rosinality.convert({"g_ema": old, "latent_avg": average}) for _ in range(2))
    noise, same = (c.variables["generator"]["buffers"]["synthesis"]["b16"]["conv1"] for c in (first, again))
    assert noise["noise_const"].shape == (16, 16) and np.array_equal(noise["noise_const"], same["noise_const"])
    assert "drawn" in first.made["generator: noises"]


def test_published_widths_are_told_as_channel_base(tensors):
    assert rosinality.width_options([512] * 4 + [512, 256, 128, 64, 32]) == {"channel_base": 32768, "channel_max": 512}
    assert rosinality.width_options([512] * 4 + [256, 128]) == {"channel_base": 16384, "channel_max": 512}
    assert rosinality.width_options(WIDTHS) == {"channels": WIDTHS}


@pytest.mark.parametrize(
    ("change", "messages"),
    [
        ({"conv1.noise.weight": None}, ["g_ema must hold 'conv1.noise.weight', which the file lacks"]),
        ({"conv1.conv.weight": None}, ["g_ema must hold 'conv1.conv.weight'"]),
        ({"noises.noise_3": None}, ["'noises.noise_3'"]),
        ({"style.1.wieght": np.ones(1, np.float32)}, ["'style.1.wieght'", "nearest", "'style.1.weight'"]),
        ({"convs.0.conv.blur.kernel": BLUR}, ["convs.0.conv.blur.kernel must be the filter", "times 4"]),
        ({"to_rgbs.1.upsample.kernel": np.ones((4, 4), np.float32)}, ["to_rgbs.1.upsample.kernel must be the filter"]),
        ({"convs.1.activate.bias": np.ones(3, np.float32)}, ["convs.1.activate.bias must have shape [6]"]),
        ({"to_rgb1.bias": np.ones((1, 1, 1, 1), np.float32)}, ["to_rgb1.bias must have shape [1, 3, 1, 1]"]),
        ({"conv1.conv.weight": np.ones((7, 7, 3, 3), np.float32)}, ["conv1.conv.weight must have 5 axes"]),
        ({"input.input": "text"}, ["g_ema.input.input must be a tensor"]),
        ({7: np.ones(1, np.float32)}, ["g_ema must be a table of named tensors"]),
        ({f"to_rgbs.{k}.x": np.ones(1, np.float32) for k in range(40)}, ["2 to 12 blocks", "has 41"]),
    ],
)
def test_whatever_does_not_fit_is_named(tensors, average, change, messages):
    table = {name: tensor for name, tensor in (tensors | change).items() if tensor is not None}
    with pytest.raises(InputError) as caught:
        rosinality.convert({"g_ema": table, "latent_avg": average})
    assert all(message in str(caught.value) for message in messages), caught.value


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"g": {}}, "must hold the generator 'g_ema'"),
        ({"g_ema": {}}, "g_ema must have 2 to 12 blocks"),
        ({"latent_avg": [1.0]}, "g_ema's latent_avg must be a tensor"),
        ({"latent_avg": np.ones(4, np.float32)}, r"latent_avg must have shape \[5\]"),
        ({"d": {}}, "d must have 2 to 12 blocks"),
    ],
)
def test_incomplete_checkpoints(tensors, content, message):
    with pytest.raises(InputError, match=message):
        rosinality.convert(content if "g" in content else {"g_ema": tensors} | content)


@pytest.mark.parametrize("written", [zip_bytes, legacy_bytes])
def test_a_file_becomes_a_model_folder(tensors, average, tmp_path, written):
    table = {name: tensor(array) for name, array in tensors.items()}
    (tmp_path / "net.pt").write_bytes(written({"g_ema": table, "latent_avg": tensor(average), "ada_aug_p": 0.3}))
    assert convert(tmp_path / "net.pt", tmp_path / "model").family == "rosinality"
    assert "used in training only" in (tmp_path / "model/MODEL_CARD.md").read_text()
    _, arrays = folders.load(tmp_path / "model")
    assert np.array_equal(arrays["generator"]["buffers"]["mapping"]["w_avg"], average)
    model = open_model(tmp_path / "model")
    assert model.generate([0], truncation_psi=0.7).shape == (1, 16, 16, 3)


# -- with the authors' outputs


@compiled
def generate(config, variables, reference):
    """Everything that the references hold of a generator, in one program, since compiling is what costs here."""
    call = functools.partial(Generator(config).apply, variables)
    z, z2, average = (reference[key] for key in ("z", "z2", "latent_avg"))
    latent, other = call(z, method="map"), call(z2, method="map")
    pulled = average + 0.7 * (latent - average)
    mixed = jnp.concatenate([latent[:, :3], other[:, 3:]], axis=1)
    images = call(jnp.concatenate([latent, pulled, mixed]), method="synthesize")
    found = dict(zip(("img", "img_trunc07", "img_mix3"), jnp.split(images, 3), strict=True))
    found["img_nonoise"] = call(latent, noise_mode="none", method="synthesize")
    found = {name: array.transpose(0, 3, 1, 2) for name, array in found.items()}
    return found | {"latent": latent, "w": latent[:, 0], "latent_trunc07": pulled}


@compiled
def truncated(config, variables, z):
    return Generator(config).apply(variables, z, truncation_psi=0.7, method="map")


@compiled
def score(config, variables, images):
    call = functools.partial(Discriminator(config).apply, variables)
    return {name: call(images[:n])[:, None] for name, n in {"d_logits": 8, "d_logits_n1": 1, "d_logits_n4": 4}.items()}


@pytest.mark.shared
@pytest.mark.parametrize("name", FILES)
def test_the_authors_outputs(shared, name):
    path = shared / "fixtures/rosinality" / f"{name}.pt"
    converted, reference = load(path, raw=True), dict(np.load(path.with_suffix(".npz")))
    assert converted.family == "rosinality"
    config, variables = converted.configs["generator"], converted.variables["generator"]
    inputs = {key: reference[key] for key in ("z", "z2", "latent_avg")}
    for key, array in generate(config, variables, inputs).items():
        agrees(key, array, reference[key])
    if not converted.made:
        agrees("latent_trunc07", truncated(config, variables, reference["z"]), reference["latent_trunc07"])
    if "discriminator" in converted.configs:
        raw = generate(converted.configs["generator_raw"], converted.variables["generator_raw"], inputs)
        agrees("img_g", raw["img"], reference["img_g"])
        images = reference["d_img_u8"].transpose(0, 2, 3, 1).astype(np.float32) / 127.5 - 1
        logits = score(converted.configs["discriminator"], converted.variables["discriminator"], images)
        for key, array in logits.items():
            agrees(key, array, reference[key])


@pytest.mark.shared
@pytest.mark.parametrize("name", FILES)
def test_tensors_are_read_exactly_and_go_back_to_the_bit(shared, name):
    path = shared / "fixtures/rosinality" / f"{name}.pt"
    manifest, content, converted = json.loads(path.with_suffix(".json").read_text()), read(path), load(path, raw=True)
    config = converted.configs["generator"]
    sizes = (config.resolution, config.z_dim, config.w_dim, config.mapping.num_layers)
    assert sizes == (*(manifest[key] for key in ("size", "style_dim", "style_dim", "n_mlp")),)
    parts = {"g_ema": "generator", "g": "generator_raw", "d": "discriminator"}
    for key, part in parts.items():
        if key in content:
            same_tensors(content[key], manifest["tensors"][key])
            table = rosinality.discriminator_table if key == "d" else rosinality.generator_table
            back = send(table(converted.configs[part]), converted.variables[part])
            average = back.pop("latent_avg", None)
            same_tensors(back, manifest["tensors"][key])
            assert key == "d" or converted.made or np.array_equal(average, content["latent_avg"])


@pytest.mark.shared
def test_both_containers_give_the_same(shared):
    folder = shared / "fixtures/rosinality"
    zipped, legacy = (load(folder / f"ros_train_32{kind}.pt") for kind in ("", "_legacyfmt"))
    assert zipped.configs == legacy.configs and zipped.dropped == legacy.dropped
    for part in zipped.variables:
        pairs = zip(*(jax.tree.leaves(c.variables[part]) for c in (zipped, legacy)), strict=True)
        assert all(np.array_equal(a, b) for a, b in pairs)
    assert "an optimiser's state" in inspect(folder / "ros_train_32.pt")["dropped"]["g_optim"]


@pytest.mark.shared
def test_all_files_are_listed(shared):
    assert sorted(path.stem for path in (shared / "fixtures/rosinality").glob("*.pt")) == FILES
