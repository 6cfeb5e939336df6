"""Pictures that nobody prepared, from the folder to completions, as the README goes."""

import numpy as np
import pytest
from PIL import Image

from ganinv_jax.cli.main import main

SMALL = "channel_base=64"
RNG = np.random.RandomState(0)


@pytest.fixture(scope="module")
def unprepared(tmp_path_factory):
    """Odd sizes, gray, transparent, 16 bit, CMYK, turned by EXIF, a text, and two files that are broken."""
    folder = tmp_path_factory.mktemp("fruit")
    (folder / "more").mkdir()
    turned = Image.Exif()
    turned[0x0112] = 6
    for i in range(12):
        picture(31 + 7 * i, 90 - 5 * i, 3).save(folder / f"{i}.jpg", exif=turned)
    picture(40, 33, 1).save(folder / "gray.png")
    picture(40, 33, 4).save(folder / "more/transparent.png")
    picture(21, 22, 3).convert("CMYK").save(folder / "more/print.jpg")
    Image.fromarray(RNG.randint(0, 1 << 16, (30, 30)).astype(np.uint16)).save(folder / "more/deep.png")
    (folder / "cut.jpg").write_bytes((folder / "0.jpg").read_bytes()[:700])
    (folder / "empty.png").touch()
    (folder / "notes.txt").write_text("bought on Monday")
    return folder


@pytest.mark.slow
def test_from_a_folder_to_completions(tmp_path, unprepared, caplog):
    generator, inpainter = tmp_path / "generator", tmp_path / "inpainter"
    small = f"--config.stylegan2.network.{SMALL}"
    wide = ("--config.auto.resolution=16", f"--config.generator.synthesis.{SMALL}")
    train("gan_custom", generator, f"--config.data.source={unprepared}", small, *wide)
    told = "".join(caplog.messages)
    assert "cut.jpg" in told and "empty.png" in told and "0.jpg" not in told and "notes" not in told
    assert (
        main(["generate", "--seeds", "0-3", "--model", str(generator / "model"), "--out", str(tmp_path / "drawn")]) == 0
    )

    photos = f"--config.photos.source={unprepared}"
    train("inpaint_custom_stage1", inpainter, "--init-from", str(generator / "model"), photos, small)
    photo, model = str(unprepared / "more/transparent.png"), str(inpainter / "model")
    assert main(["inpaint", photo, "--hole-preset", "box", "--model", model, "--out", str(tmp_path / "filled")]) == 0
    assert Image.open(tmp_path / "filled/completion_03.png").size == (16, 16)


def train(recipe, workdir, *options):
    """A step on four pictures."""
    step = ("--config.batch_size=4", "--config.loop.total_kimg=0.004")
    assert main(["train", "--config", recipe, "--workdir", str(workdir), *step, *options]) == 0


def picture(width: int, height: int, channels: int) -> Image.Image:
    return Image.fromarray(RNG.randint(0, 256, (height, width, channels), np.uint8).squeeze())
