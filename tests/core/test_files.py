import errno
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganinv_jax.core.errors import InputError
from ganinv_jax.core.files import atomic_file, atomic_files, atomic_folder
from ganinv_jax.core.images import write_png


def everything(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_file_appears_whole_when_the_block_ends(tmp_path):
    target = tmp_path / "deep" / "a.npz"
    with atomic_file(target) as temporary:
        assert temporary.parent == target.parent and temporary.suffix == ".npz"
        np.savez(temporary, x=np.arange(3))
        assert not target.exists()
    assert everything(tmp_path) == ["deep", "deep/a.npz"]
    with atomic_file(str(target)) as temporary:
        temporary.write_text("new")
    assert target.read_text() == "new"


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
def test_file_of_a_failed_block_leaves_the_old_one(tmp_path, failure):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(failure), atomic_file(target) as temporary:
        temporary.write_text("half")
        raise failure
    assert everything(tmp_path) == ["a.txt"] and target.read_text() == "old"


def fail(number):
    def call(*args, **kwargs):
        raise OSError(number, os.strerror(number))

    return call


def test_full_disk_is_a_sentence_and_leaves_nothing(tmp_path, monkeypatch):
    target = tmp_path / "a.png"
    with monkeypatch.context() as patch:
        patch.setattr(Image.Image, "save", fail(errno.ENOSPC))
        with pytest.raises(InputError, match=r"a\.png must be writable.*No space left.*free some space\.$"):
            write_png(target, np.zeros((2, 2, 3), np.uint8))
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail(errno.ENOSPC))
        with pytest.raises(InputError, match="free some space"):
            write_png(target, np.zeros((2, 2, 3), np.uint8))
    assert everything(tmp_path) == []


def test_really_full_disk(tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("needs the device /dev/full")
    with (
        pytest.raises(InputError, match="free some space"),
        atomic_file(tmp_path / "a"),
        open("/dev/full", "wb", 0) as f,
    ):
        f.write(b"x")


def test_files_move_into_a_folder_together(tmp_path):
    target = tmp_path / "out"
    for text in ("old", "new"):
        with atomic_files(target) as temporary:
            (temporary / "a.txt").write_text(text)
            (temporary / f"{text}.txt").write_text(text)
            assert not (target / f"{text}.txt").exists()
    assert everything(tmp_path) == ["out", "out/a.txt", "out/new.txt", "out/old.txt"]
    assert (target / "a.txt").read_text() == "new"


def test_files_of_a_failed_block_change_nothing(tmp_path):
    target = tmp_path / "out"
    target.mkdir()
    (target / "a.png").write_text("old")
    with pytest.raises(InputError, match="out/b.png") as caught, atomic_files(target) as temporary:
        (temporary / "a.png").write_text("new")
        (temporary / "b.png").mkdir()
        write_png(temporary / "b.png", np.zeros((2, 2, 3), np.uint8))
    assert "/.out" not in str(caught.value)
    assert everything(tmp_path) == ["out", "out/a.png"] and (target / "a.png").read_text() == "old"
    with pytest.raises(InputError, match="that is a file"), atomic_files(target / "a.png"):
        pass


def test_bad_places_are_sentences(tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="file"), atomic_file(tmp_path / "file" / "a.png"):
        pass
    with pytest.raises(InputError, match="is a folder"), atomic_file(tmp_path / "folder"):
        pass
    with pytest.raises(InputError, match="is a file"), atomic_folder(tmp_path / "file"):
        pass
    with pytest.raises(InputError, match="writable"), atomic_file(tmp_path / ("x" * 300)) as temporary:
        temporary.write_text("x")


def test_error_about_another_file_stays_what_it_is(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_file(tmp_path / "a.txt"):
        (tmp_path / "elsewhere" / "b.txt").read_text()
    with pytest.raises(FileNotFoundError), atomic_file(tmp_path / "a.txt"):
        Path("/nowhere/b.txt").read_text()


def test_folder_appears_whole(tmp_path):
    target = tmp_path / "model.v1"
    with atomic_folder(target) as temporary:
        (temporary / "a").write_text("1")
        assert not target.exists()
    assert everything(tmp_path) == ["model.v1", "model.v1/a"]


def test_folder_that_holds_something_is_replaced_only_on_request(tmp_path):
    target = tmp_path / "model"
    target.mkdir()
    (target / "mine").write_text("precious")
    with pytest.raises(InputError, match="already holds something"), atomic_folder(target) as temporary:
        (temporary / "a").write_text("1")
    assert everything(tmp_path) == ["model", "model/mine"]
    with atomic_folder(target, overwrite=True) as temporary:
        (temporary / "a").write_text("1")
    assert everything(tmp_path) == ["model", "model/a"]


def test_folder_of_a_failed_block_leaves_the_old_one(tmp_path):
    target = tmp_path / "model"
    target.mkdir()
    (target / "a").write_text("old")
    with pytest.raises(ValueError), atomic_folder(target, overwrite=True) as temporary:
        (temporary / "a").write_text("half")
        raise ValueError
    assert everything(tmp_path) == ["model", "model/a"] and (target / "a").read_text() == "old"


def test_old_folder_comes_back_if_the_new_one_cannot_take_its_place(tmp_path, monkeypatch):
    target = tmp_path / "model"
    target.mkdir()
    (target / "a").write_text("old")
    replace, calls = os.replace, []

    def second_fails(source, destination):
        calls.append(destination)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(source, destination)

    monkeypatch.setattr(os, "replace", second_fails)
    with pytest.raises(InputError, match="free some space"), atomic_folder(target, overwrite=True) as temporary:
        (temporary / "a").write_text("new")
    assert everything(tmp_path) == ["model", "model/a"] and (target / "a").read_text() == "old"


def test_the_current_folder_and_the_root(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with atomic_file("a.txt") as temporary:
        temporary.write_text("x")
    assert everything(tmp_path) == ["a.txt"]
    for place in (".", "/"):
        with pytest.raises(InputError, match="already holds something"), atomic_folder(place):
            pass
        with pytest.raises(InputError, match="is a folder"), atomic_file(place):
            pass
