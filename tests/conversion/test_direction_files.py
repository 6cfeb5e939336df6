"""Directions out of NumPy's and torch's files: what is read, and what is refused."""

import io
import pickle
import zipfile

import numpy as np
import pytest
from torch_files import Storage, Tensor, legacy_bytes, zip_bytes

from conversion.convert import convert, inspect
from conversion.directions import read_direction, read_directions
from ganinv_jax.core import folders
from ganinv_jax.core.errors import InputError

RNG = np.random.default_rng(0)
VECTOR, ROWS = RNG.standard_normal(8).astype(np.float32), RNG.standard_normal((6, 8)).astype(np.float32)


def npy(array, **options):
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


def npz(compressed=False, **arrays):
    file = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(file, **arrays)
    return file.getvalue()


def tensor(array, key="0"):
    strides = tuple(step // array.itemsize for step in array.strides)
    return Tensor(Storage(key, array.reshape(-1)), 0, array.shape, strides)


@pytest.fixture
def file(tmp_path):
    def written(content, name="age.npy"):
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    return written


@pytest.mark.parametrize(
    "content",
    [
        npy(VECTOR),
        npy(VECTOR[None]),
        npy(VECTOR.astype(">f8")[None, None]),
        npz(boundary=VECTOR[None]),
        npz(compressed=True, boundary=VECTOR, intercept=np.float32(0.5)),
        zip_bytes(tensor(VECTOR[None])),
        legacy_bytes(tensor(VECTOR)),
        zip_bytes({"boundary": tensor(VECTOR), "name": "age", "accuracy": 0.9}),
        pickle.dumps(VECTOR),
    ],
)
def test_the_vector_is_the_same_to_the_bit_whatever_it_is_kept_in(file, content):
    direction = read_direction(file(content, "any name"))
    assert direction.vector.dtype == np.float32
    np.testing.assert_array_equal(direction.vector, VECTOR)


@pytest.mark.parametrize("content", [npy(ROWS), npy(np.asfortranarray(ROWS)), npy(ROWS[None]), zip_bytes(tensor(ROWS))])
def test_a_row_for_each_layer(file, content):
    np.testing.assert_array_equal(read_direction(file(content)).vector, ROWS)


def test_several_are_asked_for_by_name(file):
    path = file(npz(age=VECTOR, pose=ROWS), "all.npz")
    np.testing.assert_array_equal(read_direction(path, "pose").vector, ROWS)
    with pytest.raises(InputError, match="holds 2 directions, so one must be named: age, pose"):
        read_direction(path)
    with pytest.raises(InputError, match="did you mean 'pose'"):
        read_direction(path, "poses")


def test_a_converted_folder_is_as_good_as_the_file(file, tmp_path):
    path = file(npz(age=VECTOR, pose=ROWS, steps=np.float32(3)), "all.npz")
    converted = convert(path, tmp_path / "out")
    assert converted.dropped == {"steps": "a single value, not a direction"}
    config, _ = folders.load(tmp_path / "out")
    assert config["direction"] == {"names": ["age", "pose"]}
    again = read_directions(tmp_path / "out")
    np.testing.assert_array_equal(again["age"].vector, VECTOR)
    np.testing.assert_array_equal(again["pose"].vector, ROWS)
    assert inspect(path)["parts"]["direction"]["parameters"] == VECTOR.size + ROWS.size


class Bomb:
    def __reduce__(self):
        return (open, ("PWNED", "w"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (npy(np.array([Bomb()]), allow_pickle=True), "pickled objects, which are never read"),
        (npz(age=np.array([Bomb()])), "pickled objects, which are never read"),
        (pickle.dumps({"age": Bomb()}), "nothing was run"),
        (npy(VECTOR)[:-1], "truncated"),
        (npy(VECTOR) + b"\0", "damaged"),
        (npy(VECTOR).replace(b"(8,)", b"(-8,"), "damaged"),
        (npy(VECTOR).replace(b"(8,), }      ", b"(8,) * 9999, }"), "damaged"),
        (npy(np.zeros((0, 10))), "empty"),
        (b"\x93NUMPY\x09\x00" + npy(VECTOR)[8:], "save it again"),
        (npz(age=VECTOR)[:-30], "damaged"),
        (npy(VECTOR.astype(int)), "floating-point numbers, but is of int64"),
        (npy(np.array(["age"])), "must hold numbers"),
        (npy(np.float32([1, np.nan])), "NaN"),
        (npy(np.float64([1, 1e300])), "infinity"),
        (npy(np.zeros(8)), "zero"),
        (npy(np.float32(1)), r"has shape \[\]"),
        (npy(np.ones((2, 6, 8))), r"has shape \[2, 6, 8\]"),
        (npy(np.ones((80, 8))), "at most 20 rows"),
        (npz(step=np.float32(1)), "single numbers only"),
        (npz(act_comp=ROWS, lat_comp=ROWS, act_mean=VECTOR), "GANSpace's components"),
        (zip_bytes({"comp": tensor(ROWS), "mean": tensor(VECTOR, "1"), "std": tensor(VECTOR, "2")}), "GANSpace's"),
        (pickle.dumps({"g_ema": {"x": VECTOR}}), "must be an editing direction, but is a table with the keys g_ema"),
        (b"", "empty"),
    ],
)
def test_what_is_no_direction_is_refused(file, tmp_path, monkeypatch, content, message):
    monkeypatch.chdir(tmp_path)
    path = file(content)
    with pytest.raises(InputError, match=message):
        read_direction(path)
    assert not (tmp_path / "PWNED").exists()


def test_arrays_that_would_fill_the_memory_are_not_unpacked(file):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("age.npy", "w") as member:
        member.write(npy(np.zeros(1 << 24)))  # 128 MiB, packed to 130 kB
    path = file(content.getvalue())
    assert path.stat().st_size < 1 << 20
    with pytest.raises(InputError, match="at most 64 MiB"):
        read_direction(path)


def test_a_folder_of_another_kind_is_refused(tmp_path):
    folders.save(tmp_path / "model", {}, {"generator": {"x": VECTOR}})
    with pytest.raises(InputError, match="must hold a direction, but holds generator"):
        read_direction(tmp_path / "model")
