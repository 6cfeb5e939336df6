"""Model folders: what is saved comes back, and what is damaged is said so in one sentence."""

import json
import struct

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import save_file

from ganinv_jax.core import folders
from ganinv_jax.core.errors import InputError

CONFIG = {"generator": {"resolution": 8, "channels": [4, 2]}, "note": "é"}


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    return {
        "generator": {
            "params": {"b4": {"conv1": {"weight": rng.normal(size=(3, 3, 2, 4)).astype(np.float32)}}},
            "buffers": {"w_avg": jnp.linspace(-1, 1, 5), "strength": np.float32(0.3)},
        },
        "encoder": {"steps": np.arange(3), "empty": np.zeros((0, 2), np.float32)},
    }


@pytest.fixture
def model(tmp_path, arrays):
    folders.save(tmp_path / "model", CONFIG, arrays, card="# A model\n")
    return tmp_path / "model"


def test_round_trip(model, arrays):
    config, loaded = folders.load(model)
    assert config == CONFIG
    assert jax.tree.structure(loaded) == jax.tree.structure(arrays)
    jax.tree.map(np.testing.assert_array_equal, loaded, arrays)
    assert (model / "MODEL_CARD.md").read_text() == "# A model\n"
    assert sorted(file.name for file in model.iterdir()) == [
        "MODEL_CARD.md",
        "config.json",
        "encoder.safetensors",
        "generator.safetensors",
    ]


def test_file_is_laid_out_as_documented(model):
    # Read by hand, from the safetensors specification: eight bytes of header length, a JSON header, the data.
    content = (model / "generator.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    assert {name: entry["shape"] for name, entry in header.items()} == {
        "params/b4/conv1/weight": [3, 3, 2, 4],
        "buffers/w_avg": [5],
        "buffers/strength": [],
    }
    first, last = header["buffers/w_avg"]["data_offsets"]
    values = np.frombuffer(content[8 + length :][first:last], "<f4")
    np.testing.assert_array_equal(values, np.linspace(-1, 1, 5, dtype=np.float32))
    assert json.loads((model / "config.json").read_text())["format"] == 1


@pytest.mark.parametrize(("dtype", "bytes_each", "error"), [("fp32", 4, 0), ("fp16", 2, 2**-11), ("bf16", 2, 2**-8)])
def test_storage_type(tmp_path, arrays, dtype, bytes_each, error):
    folders.save(tmp_path / "m", CONFIG, arrays, dtype=dtype)
    _, loaded = folders.load(tmp_path / "m")
    weight = loaded["generator"]["params"]["b4"]["conv1"]["weight"]
    assert weight.dtype == np.float32
    np.testing.assert_allclose(weight, arrays["generator"]["params"]["b4"]["conv1"]["weight"], rtol=error)
    np.testing.assert_array_equal(loaded["encoder"]["steps"], [0, 1, 2])
    assert loaded["encoder"]["steps"].dtype == np.int64
    content = (tmp_path / "m" / "generator.safetensors").read_bytes()
    assert len(content) - 8 - struct.unpack("<Q", content[:8])[0] == bytes_each * (72 + 5 + 1)


def test_transposed_arrays_keep_their_order(tmp_path):
    weight = np.arange(6, dtype=np.float32).reshape(2, 3).T
    folders.save(tmp_path / "m", {}, {"part": {"weight": weight}})
    np.testing.assert_array_equal(folders.load(tmp_path / "m")[1]["part"]["weight"], [[0, 3], [1, 4], [2, 5]])


def test_a_model_folder_is_replaced_whole(model):
    folders.save(model, {"mixer": {}}, {"mixer": {"a": np.zeros(1)}})
    assert sorted(file.name for file in model.iterdir()) == ["config.json", "mixer.safetensors"]


@pytest.mark.parametrize("name", ["thesis.tex", "config.json"])
def test_another_folder_is_never_replaced(tmp_path, arrays, name):
    (tmp_path / name).write_text('{"of": "another program"}')
    with pytest.raises(InputError, match="already holds something"):
        folders.save(tmp_path, CONFIG, arrays)
    assert [file.name for file in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30])
def test_a_bad_array_leaves_the_old_folder(model, value):
    bad = {"encoder": {"head": {"bias": np.array([0, value])}}}
    with pytest.raises(InputError, match="encoder/head/bias as fp16"):
        folders.save(model, CONFIG, bad, dtype="fp16")
    assert folders.load(model)[0] == CONFIG
    assert [entry.name for entry in model.parent.iterdir()] == ["model"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"dtype": "f16"}, "fp16"),
        ({"config": {"format": 2}}, "format"),
        ({"arrays": {"../encoder": {}}}, "named like a variable"),
    ],
)
def test_bad_arguments_to_save(tmp_path, arrays, arguments, said):
    with pytest.raises(InputError, match=said):
        folders.save(tmp_path / "m", **({"config": CONFIG, "arrays": arrays} | arguments))


def _truncate(model, name, keep):
    file = model / name
    file.write_bytes(file.read_bytes()[:keep])


def _config(model, **changes):
    values = json.loads((model / "config.json").read_text()) | changes
    (model / "config.json").write_text(json.dumps({key: value for key, value in values.items() if value is not None}))


DAMAGES = {
    "no config": (lambda m: (m / "config.json").unlink(), "must hold config.json"),
    "no part": (lambda m: (m / "encoder.safetensors").unlink(), "must hold encoder.safetensors"),
    "no data": (lambda m: _truncate(m, "generator.safetensors", -1), "generator.safetensors must be whole"),
    "no header": (lambda m: _truncate(m, "generator.safetensors", 20), "generator.safetensors must be whole"),
    "nothing": (lambda m: _truncate(m, "generator.safetensors", 0), "generator.safetensors must be whole"),
    "half a config": (lambda m: _truncate(m, "config.json", 25), "must be JSON"),
    "bytes": (lambda m: (m / "config.json").write_bytes(b"\xff\xfe{}"), "must be JSON"),
    "deep": (lambda m: (m / "config.json").write_text("[" * 100_000), "must be JSON"),
    "a list": (lambda m: (m / "config.json").write_text("[1]"), "as a number"),
    "no format": (lambda m: _config(m, format=None), "as a number"),
    "a newer format": (lambda m: _config(m, format=2), "upgrade ganinv_jax"),
    "no parts": (lambda m: _config(m, parts=None), "must list the model's parts"),
    "a path as part": (lambda m: _config(m, parts=["../x"]), "must list the model's parts"),
    "nan": (lambda m: save_file({"a/b": np.array([1, np.nan])}, m / "encoder.safetensors"), "encoder/a/b has a NaN"),
    "infinity": (lambda m: save_file({"a": np.array([np.inf])}, m / "encoder.safetensors"), "encoder/a has a NaN"),
    "clash": (lambda m: save_file(dict.fromkeys(["a", "a/b"], np.ones(1)), m / "encoder.safetensors"), "both 'a' and"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_folder_gets_one_sentence(model, damage):
    harm, said = DAMAGES[damage]
    harm(model)
    with pytest.raises(InputError, match=said) as caught:
        folders.load(model)
    assert "\n" not in str(caught.value)


def test_a_missing_folder_gets_one_sentence(tmp_path):
    with pytest.raises(InputError, match="must exist"):
        folders.load(tmp_path / "none")


def test_check_like_names_what_differs(arrays):
    shapes = jax.eval_shape(lambda: jax.tree.map(jnp.asarray, arrays["generator"]))
    folders.check_like(arrays["generator"], shapes, "the generator")
    del arrays["generator"]["buffers"]["strength"]
    arrays["generator"]["buffers"]["w_avg"] = np.zeros(6)
    arrays["generator"]["extra"] = {f"e{i}": np.zeros(1) for i in range(5)}
    with pytest.raises(InputError) as caught:
        folders.check_like(arrays["generator"], shapes, "the generator")
    assert str(caught.value) == (
        "The weights of the generator must fit its config, but there are some missing: buffers/strength; "
        "left over: extra/e0, extra/e1, extra/e2 and 2 more; of the wrong shape: buffers/w_avg [6] instead of [5]."
    )
