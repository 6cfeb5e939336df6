import io
import json
import os
import pickle
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganinv_jax.core.errors import InputError
from ganinv_jax.data.sources import open_source
from ganinv_jax.data.unbroken import Unbroken


def picture(seed, height=6, width=8):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="PNG")
    return file.getvalue()


def folder_of(path, files):
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return f"folder:{path}"


def zip_of(path, files):
    path = path.with_suffix(".zip")
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return f"zip:{path}"


FILES = {
    "README.txt": b"about",
    "b/2.png": png(picture(2)),
    "a.PNG": png(picture(0)),
    "b/1.png": png(picture(1)),
    "index.csv": b"1,2",
    ".hidden/9.png": b"no picture",
    "__MACOSX/._a.png": b"no picture",
}


@pytest.mark.parametrize("make", [folder_of, zip_of])
def test_pictures_at_any_depth_sorted_and_nothing_else(tmp_path, make):
    spec = make(tmp_path / "pictures", FILES)
    for source in (open_source(spec), open_source(spec.partition(":")[2])):
        assert len(source) == 3 and source.c_dim == 0 and not source.has_masks
        assert [source[i]["name"] for i in range(3)] == ["a.PNG", "b/1.png", "b/2.png"]
        for index in range(3):
            np.testing.assert_array_equal(source[index]["image"], picture(index))
        with pytest.raises(IndexError):
            source[3]


def test_joined_sources_follow_one_another(tmp_path):
    first = zip_of(tmp_path / "one", {"0.png": png(picture(0)), "1.png": png(picture(1))})
    second = folder_of(tmp_path / "two", {"0.png": png(picture(2))})
    source = open_source(f"{first}+{second}+{first}")
    assert len(source) == 5
    for index, expected in enumerate([0, 1, 2, 0, 1]):
        np.testing.assert_array_equal(source[index]["image"], picture(expected))
    for index in (5, -1):
        with pytest.raises(IndexError):
            source[index]


def test_a_listing_tells_pictures_apart(tmp_path):
    one = zip_of(tmp_path / "one", FILES)
    two = folder_of(tmp_path / "two", {"0.png": png(picture(2))})
    names = ["a.PNG", "b/1.png", "b/2.png"]
    assert list(open_source(one).listing()) == names
    assert list(Unbroken(open_source(f"{two}+{one}")).listing()) == ["0.png", *names]


def test_a_plus_in_a_path_is_no_join(tmp_path):
    spec = folder_of(tmp_path / "a+b", {"0.png": png(picture(0))})
    assert len(open_source(spec)) == len(open_source(tmp_path / "a+b")) == 1


@pytest.mark.parametrize("make", [folder_of, zip_of])
def test_labels_of_dataset_json(tmp_path, make):
    table = {"labels": [["b/2.png", 3], ["a.PNG", 0], ["b/1.png", 1]]}
    source = open_source(make(tmp_path / "classes", {**FILES, "dataset.json": json.dumps(table).encode()}))
    assert source.c_dim == 4
    np.testing.assert_array_equal([source[i]["label"] for i in range(3)], np.eye(4)[[0, 1, 3]])
    table = {"labels": [["b/2.png", [0.5, 2]], ["a.PNG", [1, 1]], ["b/1.png", [0, 0]]]}
    source = open_source(make(tmp_path / "vectors", {**FILES, "dataset.json": json.dumps(table).encode()}))
    np.testing.assert_array_equal([source[i]["label"] for i in range(3)], [[1, 1], [0, 0], [0.5, 2]])
    assert source.c_dim == 2 and source[0]["label"].dtype == np.float32
    source = open_source(make(tmp_path / "none", {**FILES, "dataset.json": b'{"labels": null}'}))
    assert source.c_dim == 0 and "label" not in source[0]


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ('{"labels": [["a.PNG", 0]]}', "b/1.png"),
        ('{"labels": [["a.PNG", 0], ["b/1.png", [1]], ["b/2.png", 1]]}', "dataset.json"),
        ('{"labels": [["a.PNG", -1], ["b/1.png", 1], ["b/2.png", 1]]}', "classes from 0"),
        ('{"labels": [["a.PNG", "x"], ["b/1.png", "y"], ["b/2.png", "z"]]}', "classes from 0"),
        ('{"labels": 3}', "dataset.json"),
        ("[]", "dataset.json"),
        ("{", "dataset.json"),
    ],
)
def test_bad_labels_are_a_sentence(tmp_path, table, says):
    spec = folder_of(tmp_path / "bad", {**FILES, "dataset.json": table.encode()})
    with pytest.raises(InputError, match=says):
        open_source(spec)


def test_joined_labels_must_agree(tmp_path):
    plain = folder_of(tmp_path / "plain", {"0.png": png(picture(0))})
    labelled = folder_of(
        tmp_path / "labelled", {"0.png": png(picture(0)), "dataset.json": b'{"labels": [["0.png", 2]]}'}
    )
    with pytest.raises(InputError, match="one width"):
        open_source(f"{plain}+{labelled}")
    np.testing.assert_array_equal(open_source(f"{labelled}+{labelled}")[1]["label"], [0, 0, 1])


def masked(prefix="", mask=None):
    mask = np.arange(48).reshape(6, 8) % 5 == 0 if mask is None else mask
    return {
        f"{prefix}images/x/a.jpg.png": png(picture(0)),
        f"{prefix}masks/x/a.jpg.png": png(mask),
        f"{prefix}images/b.png": png(picture(1)),
        f"{prefix}masks/b.gif": png(~mask),
    }


@pytest.mark.parametrize("prefix", ["", "pack/"])
@pytest.mark.parametrize("make", [folder_of, zip_of])
def test_masks_pair_by_stem_and_are_no_pictures(tmp_path, make, prefix):
    spec = make(tmp_path / "pack", masked(prefix))
    source = open_source(spec)
    assert len(source) == 2 and "mask" not in source[0]
    source = open_source(spec, masks=True)
    assert source.has_masks and [source[i]["name"] for i in range(2)] == [
        f"{prefix}images/b.png",
        f"{prefix}images/x/a.jpg.png",
    ]
    expected = np.arange(48).reshape(6, 8) % 5 == 0
    np.testing.assert_array_equal(source[1]["mask"], expected)
    np.testing.assert_array_equal(source[0]["mask"], ~expected)


def test_a_folder_of_masks_alone_is_a_folder_of_pictures(tmp_path):
    assert len(open_source(folder_of(tmp_path / "a", {"masks/venice.png": png(picture(0))}))) == 1


def test_missing_or_misfit_masks_are_a_sentence(tmp_path):
    files = masked()
    del files["masks/b.gif"]
    with pytest.raises(InputError, match=r"images/b\.png has none"):
        open_source(folder_of(tmp_path / "missing", files), masks=True)
    source = open_source(folder_of(tmp_path / "misfit", masked(mask=np.zeros((5, 8), bool))), masks=True)
    with pytest.raises(InputError, match=r"masks/b\.gif.*8x6.*8x5"):
        source[0]


def test_bad_sources_are_a_sentence(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "empty").mkdir()
    (tmp_path / "cut.zip").write_bytes((FILES["a.PNG"] * 3)[:100])
    for spec, says in {
        f"folder:{tmp_path}/missing": "There are no pictures at",
        f"{tmp_path}/missing.zip": "There are no pictures at",
        f"folder:{tmp_path}/notes.txt": "must be a folder",
        f"zip:{tmp_path}/empty": "neither",
        f"{tmp_path}/cut.zip": "neither",
        f"{tmp_path}/empty": "no pictures",
        "tfds:cifar10": "tfds:NAME/SPLIT",
        "tfds:no_such_data_set/train": "cannot be opened",
    }.items():
        with pytest.raises(InputError, match=says):
            open_source(spec)
    with pytest.raises(InputError, match="without masks"):
        open_source("tfds:cifar10/train", masks=True)


@pytest.mark.parametrize("make", [folder_of, zip_of])
def test_broken_picture_is_named(tmp_path, make):
    source = open_source(make(tmp_path / "broken", {"a.png": png(picture(0)), "b.png": png(picture(1))[:-40]}))
    source[0]
    with pytest.raises(InputError, match=r"b\.png in .*broken"):
        source[1]


def test_broken_zip_entry_is_named(tmp_path):
    path = Path(zip_of(tmp_path / "pictures", {"a.png": png(picture(0))}).partition(":")[2])
    content = bytearray(path.read_bytes())
    content[60] ^= 255
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.png in .*CRC"):
        open_source(path)[0]


def test_file_that_vanished_is_named(tmp_path):
    source = open_source(folder_of(tmp_path / "a", {"a.png": png(picture(0))}))
    (tmp_path / "a" / "a.png").unlink()
    with pytest.raises(InputError, match=r"a\.png in .* cannot be read"):
        source[0]


def zip_of_many(path):
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (40, 40, 3), np.uint8) for _ in range(40)]
    return pictures, zip_of(path, {f"{i:02}.png": png(pixels) for i, pixels in enumerate(pictures)})


def test_zip_is_read_by_many_threads(tmp_path):
    pictures, spec = zip_of_many(tmp_path / "many")
    source = open_source(spec)
    order = np.random.default_rng(1).integers(0, 40, 800).tolist()
    with ThreadPoolExecutor(8) as pool:
        for index, example in zip(order, pool.map(source.__getitem__, order), strict=True):
            np.testing.assert_array_equal(example["image"], pictures[index])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*")
def test_zip_is_read_on_both_sides_of_a_fork(tmp_path):
    """Were the file handle shared, its position would jump under the other side's reading."""
    pictures, spec = zip_of_many(tmp_path / "many")
    source = open_source(spec)

    def agrees():
        return all(np.array_equal(source[i]["image"], pictures[i]) for _ in range(5) for i in range(40))

    child = os.fork()
    if not child:
        good = False
        try:
            good = agrees()
        finally:
            os._exit(0 if good else 1)
    assert agrees()
    assert os.waitpid(child, 0)[1] == 0


def test_source_travels_to_another_process(tmp_path):
    source = pickle.loads(pickle.dumps(open_source(zip_of(tmp_path / "a", FILES))))
    np.testing.assert_array_equal(source[1]["image"], picture(1))


def test_tfds_as_prepared_on_disk(tmp_path):
    tfds = pytest.importorskip("tensorflow_datasets")
    pytest.importorskip("array_record")

    class Tiny(tfds.core.GeneratorBasedBuilder):
        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            features = {"image": tfds.features.Image(), "label": tfds.features.ClassLabel(num_classes=3)}
            return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

        def _split_generators(self, dl_manager):
            return {"train": self._generate_examples()}

        def _generate_examples(self):
            for index in range(4):
                yield index, {"image": io.BytesIO(png(picture(index))), "label": index % 3}

    builder = Tiny(data_dir=tmp_path, file_format="array_record")
    builder.download_and_prepare()
    source = open_source(f"tfds:{builder.data_dir}/train")
    assert len(source) == 4 and source.c_dim == 3 and list(source.listing()) == ["tfds:tiny/1.0.0/train"]
    found = []  # TFDS shuffles what it prepares.
    for example in (source[index] for index in range(4)):
        found.append(next(i for i in range(4) if np.array_equal(example["image"], picture(i))))
        np.testing.assert_array_equal(example["label"], np.eye(3)[found[-1] % 3])
    assert sorted(found) == [0, 1, 2, 3]
    assert len(open_source(f"tfds:{builder.data_dir}/train[:50%]")) == 2
    with pytest.raises(InputError, match="cannot be opened"):
        open_source(f"tfds:{builder.data_dir}/nosplit")


@pytest.mark.shared
def test_the_picture_packs(shared):
    data = shared / "data"
    halves = open_source(f"zip:{data}/afhqcat_128_train-0.zip+zip:{data}/afhqcat_128_train-1.zip")
    assert len(halves) == 4629 and halves[4628]["image"].shape == (128, 128, 3)
    defects = open_source(data / "bsdata_64_heldout.zip", masks=True)
    marked = [defects[i]["mask"].any() for i in range(len(defects))]
    assert len(defects) == 686 and sum(marked) == 318
