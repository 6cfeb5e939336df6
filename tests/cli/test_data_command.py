"""`ganinv data`: what it says of a folder that nobody prepared, and the data set that it writes."""

import numpy as np
import pytest
from PIL import Image

from ganinv_jax.data.sources import open_source


@pytest.fixture
def fruit(tmp_path):
    folder = tmp_path / "fruit"
    folder.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (40, 70, 3), np.uint8)
    for name in ("a.png", "b.jpg"):
        Image.fromarray(pixels).save(folder / name)
    Image.fromarray(pixels[..., 0]).resize((90, 100)).save(folder / "gray.png")
    (folder / "notes.png").write_text("buy apples")
    return folder


def test_says_what_there_is_and_names_the_broken(works, fruit):
    told = works("data", fruit).splitlines()
    assert told[0] == f"{fruit}: 4 pictures."
    assert [line.split()[0] for line in told[1:3]] == ["1", "1"] and "gray" in told[1] and "broken" in told[2]
    assert told[3].strip().startswith(f"notes.png in {fruit} must be a whole picture")
    assert told[4].endswith("40 to 90 px wide.") and "2 at 64 px" in told[5] and len(told) == 6


def test_writes_a_data_set_that_training_takes(works, fruit, tmp_path):
    pytest.importorskip("array_record")
    told = works("data", fruit, f"tfds:{tmp_path}/fruit_set").splitlines()[-1]
    assert told == f"Wrote 3 pictures: --config.data.source=tfds:{tmp_path}/fruit_set/train"
    assert len(open_source(told.partition("=")[2])) == 3


def test_bad_input_is_a_sentence(fails, fruit, tmp_path):
    assert "There are no pictures" in fails("data", tmp_path / "none")
    assert "one folder or one zip" in fails("data", f"{fruit}+folder:{fruit}")
    assert "must read tfds:NAME" in fails("data", fruit, "fruit_set")
    for path in fruit.glob("[abg]*"):
        path.unlink()
    assert "all are broken" in fails("data", fruit)
