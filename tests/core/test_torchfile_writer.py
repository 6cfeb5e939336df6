"""Torch files that we write, read by Python's own unpickler, by our reader, and by torch where it is installed."""

import pickle
import zipfile
from collections import OrderedDict

import ml_dtypes
import numpy as np
import pytest

from ganinv_jax.core.errors import InputError
from ganinv_jax.core.torchfile import read, write

TENSORS = {
    "conv.weight": np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2).transpose(3, 2, 0, 1),
    "strength": np.array(0.5, np.float32),
    "half": np.array([1.5, -2], np.float16),
    "brain": np.array([1.5, -2], ml_dtypes.bfloat16),
    "steps": np.array(2**40, np.int64),
    "bytes": np.arange(300, dtype=np.uint8),
    "flags": np.array([True, False]),
    "empty": np.zeros((0, 3), np.float32),
}
CONTENT = {"G_ema": TENSORS, "D": {"größe": np.full((2, 2), 7, np.float64)}}


class Unpickler(pickle.Unpickler):
    """An interpreter that is not ours: the calls torch would make, written down."""

    def find_class(self, module, name):
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda *args: args
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        assert module == "torch" and name.endswith("Storage")
        return name

    def persistent_load(self, pid):
        return pid


def test_pythons_unpickler_finds_the_calls_that_torch_makes(tmp_path):
    write(tmp_path / "x.pt", CONTENT)
    with zipfile.ZipFile(tmp_path / "x.pt") as archive, archive.open("archive/data.pkl") as file:
        assert archive.testzip() is None and archive.read("archive/byteorder") == b"little"
        value = Unpickler(file).load()
        storage, offset, size, stride, grad, hooks = value["G_ema"]["conv.weight"]
        assert storage == ("storage", "FloatStorage", "0", "cpu", 24)
        assert (offset, size, stride, grad, hooks) == (0, (2, 2, 2, 3), (12, 6, 3, 1), False, OrderedDict())
        raw = archive.read("archive/data/0")
        assert np.array_equal(np.frombuffer(raw, "<f4").reshape(size), TENSORS["conv.weight"])
        assert value["G_ema"]["brain"][0][1] == "BFloat16Storage" and value["G_ema"]["bytes"][0][1] == "ByteStorage"
        assert value["G_ema"]["strength"][2:4] == ((), ())
        starts = [info.header_offset for info in archive.infolist()]
        assert list(value["D"]) == ["größe"]
    data = (tmp_path / "x.pt").read_bytes()
    for start in starts:  # where torch maps the file into memory, it wants the data of each member aligned
        name, extra = (int.from_bytes(data[start + at : start + at + 2], "little") for at in (26, 28))
        assert (start + 30 + name + extra) % 64 == 0


def test_what_is_written_is_read_again(tmp_path):
    write(tmp_path / "x.pt", CONTENT)
    back = read(tmp_path / "x.pt")
    assert {key: list(table) for key, table in back.items()} == {key: list(table) for key, table in CONTENT.items()}
    for name, tensor in TENSORS.items():
        assert back["G_ema"][name].dtype == tensor.dtype and back["G_ema"][name].shape == tensor.shape
        assert np.array_equal(back["G_ema"][name], tensor)


@pytest.mark.torch
def test_torch_reads_it_in_its_safe_mode(tmp_path):
    torch = pytest.importorskip("torch")
    write(tmp_path / "x.pt", CONTENT)
    for mapped in (False, True):
        back = torch.load(tmp_path / "x.pt", weights_only=True, mmap=mapped)
        for name, tensor in TENSORS.items():
            assert tuple(back["G_ema"][name].shape) == tensor.shape
            assert np.array_equal(back["G_ema"][name].double().numpy(), tensor.astype(np.float64))


@pytest.mark.parametrize("bad", [{"a": np.array(["text"])}, {"a": 3}, {7: np.zeros(1, np.float32)}])
def test_content_that_a_torch_file_cannot_hold(tmp_path, bad):
    with pytest.raises(InputError):
        write(tmp_path / "x.pt", {"G": bad})
    assert not list(tmp_path.iterdir())
