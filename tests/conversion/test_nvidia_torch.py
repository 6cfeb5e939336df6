"""NVIDIA's pickles: names, options and the way back. Outputs are compared in test_nvidia_parity.py."""

import hashlib
import json

import jax
import numpy as np
import pytest
from flax import traverse_util

from conversion import nvidia_torch
from conversion.convert import FAMILIES, convert, inspect, load, to_nvidia
from conversion.nvidia_torch import export_discriminator, export_generator
from conversion.persistent import module_tree
from conversion.stylegan2 import discriminator_shapes, generator_shapes, stored_filter
from ganinv_jax.core import folders
from ganinv_jax.core.configs import from_dict
from ganinv_jax.core.errors import InputError
from ganinv_jax.core.torchfile import read
from ganinv_jax.models.stylegan2 import DiscriminatorConfig, GeneratorConfig, MappingConfig, SynthesisConfig

WIDTHS = {"channel_base": 128, "channel_max": 6}


def numbered(shapes):
    """Variables that are all different, so that a mix-up shows."""
    return traverse_util.unflatten_dict(
        {
            path: np.random.default_rng(i).standard_normal(shape, np.float32)
            for i, (path, shape) in enumerate(shapes.items())
        },
        sep="/",
    )


def generator_config(architecture="skip", **options):
    synthesis = SynthesisConfig(architecture=architecture, **WIDTHS)
    return GeneratorConfig(16, z_dim=5, w_dim=7, mapping=MappingConfig(num_layers=2), synthesis=synthesis, **options)


def test_a_generators_state_dict_has_nvidias_names_and_layouts():
    tensors = export_generator(generator_config(c_dim=3), numbered(generator_shapes(generator_config(c_dim=3))))
    shapes = {name: tensor.shape for name, tensor in tensors.items()}
    assert shapes["mapping.fc0.weight"] == (7, 12) and shapes["mapping.embed.weight"] == (7, 3)
    assert shapes["synthesis.b4.const"] == (6, 4, 4) and shapes["synthesis.b4.conv1.weight"] == (6, 6, 3, 3)
    assert shapes["synthesis.b16.conv0.noise_const"] == (16, 16) and shapes["synthesis.b16.conv0.noise_strength"] == ()
    assert shapes["synthesis.b8.torgb.affine.weight"] == (6, 7) and shapes["synthesis.b8.torgb.weight"] == (3, 6, 1, 1)
    assert "synthesis.b4.conv0.weight" not in shapes and "synthesis.b8.skip.weight" not in shapes
    expected = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64
    assert np.array_equal(tensors["synthesis.b8.conv0.resample_filter"], expected.astype(np.float32))


@pytest.mark.parametrize(
    ("architecture", "present", "absent"),
    [
        ("skip", "synthesis.b4.torgb.weight", "synthesis.b8.skip.weight"),
        ("resnet", "synthesis.b8.skip.weight", "synthesis.b8.torgb.weight"),
        ("orig", "synthesis.b16.torgb.weight", "synthesis.b8.torgb.weight"),
    ],
)
def test_architectures_of_generators(architecture, present, absent):
    config = generator_config(architecture)
    tensors = export_generator(config, numbered(generator_shapes(config)))
    assert present in tensors and absent not in tensors


@pytest.mark.parametrize("architecture", ["skip", "resnet", "orig"])
def test_architectures_of_discriminators(architecture):
    config = DiscriminatorConfig(16, c_dim=2, architecture=architecture, **WIDTHS)
    tensors = export_discriminator(config, numbered(discriminator_shapes(config)))
    assert tensors["b4.fc.weight"].shape == (6, 96) and tensors["b4.conv.weight"].shape == (6, 7, 3, 3)
    assert ("b8.fromrgb.weight" in tensors) == ("b4.fromrgb.bias" in tensors) == (architecture == "skip")
    assert ("b16.skip.weight" in tensors) == (architecture == "resnet") and "b16.skip.bias" not in tensors
    assert "mapping.fc7.bias" in tensors and "mapping.w_avg" not in tensors


def test_long_filters_are_kept_as_one_axis():
    assert stored_filter([1.0] * 8).tolist() == [0.125] * 8
    assert stored_filter([1.0, 1.0]).tolist() == [[0.25, 0.25], [0.25, 0.25]]


def test_an_unknown_family_lists_the_known_ones(tmp_path):
    with pytest.raises(InputError, match="nvidia-torch"):
        load(tmp_path / "x.pkl", family="pickle")


# -- with official-format files


@pytest.fixture(scope="module")
def pickles(shared):
    return sorted((shared / "fixtures/nv").glob("*.pkl"))


@pytest.mark.shared
def test_tensors_are_read_exactly_and_go_back_to_the_bit(pickles):
    assert pickles
    for path in pickles:
        content, manifest = read(path), json.loads(path.with_suffix(".json").read_text())
        for key in ("G", "D", "G_ema"):
            tree = module_tree(content[key], key)
            way = "discriminator" if key == "D" else "generator"
            config, variables = getattr(nvidia_torch, f"convert_{way}")(tree, key)
            back = getattr(nvidia_torch, f"export_{way}")(config, variables)
            entries = manifest["networks"][key]
            assert tree.tensors().keys() == back.keys() == entries.keys()
            for name, tensor in tree.tensors().items():
                for array in (tensor, back[name]):
                    assert list(array.shape) == entries[name]["shape"] and array.dtype == entries[name]["dtype"]
                    assert hashlib.sha256(array.tobytes()).hexdigest() == entries[name]["sha256"], (
                        path.name,
                        key,
                        name,
                    )


@pytest.mark.shared
def test_options_are_those_that_the_networks_were_made_with(pickles):
    for path in pickles:
        manifest, converted = json.loads(path.with_suffix(".json").read_text()), load(path)
        asked = manifest["common_kwargs"] | manifest["G_kwargs"]
        asked |= asked.pop("synthesis_kwargs", {})
        newer = "stylegan3" in manifest["repo"]
        generator, discriminator = converted.configs["generator"], converted.configs["discriminator"]
        assert generator.num_ws == manifest["num_ws"] and generator.c_dim == discriminator.c_dim == asked["c_dim"]
        assert generator.z_dim == asked["z_dim"] and generator.w_dim == asked["w_dim"]
        assert generator.mapping.num_layers == asked["mapping_kwargs"]["num_layers"]
        assert generator.mapping.w_avg_beta == (0.998 if newer else 0.995)
        synthesis = generator.synthesis
        assert (synthesis.channel_base, synthesis.channel_max, synthesis.channels) == (512, 16, None)
        for key, default in {"architecture": "skip", "use_noise": True, "activation": "lrelu"}.items():
            assert getattr(synthesis, key) == asked.get(key, default), (path.name, key)
        fp16, clamp = (4, 256) if newer else (0, None)
        assert synthesis.conv_clamp == asked.get("conv_clamp", clamp)
        assert _halved(generator) == min(asked.get("num_fp16_res", fp16), len(generator.block_resolutions) - 1)
        asked = manifest["common_kwargs"] | manifest["D_kwargs"]
        assert discriminator.architecture == asked.get("architecture", "resnet")
        assert discriminator.conv_clamp == asked.get("conv_clamp", clamp)
        assert discriminator.freeze_layers == asked.get("block_kwargs", {}).get("freeze_layers", 0)
        epilogue = asked.get("epilogue_kwargs", {})
        assert discriminator.mbstd_group_size == epilogue.get("mbstd_group_size", 4)
        assert discriminator.mbstd_num_channels == epilogue.get("mbstd_num_channels", 1)


def _halved(config):
    return min(config.synthesis.num_fp16_res, len(config.block_resolutions) - 1)


@pytest.mark.shared
def test_a_model_folder_holds_the_whole_network(pickles, tmp_path):
    path = next(path for path in pickles if path.stem == "ada_resnet_cond_32")
    converted = convert(path, tmp_path / "model")
    config, arrays = folders.load(tmp_path / "model")
    assert from_dict(GeneratorConfig, config["generator"]) == converted.configs["generator"]
    assert from_dict(DiscriminatorConfig, config["discriminator"]) == converted.configs["discriminator"]
    for part, variables in converted.variables.items():
        assert jax.tree.all(jax.tree.map(np.array_equal, arrays[part], variables))
    card = (tmp_path / "model/MODEL_CARD.md").read_text()
    assert hashlib.sha256(path.read_bytes()).hexdigest() in card and "training_set_kwargs" in card
    original = read(path)
    for key, tensors in to_nvidia(*folders.load(tmp_path / "model")).items():
        expected = module_tree(original[key], key).tensors()
        assert tensors.keys() == expected.keys()
        assert all(np.array_equal(tensors[name], expected[name]) for name in expected)


@pytest.mark.shared
def test_inspect_tells_what_a_file_holds(pickles):
    summary = inspect(pickles[0])
    assert summary["family"] in FAMILIES and summary["parts"].keys() == {"generator", "discriminator"}
    manifest = json.loads(pickles[0].with_suffix(".json").read_text())["networks"]["G_ema"]
    parameters = sum(int(np.prod(entry["shape"])) for entry in manifest.values() if entry["kind"] == "parameter")
    assert summary["parts"]["generator"]["parameters"] == parameters
    json.dumps(summary)
