"""NVIDIA's TensorFlow pickles: against what NVIDIA's own converter made of the same files, and made by hand."""

import functools
import json

import numpy as np
import pytest
from flax import traverse_util
from parity import agrees, generate, same_tensors, score
from tf_files import DISCRIMINATOR, GENERATOR, discriminator_tensors, generator_tensors, network, pickled

from conversion import nvidia_tf
from conversion.convert import export, inspect, load
from conversion.nvidia_torch import export_discriminator, export_generator
from conversion.tf_networks import read_network
from ganinv_jax.core.errors import InputError
from ganinv_jax.core.torchfile import read

FILES = ["tf4_orig_orig_32", "tf4_resnet_skip_64", "tf4_skip_resnet_32", "tf5ada_cond_clamp_32"]


@pytest.fixture
def opened(tmp_path):
    """Writes a pickle of (generator as trained, discriminator, generator) and converts it."""

    def convert(generator, discriminator=None, family="auto", **changes):
        discriminator = network(discriminator_tensors(), **DISCRIMINATOR) if discriminator is None else discriminator
        (tmp_path / "network.pkl").write_bytes(pickled((generator, discriminator, generator)))
        return load(tmp_path / "network.pkl", family, **changes)

    return convert


def test_every_variable_of_a_generator_lands_where_it_belongs(opened):
    given = generator_tensors()
    converted = opened(network(given, **GENERATOR))
    config, variables = converted.configs["generator"], converted.variables["generator"]
    assert (config.resolution, config.z_dim, config.w_dim, config.img_channels) == (16, 5, 8, 3)
    assert config.synthesis.channels == (7, 6, 4) and config.mapping.layer_features == 9
    params, buffers = variables["params"], variables["buffers"]
    layers = params["synthesis"]
    assert np.array_equal(layers["b8"]["conv0"]["weight"], given["synthesis/8x8/Conv0_up/weight"][::-1, ::-1])
    assert np.array_equal(layers["b8"]["conv1"]["weight"], given["synthesis/8x8/Conv1/weight"])
    assert np.array_equal(layers["b4"]["conv1"]["affine"]["weight"], given["synthesis/4x4/Conv/mod_weight"])
    assert np.array_equal(layers["b16"]["torgb"]["affine"]["bias"], given["synthesis/16x16/ToRGB/mod_bias"] + 1)
    assert np.array_equal(layers["b4"]["const"][1, 2], given["synthesis/4x4/Const/const"][0, :, 1, 2])
    assert layers["b16"]["conv0"]["noise_strength"] == given["synthesis/16x16/Conv0_up/noise_strength"]
    assert np.array_equal(params["mapping"]["fc1"]["weight"], given["mapping/Dense1/weight"])
    assert np.array_equal(buffers["mapping"]["w_avg"], given["dlatent_avg"])
    places = [("b4", "conv1"), ("b8", "conv0"), ("b8", "conv1"), ("b16", "conv0"), ("b16", "conv1")]
    for n, (block, layer) in enumerate(places):
        assert np.array_equal(buffers["synthesis"][block][layer]["noise_const"], given[f"synthesis/noise{n}"][0, 0])
    # Nothing is left over: as many numbers came in as the file holds, but for `lod`.
    assert sum(leaf.size for leaf in leaves(variables)) == sum(array.size for array in given.values()) - 1
    assert converted.dropped.keys() == {"G", "Gs.lod"}


def test_every_variable_of_a_discriminator_lands_where_it_belongs(opened):
    given = discriminator_tensors()
    converted = opened(network(generator_tensors(), **GENERATOR), network(given, **DISCRIMINATOR))
    params = converted.variables["discriminator"]["params"]
    pairs = {"16x16/FromRGB": "b16/fromrgb", "16x16/Conv0": "b16/conv0", "8x8/Conv1_down": "b8/conv1"}
    pairs |= {"8x8/Skip": "b8/skip", "4x4/Conv": "b4/conv", "4x4/Dense0": "b4/fc", "Output": "b4/out"}
    for source, target in pairs.items():
        block, layer = target.split("/")
        assert np.array_equal(params[block][layer]["weight"], given[f"{source}/weight"]), source
    assert sum(leaf.size for leaf in leaves(params)) == sum(array.size for array in given.values())


@pytest.mark.parametrize("architecture", ["skip", "resnet", "orig"])
@pytest.mark.parametrize("labels", [0, 3])
def test_architectures_and_labels(opened, architecture, labels):
    options = {"architecture": architecture, "label_size": labels, "version": 5}
    generator = network(generator_tensors(labels, architecture, lod=False), **GENERATOR, **options)
    layers = 2 if labels else 0
    judge = network(
        discriminator_tensors(labels, architecture, layers), mapping_layers=layers, **DISCRIMINATOR, **options
    )
    found = opened(generator, judge, raw=True)
    made, scoring = found.configs["generator"], found.configs["discriminator"]
    assert made.synthesis.architecture == scoring.architecture == architecture
    assert made.c_dim == scoring.c_dim == labels and not found.dropped and not found.made
    assert made.mapping.embed_features == (2 if labels else None) and scoring.projection_dim == (10 if labels else 0)
    if labels:
        assert (scoring.mapping.num_layers, scoring.mapping.lr_multiplier) == (2, 0.1)
    assert found.configs["generator_raw"] == made and found.variables.keys() == found.configs.keys()


def test_options(opened):
    options = {"num_fp16_res": 2, "conv_clamp": 256, "nonlinearity": "relu", "resample_kernel": None}
    given = generator_tensors(lod=False)
    unused = {"truncation_psi": 0.5, "style_mixing_prob": None, "normalize_latents": True, "fmap_base": 1}
    generator = network(given, 5, dlatent_avg_beta=None, mapping_lrmul=0.1, **GENERATOR, **options, **unused)
    more = {"freeze_layers": 2, "mbstd_group_size": 8, "use_spectral_norm": False}
    found = opened(generator, network(discriminator_tensors(), 5, **DISCRIMINATOR, **options, **more))
    config, judge = found.configs["generator"], found.configs["discriminator"]
    for part in (config.synthesis, judge):
        assert (part.num_fp16_res, part.conv_clamp, part.activation) == (2, 256.0, "relu")
        assert part.resample_kernel == (1.0, 1.0)
    assert (config.mapping.w_avg_beta, config.mapping.lr_multiplier, config.mapping.activation) == (1.0, 0.1, "lrelu")
    assert (judge.freeze_layers, judge.mbstd_group_size, judge.mbstd_num_channels) == (2, 8, 1)


def test_a_network_without_noise(opened):
    given = {name: array for name, array in generator_tensors(lod=False).items() if "noise" not in name}
    assert not opened(network(given, 5, use_noise=False, **GENERATOR)).configs["generator"].synthesis.use_noise


def test_group_sizes_that_the_file_leaves_open(opened):
    generator = network(generator_tensors(), **GENERATOR)
    found = opened(generator)
    assert found.configs["discriminator"].mbstd_group_size is None
    assert "groups of 4" in found.made["discriminator: mbstd_group_size"]
    tensors = discriminator_tensors()
    tensors["4x4/Conv/weight"] = tensors["4x4/Conv/weight"][:, :, :-1]
    without = opened(generator, network(tensors, **DISCRIMINATOR, mbstd_group_size=1))
    assert without.configs["discriminator"].mbstd_num_channels == 0 and not without.made


def test_on_to_nvidias_torch_names(opened, tmp_path):
    given = generator_tensors()
    opened(network(given, **GENERATOR))
    assert export(tmp_path / "network.pkl", tmp_path / "network.pt") == ["G_ema", "D", "G"]
    tensors = read(tmp_path / "network.pt")["G_ema"]
    weight = given["synthesis/8x8/Conv0_up/weight"]
    assert np.array_equal(tensors["synthesis.b8.conv0.weight"], weight[::-1, ::-1].transpose(3, 2, 0, 1))


@pytest.mark.parametrize(
    ("options", "change", "messages"),
    [
        ({"version": 3}, {}, ["state version 3", "stylegan2-ada"]),
        ({"use_capsules": 1}, {}, ["Gs", "'use_capsules'"]),
        ({"use_spectral_norm": True}, {}, ["use_spectral_norm", "False", "True"]),
        ({"synthesis_func": "G_synthesis_stylegan_revised"}, {}, ["synthesis_func", "G_synthesis_stylegan2"]),
        ({"label_size": 3}, {}, ["LabelConcat", "stylegan2-ada"]),
        ({"latent_size": 6}, {}, ["latent_size 6", "tensors are for 5"]),
        ({"resolution": 32}, {}, ["resolution 32", "tensors are for 16"]),
        ({"mapping_layers": 3}, {}, ["mapping_layers 3", "tensors are for 2"]),
        ({"mapping_fmaps": 512}, {}, ["mapping_fmaps 512", "tensors are for 9"]),
        ({"architecture": "dense"}, {}, ["architecture", "'dense'"]),
        ({"nonlinearity": "gelu"}, {}, ["'gelu'"]),
        ({"conv_clamp": [1, [2]]}, {}, ["conv_clamp", "plain value"]),
        ({"resample_kernel": [[1, 1], [1, 1]]}, {}, ["resample_kernel", "plain value"]),
        ({}, {"synthesis/ToRGB_lod0/weight": np.ones(1, np.float32)}, ["ToRGB_lod0", "progressively"]),
        ({}, {"synthesis/8x8/Conv2/weight": np.ones(1, np.float32)}, ["'synthesis/8x8/Conv2/weight'", "no place"]),
        ({}, {"synthesis/noise3": None}, ["'synthesis/noise3'", "lacks"]),
        ({}, {"synthesis/16x16/ToRGB/weight": None}, ["'synthesis/16x16/ToRGB/weight'", "lacks"]),
        ({}, {"synthesis/noise3": np.ones((16, 16), np.float32)}, ["Gs.synthesis/noise3", "[1, 1, 16, 16]"]),
        ({}, {"synthesis/16x16/ToRGB/weight": np.ones((4, 3), np.float32)}, ["Gs.synthesis/16x16/ToRGB", "4 axes"]),
        ({}, {"synthesis/8x8/Conv1/bias": np.ones(6, np.int64)}, ["Gs.synthesis/8x8/Conv1/bias", "int64"]),
        ({}, {"dlatent_avg": "mean"}, ["arrays by name", "'dlatent_avg'", "something else"]),
        ({}, {"synthesis/24x24/Conv1/bias": np.ones(1, np.float32)}, ["power of two", "24x24"]),
    ],
    ids=str,
)
def test_whatever_is_not_as_it_should_be_is_named(opened, options, change, messages):
    tensors = {name: array for name, array in (generator_tensors() | change).items() if array is not None}
    with pytest.raises(InputError) as caught:
        opened(network(tensors, **(GENERATOR | options)))
    message = str(caught.value)
    assert all(part in message for part in messages) and "\n" not in message, message


def test_pickles_of_another_structure_are_refused(tmp_path):
    good = network(generator_tensors(), **GENERATOR)
    twice = network(generator_tensors(), **GENERATOR)
    twice.variables.append(twice.variables[0])
    nested = network(generator_tensors(), **GENERATOR)
    nested.components["mapping"].components = {"deeper": good}
    wrong = network(generator_tensors(), **GENERATOR)
    wrong.components["mapping"] = "mapping"
    for content, message in (
        ((good, good), "three networks"),
        ((good, good, twice), "Gs must hold each variable once, but 'dlatent_avg'"),
        ((good, good, nested), "Gs.mapping must have no components"),
        ((good, good, wrong), "Gs.mapping must be a network"),
        ((good, good, "Gs"), "but is a tuple"),
        (good, "single object"),
    ):
        (tmp_path / "network.pkl").write_bytes(pickled(content))
        with pytest.raises(InputError, match=message):
            load(tmp_path / "network.pkl")


def test_asking_for_another_family_says_which_it_is(opened):
    with pytest.raises(InputError, match="nvidia-torch .*, but is of nvidia-tf"):
        opened(network(generator_tensors(), **GENERATOR), family="nvidia-torch")


def leaves(tree):
    return traverse_util.flatten_dict(tree).values()


# -- with official-format files


@functools.lru_cache(maxsize=1)
def networks_and_reference(path):
    content = read(path)
    networks = {key: read_network(record, key) for key, record in zip(("G", "D", "Gs"), content, strict=True)}
    return networks, np.load(path.with_suffix(".npz")), json.loads(path.with_suffix(".json").read_text())


@pytest.mark.shared
@pytest.mark.parametrize("name", FILES)
def test_tensors_are_read_exactly_and_converted_as_nvidia_does(shared, name):
    networks, _, manifest = networks_and_reference(shared / "fixtures/tf" / f"{name}.pkl")
    for key, converted in (("G", "G"), ("D", "D"), ("Gs", "G_ema")):
        same_tensors(networks[key].tensors, manifest["tf_variables"][key])
        way = "discriminator" if key == "D" else "generator"
        config, variables = getattr(nvidia_tf, f"convert_{way}")(networks[key])
        send = export_discriminator if key == "D" else export_generator
        same_tensors(send(config, variables), manifest["converted_torch"][converted])


@pytest.mark.shared
@pytest.mark.parametrize("name", FILES)
def test_generator(shared, name):
    networks, reference, manifest = networks_and_reference(shared / "fixtures/tf" / f"{name}.pkl")
    config, variables = nvidia_tf.convert_generator(networks["Gs"])
    assert config.num_ws == manifest["num_ws"]
    c = reference["c"] if config.c_dim else None
    for key, array in generate(config, variables, reference["z"], c, reference["w_mixed"]).items():
        agrees(key, array, reference[key])
    config, variables = nvidia_tf.convert_generator(networks["G"])
    agrees("img_G", generate(config, variables, reference["z"], c, reference["w_mixed"])["img"], reference["img_G"])


@pytest.mark.shared
@pytest.mark.parametrize("name", FILES)
def test_discriminator(shared, name):
    networks, reference, _ = networks_and_reference(shared / "fixtures/tf" / f"{name}.pkl")
    config, variables = nvidia_tf.convert_discriminator(networks["D"])
    images = reference["d_img_u8"].transpose(0, 2, 3, 1).astype(np.float32) / 127.5 - 1
    for key, array in score(config, variables, images, reference["d_c"] if config.c_dim else None).items():
        agrees(key, array, reference[key])


@pytest.mark.shared
def test_all_files_are_listed_and_summed_up(shared):
    assert sorted(path.stem for path in (shared / "fixtures/tf").glob("*.pkl")) == FILES
    summary = inspect(shared / "fixtures/tf" / f"{FILES[0]}.pkl")
    assert summary["family"] == "nvidia-tf" and summary["parts"].keys() == {"generator", "discriminator"}
    json.dumps(summary)
