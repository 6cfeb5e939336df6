"""Pictures written as a TFDS data set are those of the folder, in its order, through every door."""

import importlib.util
import io
import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from ganinv_jax.core.errors import InputError
from ganinv_jax.data.loader import Loader
from ganinv_jax.data.sources import open_source

pytest.importorskip("array_record")

from ganinv_jax.data.tfds_builder import prepare  # noqa: E402 (it imports TFDS)

TURNED = Image.Exif()
TURNED[0x0112] = 6


def picture(seed, mode="RGB"):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (9 + seed, 12, 3), np.uint8)).convert(mode)


def clear(seed):
    made = picture(seed, "RGBA")
    made.putpixel((0, 0), (9, 9, 9, 60))
    return made


MADE = {
    "a.png": (picture(0), {}),
    "b/portrait.JPG": (picture(1), {"exif": TURNED}),
    "b/plain.jpeg": (picture(2), {}),
    "c gray.png": (picture(3, "L"), {}),
    "d.png": (clear(4), {}),
    "e.gif": (picture(5, "P"), {}),
    "f.webp": (picture(6), {"quality": 50}),
    "g.jpg": (picture(7, "CMYK"), {}),
}


def folder_of(path, made=MADE, labels=None):
    for name, (image, options) in made.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        image.save(path / name, **options)
    if labels is not None:
        (path / "dataset.json").write_text(json.dumps({"labels": list(zip(sorted(made), labels, strict=True))}))
    return open_source(path)


def test_what_is_read_back_is_what_the_folder_holds(tmp_path):
    folder = folder_of(tmp_path / "pictures")
    assert prepare(folder, f"tfds:{tmp_path}/sets/mine") == {"train": len(MADE)}
    read = open_source(f"tfds:{tmp_path}/sets/mine/train")
    assert len(read) == len(MADE) and read.c_dim == 0
    for index in range(len(MADE)):
        np.testing.assert_array_equal(read[index]["image"], folder[index]["image"])


def test_batches_are_those_of_the_folder_and_go_on_at_the_sample(tmp_path):
    folder = folder_of(tmp_path / "pictures")
    prepare(folder, f"tfds:{tmp_path}/mine")
    read = open_source(f"tfds:{tmp_path}/mine/train")
    expected = [next(batches)["image"] for batches in [Loader(folder, 3, 8, seed=2, mirror=True)] for _ in range(9)]
    first = Loader(read, 3, 8, seed=2, mirror=True)
    found = [next(first)["image"] for _ in range(4)]
    again = Loader(open_source(f"tfds:{tmp_path}/mine/train"), 3, 8, seed=2, mirror=True, cache_bytes=0)
    again.restore(first.state())
    found += [next(again)["image"] for _ in range(5)]
    np.testing.assert_array_equal(np.stack(found), np.stack(expected))


def test_upright_rgb_files_are_kept_as_they_are_and_names_with_them(tmp_path):
    """Through TFDS itself: what is stored."""
    import tensorflow_datasets as tfds

    folder = folder_of(tmp_path / "pictures")
    prepare(folder, f"tfds:{tmp_path}/mine")
    builder = tfds.builder_from_directory(tmp_path / "mine" / "1.0.0")
    kept = []
    for record in builder.as_data_source("train", decoders={"image": tfds.decode.SkipDecoding()}):
        name = record["name"].decode()
        if record["image"] == (tmp_path / "pictures" / name).read_bytes():
            kept.append(name)
        else:
            with Image.open(io.BytesIO(record["image"])) as stored:
                assert (stored.format, stored.mode) == ("PNG", "RGB")
    assert kept == ["a.png", "b/plain.jpeg"]


def test_folders_named_as_splits_become_splits(tmp_path):
    made = {f"{split}/{i}.png": (picture(i), {}) for i, split in enumerate(["train", "train", "test"])}
    folder = folder_of(tmp_path / "pictures", made)
    assert prepare(folder, f"tfds:{tmp_path}/mine") == {"train": 2, "test": 1}
    np.testing.assert_array_equal(open_source(f"tfds:{tmp_path}/mine/test")[0]["image"], np.asarray(picture(2)))
    assert len(open_source(f"tfds:{tmp_path}/mine/train[1:]+tfds:{tmp_path}/mine/test")) == 2


@pytest.mark.parametrize("labels", [[1, 0, 2], [[0.5, 2.0], [1.0, 0.0], [0.0, 1.0]]], ids=["classes", "vectors"])
def test_labels_go_along(tmp_path, labels):
    folder = folder_of(tmp_path / "pictures", {f"{i}.png": (picture(i), {}) for i in range(3)}, labels)
    prepare(folder, f"tfds:{tmp_path}/mine")
    read = open_source(f"tfds:{tmp_path}/mine/train")
    assert read.c_dim == folder.c_dim
    for index in range(3):
        np.testing.assert_array_equal(read[index]["label"], folder[index]["label"])
        assert read[index]["label"].dtype == np.float32


def test_broken_pictures_are_left_out(tmp_path):
    folder_of(tmp_path / "pictures")
    (tmp_path / "pictures" / "a.png").write_text("buy apples")
    folder = open_source(tmp_path / "pictures")
    assert prepare(folder, f"tfds:{tmp_path}/mine") == {"train": len(MADE) - 1}
    np.testing.assert_array_equal(open_source(f"tfds:{tmp_path}/mine/train")[0]["image"], folder[1]["image"])
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["mine", "pictures"]


def test_a_name_is_found_in_tfds_own_folder_beside_a_folder_of_pictures(tmp_path):
    """In a process of its own, since TFDS reads $TFDS_DATA_DIR as it is imported."""
    folder_of(tmp_path / "fruit")
    program = (
        "from ganinv_jax.data.sources import open_source\nfrom ganinv_jax.data.tfds_builder import prepare\n"
        "prepare(open_source('fruit'), 'tfds:fruit')\nprint(len(open_source('tfds:fruit/train')))"
    )
    root = importlib.util.find_spec("ganinv_jax").submodule_search_locations[0].removesuffix("ganinv_jax")
    environment = {"TFDS_DATA_DIR": str(tmp_path / "kept"), "PYTHONPATH": root, "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [str(len(MADE))]
    assert (tmp_path / "kept" / "fruit" / "1.0.0" / "dataset_info.json").exists()


def test_names_that_cannot_be_are_sentences(tmp_path):
    folder = folder_of(tmp_path / "pictures")
    for spec, says in {
        "mine": "must read tfds:NAME",
        "tfds:Fruit": "lower-case",
        f"tfds:{tmp_path}/": "lower-case",
        "tfds:cifar10": "TFDS has a cifar10 itself",
    }.items():
        with pytest.raises(InputError, match=says):
            prepare(folder, spec)
    prepare(folder, f"tfds:{tmp_path}/mine")
    with pytest.raises(InputError, match="must be new"):
        prepare(folder, f"tfds:{tmp_path}/mine")
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="must be written"):
        prepare(folder, f"tfds:{tmp_path}/file/mine")
