"""Pictures that nobody prepared: the broken ones are told of by name, and training has others in their places."""

import io
import logging

import numpy as np
import pytest
from PIL import Image

from ganinv_jax.core.errors import BrokenFileError, InputError
from ganinv_jax.data.loader import FEW, Loader
from ganinv_jax.data.sources import open_source
from ganinv_jax.data.unbroken import Unbroken


def encoded(pixels, kind="PNG", **options):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def noise(seed):
    return np.random.default_rng(seed).integers(0, 256, (30, 40, 3), np.uint8)


CUT, TEXT = encoded(noise(1), "JPEG")[:-600], b"buy apples"


class Numbered:
    """Picture i is full of i (modulo 256); those in `broken` raise."""

    c_dim, has_masks = 0, False

    def __init__(self, count, broken=(), error=BrokenFileError):
        self.count, self.broken, self.error = count, broken, error

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        if not 0 <= index < self.count:
            raise IndexError(index)
        if index in self.broken:
            raise self.error(f"{index}.png must be a whole picture file.")
        return {"image": np.full((4, 4, 3), index % 256, np.uint8), "name": f"{index}.png"}


def test_the_next_whole_picture_stands_in():
    source = Unbroken(Numbered(6, broken=(2, 3, 5)))
    for _ in range(2):
        assert [int(source[i]["image"][0, 0, 0]) for i in range(6)] == [0, 1, 4, 4, 4, 0]
    assert len(source) == 6
    for index in (6, -1):
        with pytest.raises(IndexError):
            source[index]


def test_each_broken_file_is_told_of_once_by_name(tmp_path, caplog):
    (tmp_path / "more").mkdir()
    files = {"DSC1.JPG": CUT, "more/notes.png": TEXT, "whole.png": encoded(noise(0)), "empty.gif": b""}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    loader = Loader(Unbroken(open_source(tmp_path)), batch=4, resolution=8)
    told = sorted(record.getMessage() for record in caplog.records)  # Few pictures: before the first batch.
    assert [message.split()[2] for message in told] == ["DSC1.JPG", "empty.gif", "more/notes.png"]
    assert all(message.startswith("Left out: ") and message.count(". ") == 0 for message in told)
    assert all(f"in {tmp_path} must be a whole picture" in message for message in told)
    assert all(record.levelno == logging.WARNING for record in caplog.records)
    batch = next(loader)["image"]
    assert (batch == batch[0]).all()
    Unbroken(open_source(tmp_path))[0]
    assert len(caplog.records) == 3


def test_batches_with_stand_ins_go_on_to_the_same_bits():
    def fresh(**options):
        return Loader(Unbroken(Numbered(FEW + 1, range(0, FEW, 3))), 8, 4, seed=1, mirror=True, **options)

    whole = [next(batches)["image"] for batches in [fresh()] for _ in range(6)]
    resumed = fresh(start_step=4, cache_bytes=0)
    for image in whole[4:]:
        np.testing.assert_array_equal(next(resumed)["image"], image)


def test_of_many_pictures_the_broken_come_up_when_met():
    class Counted(Numbered):
        read = 0

        def __getitem__(self, index):
            self.read += 1
            return super().__getitem__(index)

    many, few = Counted(FEW + 1), Counted(FEW)
    next(Loader(many, 4, 4, threads=1))
    Loader(few, 4, 4, threads=1)
    assert many.read < 100 and few.read >= FEW


def test_a_disk_that_fails_ends_training():
    with pytest.raises(InputError, match="2.png"):
        Loader(Unbroken(Numbered(4, broken=(2,), error=InputError)), 2, 8)


def test_nothing_but_broken_pictures():
    with pytest.raises(InputError, match="all 3 are broken"):
        Unbroken(Numbered(3, broken=range(3)))[1]


def test_what_counts_as_broken(tmp_path):
    """The file's own fault, as against a file that is gone, which may be back later."""
    for name, content in {"a.jpg": CUT, "b.png": TEXT}.items():
        (tmp_path / name).write_bytes(content)
    source = open_source(tmp_path)
    for index in range(2):
        with pytest.raises(BrokenFileError):
            source[index]
    (tmp_path / "a.jpg").unlink()
    with pytest.raises(InputError) as caught:
        source[0]
    assert not isinstance(caught.value, BrokenFileError)
