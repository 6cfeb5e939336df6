"""The whole way of NVIDIA's pickles without reference files: pictures, options, the raw generator, and back again."""

import contextlib
import dataclasses
import json

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
from flax import traverse_util
from nvidia_files import network_pickle
from tf_files import tensorflow_pickle

from conversion import nvidia_torch
from conversion.convert import convert, export, load
from conversion.nvidia_torch import export_generator
from conversion.stylegan2 import discriminator_shapes, generator_shapes
from ganinv_jax.core.errors import InputError
from ganinv_jax.core.torchfile import read
from ganinv_jax.models.stylegan2 import DiscriminatorConfig, GeneratorConfig, MappingConfig, SynthesisConfig

WIDTHS = {"channel_base": 128, "channel_max": 6}


def numbered(shapes):
    """Variables that are all different, so that a mix-up shows."""
    draws = np.random.default_rng(0)
    return traverse_util.unflatten_dict({k: draws.standard_normal(s, np.float32) for k, s in shapes.items()}, sep="/")


def networks(architecture="skip", labels=0, **options):
    synthesis = SynthesisConfig(architecture=architecture, **WIDTHS, **options)
    mapping = MappingConfig(num_layers=2)
    generator = GeneratorConfig(16, z_dim=5, c_dim=labels, w_dim=7, mapping=mapping, synthesis=synthesis)
    halves = {key: options[key] for key in ("num_fp16_res", "conv_clamp") if key in options}
    judge = DiscriminatorConfig(16, c_dim=labels, architecture=architecture, **WIDTHS, **halves)
    return generator, judge


def pickled(generator, judge, **more):
    variables, scores = numbered(generator_shapes(generator)), numbered(discriminator_shapes(judge))
    return network_pickle(generator, variables, judge, scores, **more), variables, scores


@pytest.mark.parametrize("architecture", ["skip", "resnet", "orig"])
@pytest.mark.parametrize(
    "options", [{}, {"labels": 3}, {"num_fp16_res": 2, "conv_clamp": 256.0}, {"use_noise": False}], ids=str
)
def test_options_and_variables_come_in_as_they_were(tmp_path, architecture, options):
    generator, judge = networks(architecture, **options)
    data, variables, scores = pickled(generator, judge)
    (tmp_path / "network.pkl").write_bytes(data)
    found = load(tmp_path / "network.pkl", raw=True)
    assert found.configs == {"generator": generator, "discriminator": judge, "generator_raw": generator}
    for part, expected in {"generator": variables, "discriminator": scores, "generator_raw": variables}.items():
        given, wanted = (traverse_util.flatten_dict(tree) for tree in (found.variables[part], expected))
        assert given.keys() == wanted.keys() and all(np.array_equal(given[key], wanted[key]) for key in wanted)


def test_the_raw_generator_is_kept_when_asked_for(tmp_path):
    (tmp_path / "network.pkl").write_bytes(pickled(*networks(), augment_pipe=None)[0])
    plain, raw = (load(tmp_path / "network.pkl", raw=raw) for raw in (False, True))
    assert plain.variables.keys() == {"generator", "discriminator"} and plain.dropped.keys() == {
        "G",
        "training_set_kwargs",
    }
    assert raw.variables.keys() == {"generator", "discriminator", "generator_raw"} and "G" not in raw.dropped


def test_the_raw_generator_is_another(tmp_path, monkeypatch):
    generator, judge = networks()
    averaged, scores = numbered(generator_shapes(generator)), numbered(discriminator_shapes(judge))
    raw = traverse_util.path_aware_map(lambda _, leaf: leaf + 1, averaged)
    (tmp_path / "network.pkl").write_bytes(network_pickle(generator, averaged, judge, scores, raw))
    monkeypatch.setenv("HOME", str(tmp_path))
    found = convert("~/network.pkl", "~/model", raw=True).variables
    assert (tmp_path / "model" / "generator_raw.safetensors").is_file()
    for part, tree in {"generator": averaged, "generator_raw": raw}.items():
        given, wanted = (traverse_util.flatten_dict(variables) for variables in (found[part], tree))
        assert all(np.array_equal(given[key], wanted[key]) for key in wanted)


def test_there_and_back_bit_for_bit(tmp_path):
    data, variables, _ = pickled(*networks(labels=2))
    (tmp_path / "network.pkl").write_bytes(data)
    convert(tmp_path / "network.pkl", tmp_path / "model", raw=True)
    assert export(tmp_path / "model", tmp_path / "model.pt") == ["G_ema", "D", "G"]
    assert export(tmp_path / "network.pkl", tmp_path / "direct.pt") == ["G_ema", "D", "G"]
    assert (tmp_path / "model.pt").read_bytes() == (tmp_path / "direct.pt").read_bytes()
    expected, back = export_generator(networks(labels=2)[0], variables), read(tmp_path / "model.pt")["G_ema"]
    assert back.keys() == expected.keys()
    assert all(back[name].tobytes() == expected[name].tobytes() for name in expected)
    with pytest.raises(InputError, match="did you mean 'nvidia'"):
        export(tmp_path / "model", tmp_path / "model.pt", to="nvida")


def test_a_discriminator_without_mapping_layers(tmp_path):
    """NVIDIA's tool brings those of stylegan2-ada in TensorFlow over like that."""
    generator, judge = networks(labels=3)
    judge = dataclasses.replace(judge, mapping=MappingConfig(num_layers=0, w_avg_beta=None))
    data, _, scores = pickled(generator, judge)
    (tmp_path / "network.pkl").write_bytes(data)
    found = load(tmp_path / "network.pkl")
    assert found.configs["discriminator"] == judge
    embedding = found.variables["discriminator"]["params"]["mapping"]["embed"]["weight"]
    assert np.array_equal(embedding, scores["params"]["mapping"]["embed"]["weight"])


def test_what_cannot_be_exported(tmp_path):
    generator, _ = networks()
    masked = dataclasses.replace(generator, mask_channels=1)
    with pytest.raises(InputError, match="draws no masks"):
        export_generator(masked, numbered(generator_shapes(masked)))
    wrong = numbered(generator_shapes(generator) | {"params/synthesis/b4/conv1/bias": (99,)})
    with pytest.raises(InputError, match=r"b4/conv1/bias must have shape \[6\], but has shape \[99\]"):
        export_generator(generator, wrong)


@pytest.mark.parametrize("value", [None, True, -1, 2**250, float("nan"), "x", ["x"], {}, np.ones(3)], ids=str)
def test_odd_attributes_are_taken_or_refused_in_a_sentence(value):
    """Whatever stands in a module's state, conversion ends well or in an InputError."""
    content = read(pickled(*networks("resnet", labels=2, num_fp16_res=2, conv_clamp=256.0))[0])
    for network in ("G_ema", "D"):
        for state in _states(content[network]):
            for key in set(state) - {"_parameters", "_buffers", "_modules"}:
                before, state[key] = state[key], value
                with contextlib.suppress(InputError):
                    json.dumps(nvidia_torch.convert(content).options(), allow_nan=False)
                state[key] = before


def _states(record):
    """The state of a module and of the first few of each kind below it."""
    state = record.args[0]["state"]
    yield state
    for name, child in state["_modules"].items():
        if name not in ("b16", "fc1"):
            yield from _states(child)


@hypothesis.settings(max_examples=200, deadline=None, derandomize=True)
@hypothesis.given(st.data())
def test_damaged_files_are_converted_or_refused(damaged, good, data):
    """Bits flipped, ends cut off, pieces moved: nothing but success or one sentence."""
    content = bytearray(good[data.draw(st.sampled_from(sorted(good)))])
    kind = data.draw(st.sampled_from(["flip", "cut", "splice"]))
    if kind == "flip":
        for _ in range(data.draw(st.integers(1, 8))):
            content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    elif kind == "cut":
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    else:
        start, size, to = (data.draw(st.integers(0, len(content) - 1)) for _ in range(3))
        content[to:to] = content[start : start + size % 4096]
    damaged.write_bytes(content)
    try:
        load(damaged)
    except InputError as error:
        assert len(str(error).splitlines()) == 1


@pytest.fixture(scope="module")
def damaged(tmp_path_factory):
    return tmp_path_factory.mktemp("damaged") / "network.pkl"


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """Good files by name."""
    folder = tmp_path_factory.mktemp("good")
    data, _, _ = pickled(*networks(labels=2))
    (folder / "network.pkl").write_bytes(data)
    export(folder / "network.pkl", folder / "state.pt")
    (folder / "tensorflow.pkl").write_bytes(tensorflow_pickle())
    return {path.name: path.read_bytes() for path in folder.iterdir()}
