"""What is found in a folder that nobody prepared."""

import io

import numpy as np
import pytest
from PIL import Image

from ganinv_jax.core.errors import InputError
from ganinv_jax.data.sources import open_source
from ganinv_jax.data.survey import survey


@pytest.fixture
def messy(tmp_path):
    """Each kind of picture once, of known size, and what is no picture at all."""
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8))
    clear = picture.convert("RGBA")
    clear.putpixel((3, 3), (0, 0, 0, 128))
    turned = Image.Exif()
    turned[0x0112] = 6
    (tmp_path / "sub").mkdir()
    picture.save(tmp_path / "plain.png")
    picture.resize((70, 90)).save(tmp_path / "turned.jpg", exif=turned)
    picture.convert("L").save(tmp_path / "gray.jpg")
    clear.save(tmp_path / "sub" / "clear.png")
    picture.convert("RGBA").save(tmp_path / "opaque.png")
    picture.save(tmp_path / "moving.gif", save_all=True, append_images=[picture.rotate(90)])
    file = io.BytesIO()
    picture.save(file, "JPEG")
    (tmp_path / "cut.jpg").write_bytes(file.getvalue()[:-300])
    (tmp_path / "notes.png").write_text("buy apples")
    (tmp_path / "readme.txt").write_text("mine")
    return tmp_path


def test_each_kind_is_counted_and_the_broken_are_named(messy):
    found = survey(open_source(messy))
    assert sorted(found.sides) == [30, 30, 30, 30, 30, 70]
    assert (found.gray, found.transparent, found.turned, found.animated) == (1, 1, 1, 1)
    assert [sentence.split()[0] for sentence in found.broken] == ["cut.jpg", "notes.png"]


def test_a_file_that_is_gone_is_not_called_broken(messy):
    source = open_source(messy)
    (messy / "gray.jpg").unlink()
    with pytest.raises(InputError, match=r"gray\.jpg"):
        survey(source)
