"""Checkpoints of pSp, e4e and ReStyle: against the authors' outputs, and made by hand."""

import json

import numpy as np
import psp_files
import pytest
from parity import agrees, compiled, same_tensors
from torch_files import legacy_bytes, tensor, zip_bytes

from conversion import psp
from conversion.convert import convert, inspect, load
from conversion.rosinality import generator_table
from conversion.rules import send
from ganinv_jax.core.errors import InputError
from ganinv_jax.core.torchfile import read
from ganinv_jax.models.encoders import PspEncoder, encode
from ganinv_jax.models.layers import average_pool, stretch_to
from ganinv_jax.models.stylegan2 import Generator
from ganinv_jax.pipelines import load as open_model

FILES = [
    "e4e_64",
    "psp_backbone_w_32",
    "psp_backbone_wplus_32",
    "psp_gradual_32_legacyfmt_nolatavg_nsopts",
    "psp_gradual_64",
]
STYLE, ROWS = 5, 6
AVERAGE = np.repeat(np.arange(STYLE, dtype=np.float32)[None], ROWS, axis=0)
TYPES = {
    "GradualStyleEncoder": ("irse50", "pyramid", 3),
    "Encoder4Editing": ("irse50", "pyramid", 3),
    "BackboneEncoderUsingLastLayerIntoW": ("irse50", "w", 3),
    "BackboneEncoderUsingLastLayerIntoWPlus": ("irse50", "w_plus", 3),
    "BackboneEncoder": ("irse50", "coarse", 6),
    "ProgressiveBackboneEncoder": ("irse50", "coarse", 6),
    "ResNetGradualStyleEncoder": ("resnet34", "pyramid", 6),
    "ResNetBackboneEncoder": ("resnet34", "coarse", 6),
    "ResNetProgressiveBackboneEncoder": ("resnet34", "coarse", 6),
}


def checkpoint(encoder_type="ResNetBackboneEncoder", **options):
    """Of a generator for 16 pixels."""
    body, heads, channels = TYPES[encoder_type]
    parts = {"encoder": psp_files.encoder(body, heads, ROWS, STYLE, channels), "decoder": psp_files.decoder(STYLE)}
    tensors = {f"{part}.{name}": array for part, table in parts.items() for name, array in table.items()}
    if encoder_type == "ResNetGradualStyleEncoder":
        options = {"n_iters_per_batch": 3} | options
    return {"state_dict": tensors, "opts": {"encoder_type": encoder_type, **options}, "latent_avg": AVERAGE}


@pytest.mark.parametrize("encoder_type", TYPES)
def test_every_type_of_encoder(encoder_type):
    body, heads, channels = TYPES[encoder_type]
    content = checkpoint(encoder_type, start_from_latent_avg=True)
    converted = psp.convert(content)
    config, variables = converted.configs["encoder"], converted.variables["encoder"]
    assert (config.body, config.heads, config.num_ws, config.w_dim) == (body, heads, ROWS, STYLE)
    assert config.deltas == (encoder_type == "Encoder4Editing" or "Progressive" in encoder_type)
    passes = {"GradualStyleEncoder": None, "ResNetGradualStyleEncoder": 3}.get(encoder_type, 5)
    assert config.passes == (passes if channels == 6 else None) and config.input_channels == 3
    assert config.widths == psp_files.WIDTHS and config.input_size == (256, 256) and not converted.made
    assert np.array_equal(variables["buffers"]["latent_avg"], AVERAGE[: 1 if heads == "w" else ROWS])
    assert np.array_equal(converted.variables["generator"]["buffers"]["mapping"]["w_avg"], AVERAGE[0])
    unused = {"latent_avg[1:]"} if heads == "w" else set()
    assert set(converted.dropped) == {"opts", "encoder.*.num_batches_tracked"} | unused
    tensors, unit = content["state_dict"], variables["params"]["body"]["unit7"]
    source = "encoder.body.7.res_layer.3" if body == "irse50" else "encoder.body.7.conv2"
    assert unit["conv1"]["weight"][2, 1, 3, 4] == tensors[f"{source}.weight"][4, 3, 2, 1]
    statistics = "encoder.body.7.res_layer.4" if body == "irse50" else "encoder.body.7.bn2"
    variance = variables["buffers"]["body"]["unit7"]["norm1"]["running_var"]
    assert np.array_equal(variance, tensors[f"{statistics}.running_var"])


def test_what_the_codes_start_from():
    without = {key: value for key, value in checkpoint().items() if key != "latent_avg"}
    converted = psp.convert(without)  # ReStyle always starts from an average
    made = converted.variables["generator"]["buffers"]["mapping"]["w_avg"]
    assert np.array_equal(converted.variables["encoder"]["buffers"]["latent_avg"], np.repeat(made[None], ROWS, axis=0))
    assert set(converted.made) == {"generator: latent_avg", "encoder: latent_avg"}
    content = checkpoint("GradualStyleEncoder", start_from_latent_avg=False)
    converted = psp.convert(content)
    assert not converted.configs["encoder"].from_average and "latent_avg" not in converted.dropped
    assert "latent_avg" not in converted.variables["encoder"]["buffers"]
    uneven = np.arange(ROWS * STYLE, dtype=np.float32).reshape(ROWS, STYLE)
    converted = psp.convert(content | {"latent_avg": uneven})
    assert "latent_avg" in converted.dropped and "generator: latent_avg" in converted.made
    converted = psp.convert(checkpoint("GradualStyleEncoder") | {"latent_avg": uneven})
    assert np.array_equal(converted.variables["encoder"]["buffers"]["latent_avg"], uneven)
    converted = psp.convert(checkpoint("GradualStyleEncoder") | {"latent_avg": AVERAGE[:1]})
    assert np.array_equal(converted.variables["encoder"]["buffers"]["latent_avg"], AVERAGE)


def test_cars_are_read_in_their_proportions():
    for kind, size in {"cars_encode": (192, 256), "cartoon_encode": (256, 256)}.items():
        assert psp.convert(checkpoint(dataset_type=kind)).configs["encoder"].input_size == size


@pytest.mark.parametrize("value", [None, ["x"], {}, np.ones(3), float("nan"), 2**250], ids=str)
@pytest.mark.parametrize("key", ["encoder_type", "start_from_latent_avg", "n_iters_per_batch", "dataset_type"])
def test_odd_options_are_taken_or_refused_in_a_sentence(key, value):
    content = checkpoint("BackboneEncoder")
    content["opts"][key] = value
    try:
        assert psp.convert(content).configs["encoder"].passes == 5
    except InputError as error:
        assert "encoder_type" in str(error)


@pytest.mark.parametrize(
    ("change", "messages"),
    [
        ({"encoder.relu.weight": None}, ["encoder must hold 'relu.weight', which the file lacks"]),
        ({"encoder.conv1.weight": None}, ["encoder must hold 'conv1.weight'"]),
        ({"encoder.styles.5.linear.bias": None}, ["encoder must hold 'styles.5.linear.bias'"]),
        ({"encoder.styles.6.linear.bias": np.ones(5, np.float32)}, ["'styles.6.linear.bias' has no place"]),
        ({"encoder.latlayer1.bias": np.ones(20, np.float32)}, ["'latlayer1.bias' has no place", "nearest"]),
        ({"encoder.bn1.running_var": np.ones(3, np.float32)}, ["encoder.bn1.running_var must have shape [16]"]),
        ({"encoder.latent_avg": np.ones((6, 5), np.float32)}, ["encoder must not hold 'latent_avg' itself"]),
        ({"encoder.conv1.weight": np.ones((16, 5, 7, 7), np.float32)}, ["reads 5 channels"]),
        ({"decoder.convs.0.conv.blur.kernel": psp_files.BLUR}, ["decoder.convs.0.conv.blur.kernel must be the filter"]),
        ({"decoder.conv1.noise.weight": None}, ["decoder must hold 'conv1.noise.weight'"]),
        ({"decoder.conv1.activate.bias": np.full(7, 1e300)}, ["infinite ones in 'conv1.activate.bias'"]),
        ({"face_pool.weight": np.ones(1, np.float32)}, ["'face_pool.weight' is not"]),
    ],
)
def test_whatever_does_not_fit_is_named(change, messages):
    content = checkpoint()
    tensors = content["state_dict"] | change
    content["state_dict"] = {name: array for name, array in tensors.items() if array is not None}
    with pytest.raises(InputError) as caught:
        psp.convert(content)
    assert all(message in str(caught.value) for message in messages), caught.value


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"opts": {"encoder_type": "Encoder5Editing"}},
            "must give an encoder_type of .*, but it gives 'Encoder5Editing'",
        ),
        ({"opts": None}, "opts must give an encoder_type"),
        ({"latent_avg": [1.0]}, "latent_avg must be a tensor of one row or more, but it is list"),
        ({"latent_avg": np.ones((7, 5), np.float32)}, r"encoder.latent_avg must have shape \[6, 5\]"),
        ({"state_dict": {"decoder.style.1.weight": np.ones((5, 5))}}, "must hold an encoder, but it holds a decoder"),
    ],
)
def test_incomplete_checkpoints(change, message):
    with pytest.raises(InputError, match=message):
        psp.convert(checkpoint() | change)


@pytest.mark.parametrize("written", [zip_bytes, legacy_bytes])
def test_a_file_becomes_a_model_that_encodes(tmp_path, written):
    content = checkpoint(n_iters_per_batch=1, device="cpu") | {"global_step": 12}
    (tmp_path / "net.pt").write_bytes(written(psp_files.mapped(tensor, content)))
    assert convert(tmp_path / "net.pt", tmp_path / "model").family == "psp"
    assert "`global_step`: a counter of training steps" in (tmp_path / "model/MODEL_CARD.md").read_text()
    model, direct = open_model(tmp_path / "model"), open_model(tmp_path / "net.pt")
    photo = np.random.default_rng(0).uniform(-1, 1, (1, 40, 60, 3)).astype(np.float32)
    ws = model.encode(photo)
    assert ws.shape == (1, ROWS, STYLE) and np.array_equal(ws, direct.encode(photo))
    assert model.synthesize(ws).shape == (1, 16, 16, 3)


# -- with the authors' outputs


UNITS = {"stem": "stem", "b0": "unit0", "c1": "unit6", "c2": "unit20", "c3": "unit23"}


@compiled
def run(configs, variables, picture):
    """Everything that the references hold, in one program, since compiling is what costs here."""
    encoder, generator = PspEncoder(configs[0]), Generator(configs[1])
    raw, state = encoder.apply(variables["encoder"], picture, capture_intermediates=True)
    state = state["intermediates"]
    maps = {name: state["body"][unit]["__call__"][0] for name, unit in UNITS.items()}
    if encoder.config.heads == "pyramid":
        for name, coarser, lateral in (("p2", "c3", "lateral1"), ("p1", "p2", "lateral2")):
            maps[name] = state[lateral]["__call__"][0]
            maps[name] += stretch_to(maps[coarser], maps[name])
    steps = {name: x.shape[1] // 8 for name, x in maps.items()}
    found = {f"feat_{name}_sub": x[:, :: steps[name], :: steps[name]] for name, x in maps.items()}
    codes = encode(encoder, generator, variables, picture)
    found["img"] = generator.apply(variables["generator"], codes, method="synthesize")
    found["img_facepool"] = average_pool(found["img"], (256, 256))[:, ::16, ::16]
    found = {name: x.transpose(0, 3, 1, 2) for name, x in found.items()}
    return found | {"codes": codes, "enc_out": raw[:, 0] if encoder.config.heads == "w" else raw}


@pytest.mark.shared
@pytest.mark.parametrize("name", FILES)
def test_the_authors_outputs(shared, name):
    path = shared / "fixtures/psp" / f"{name}.pt"
    converted, reference = load(path), np.load(path.with_suffix(".npz"))
    assert converted.family == "psp"
    picture = (reference["x_u8"].transpose(0, 2, 3, 1) / np.float32(255) - np.float32(0.5)) / np.float32(0.5)
    configs = (converted.configs["encoder"], converted.configs["generator"])
    found = run(configs, converted.variables, picture)
    assert found.keys() == set(reference) - {"x_u8"}
    for key, array in found.items():
        agrees(key, array, reference[key])


@pytest.mark.shared
@pytest.mark.parametrize("name", FILES)
def test_tensors_are_read_exactly_and_go_back_to_the_bit(shared, name):
    path = shared / "fixtures/psp" / f"{name}.pt"
    manifest, content, converted = json.loads(path.with_suffix(".json").read_text()), read(path), load(path)
    entries = manifest["tensors"]
    same_tensors(content["state_dict"], entries)
    back = {}
    for part, name, table in (("encoder", "encoder", psp.encoder_table), ("decoder", "generator", generator_table)):
        tensors = send(table(converted.configs[name]), converted.variables[name])
        back |= {f"{part}.{inner}": array for inner, array in tensors.items() if inner != "latent_avg"}
    same_tensors(back, {name: e for name, e in entries.items() if not name.endswith("num_batches_tracked")})
    if "latent_avg" in content:
        same_tensors({"latent_avg": content["latent_avg"]}, {"latent_avg": manifest["latent_avg"]})
        stored = converted.variables["encoder"]["buffers"]["latent_avg"]
        assert np.array_equal(stored, content["latent_avg"])


@pytest.mark.shared
def test_inspect_tells_the_encoder(shared):
    summary = inspect(shared / "fixtures/psp/e4e_64.pt")
    assert summary["parts"]["encoder"]["config"]["kind"] == "psp" and summary["parts"]["encoder"]["config"]["deltas"]


@pytest.mark.shared
def test_all_files_are_listed(shared):
    assert sorted(path.stem for path in (shared / "fixtures/psp").glob("*.pt")) == FILES
