import io
import struct
import zlib

import jax
import numpy as np
import pytest
from PIL import Image

from ganinv_jax.core import decoding
from ganinv_jax.core.errors import InputError
from ganinv_jax.core.images import (
    fit_hole,
    fit_square,
    frame,
    grid,
    labelled_grid,
    read_hole,
    read_mask,
    read_photo,
    resize,
    resize_hole,
    resize_photo,
    to_float,
    to_uint8,
    write_gif,
    write_png,
)


def noise(*shape, dtype=np.uint8, seed=0):
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max + 1, shape, dtype)


def encoded(picture, **options):
    file = io.BytesIO()
    picture.save(file, **options)
    return file.getvalue()


def test_photo_from_path_bytes_picture_and_array_is_the_same(tmp_path):
    pixels = noise(5, 7, 3)
    path = tmp_path / "photo.png"
    Image.fromarray(pixels).save(path)
    for source in (path, str(path), path.read_bytes(), Image.fromarray(pixels), pixels, jax.numpy.asarray(pixels)):
        photo = read_photo(source)
        assert photo.dtype == np.uint8
        np.testing.assert_array_equal(photo, pixels)


def test_photo_over_white_where_transparent(tmp_path):
    pixels, alpha = noise(6, 6, 3), noise(6, 6, 1, seed=1)
    over_white = pixels * (alpha / 255) + 255 * (1 - alpha / 255)
    source = encoded(Image.fromarray(np.concatenate([pixels, alpha], 2)), format="PNG")
    np.testing.assert_allclose(read_photo(source), over_white, atol=1)

    gray = np.concatenate([pixels[..., :1], alpha], 2)
    source = encoded(Image.fromarray(gray, "LA"), format="PNG")
    np.testing.assert_allclose(read_photo(source), np.repeat(over_white[..., :1], 3, 2), atol=1)

    palette = Image.fromarray(np.arange(4, dtype=np.uint8).reshape(2, 2), "P")
    palette.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9])
    photo = read_photo(encoded(palette, format="PNG", transparency=1))
    np.testing.assert_array_equal(photo, [[[255, 0, 0], [255, 255, 255]], [[0, 0, 255], [9, 9, 9]]])

    keyed = encoded(Image.fromarray(np.uint8([[[1, 2, 3], [4, 5, 6]]])), format="PNG", transparency=(4, 5, 6))
    np.testing.assert_array_equal(read_photo(keyed), [[[1, 2, 3], [255, 255, 255]]])


def test_photo_of_16_bits_is_scaled_not_cut_off():
    values = np.uint16([[0, 127, 256, 32768, 65535]])
    expected = np.repeat((values / 65535 * 255).round().astype(np.uint8)[..., None], 3, 2)
    png = encoded(Image.fromarray(values), format="PNG")
    assert Image.open(io.BytesIO(png)).mode.startswith("I")
    np.testing.assert_array_equal(read_photo(png), expected)
    np.testing.assert_array_equal(read_photo(values), expected)
    np.testing.assert_array_equal(read_photo(Image.fromarray(values.astype(np.int32), "I")), expected)
    np.testing.assert_array_equal(read_photo(encoded(Image.fromarray(values), format="TIFF")), expected)


def test_photo_of_float_and_of_small_integers():
    np.testing.assert_array_equal(read_photo(Image.fromarray(np.float32([[0, 0.5, 1]])))[0, :, 0], [0, 128, 255])
    np.testing.assert_array_equal(read_photo(Image.fromarray(np.int32([[0, 7, 255]]), "I"))[0, :, 0], [0, 7, 255])
    with pytest.raises(InputError, match="16 bits"):
        read_photo(Image.fromarray(np.int32([[-1, 0]]), "I"))


def test_photo_of_one_bit_gray_and_cmyk():
    bits = np.asarray([[True, False], [False, True]])
    np.testing.assert_array_equal(read_photo(encoded(Image.fromarray(bits), format="PNG"))[..., 2], bits * 255)
    np.testing.assert_array_equal(read_photo(np.uint8([[3, 4]])), [[[3, 3, 3], [4, 4, 4]]])
    colour = Image.new("RGB", (8, 8), (200, 30, 60)).convert("CMYK")
    photo = read_photo(encoded(colour, format="JPEG", quality=100))
    np.testing.assert_allclose(photo, np.broadcast_to([200, 30, 60], (8, 8, 3)), atol=3)


@pytest.mark.parametrize(
    ("orientation", "upright"),
    [
        (1, lambda x: x),
        (2, lambda x: x[:, ::-1]),
        (3, lambda x: x[::-1, ::-1]),
        (4, lambda x: x[::-1]),
        (5, lambda x: x.swapaxes(0, 1)),
        (6, lambda x: np.rot90(x, -1)),
        (7, lambda x: x[::-1, ::-1].swapaxes(0, 1)),
        (8, lambda x: np.rot90(x, 1)),
    ],
)
def test_photo_is_upright(orientation, upright):
    pixels = noise(4, 6, 3)
    exif = Image.Exif()
    exif[0x0112] = orientation
    photo = read_photo(encoded(Image.fromarray(pixels), format="PNG", exif=exif))
    np.testing.assert_array_equal(photo, upright(pixels))


def sentence(source, *words, reader=read_photo):
    """Reading must fail with one sentence that says `words`."""
    with pytest.raises(InputError) as caught:
        reader(source)
    message = str(caught.value)
    assert message.endswith(".") and "\n" not in message
    for word in words:
        assert word in message, message


def test_photo_errors_are_one_sentence(tmp_path):
    jpeg = encoded(Image.fromarray(noise(64, 64, 3)), format="JPEG")
    png = encoded(Image.fromarray(noise(64, 64, 3)), format="PNG")
    for name, content in {
        "text.png": b"hello",
        "empty.png": b"",
        "cut.jpg": jpeg[: len(jpeg) // 2],
        "cut.png": png[: len(png) // 2],
        "flipped.png": png[:60] + bytes([png[60] ^ 255]) + png[61:],
    }.items():
        (tmp_path / name).write_bytes(content)
        sentence(tmp_path / name, name, "whole picture file")
    sentence(tmp_path / "missing.png", "There is no photo", "missing.png")
    sentence(tmp_path, "is a folder")
    sentence(np.zeros((0, 4, 3), np.uint8), "4x0")
    sentence(np.zeros((4, 4, 3), np.float32), "float32")
    sentence(np.zeros((1, 4, 4, 3), np.uint8), "(1, 4, 4, 3)")
    sentence(np.zeros((4, 4, 2), np.uint8), "(4, 4, 2)")
    sentence(None, "NoneType")


def bomb(width, height):
    """A PNG header that claims a size, with hardly any data behind it."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [12_000, 30_000])
def test_decompression_bomb_is_refused_before_it_is_decoded(side):
    sentence(bomb(side, side), "128 megapixels")


def test_large_photo_is_read_without_a_warning(recwarn):
    photo = Image.new("L", (10_000, 9_500), 7)  # 95 megapixels, more than Pillow lets pass in silence.
    photo = read_photo(encoded(photo, format="PNG", compress_level=1))
    assert photo.shape == (9_500, 10_000, 3)
    assert fit_square(photo, 16).shape == (16, 16, 3) and (fit_square(photo, 16) == 7).all()
    assert not recwarn.list


def test_size_limit_counts_for_pictures_and_arrays(monkeypatch):
    monkeypatch.setattr(decoding, "MAX_PIXELS", 15)
    sentence(np.zeros((4, 4, 3), np.uint8), "megapixels")
    assert read_photo(np.zeros((3, 5, 3), np.uint8)).shape == (3, 5, 3)


HOLE = np.asarray([[True, False, False], [False, True, False]])


@pytest.mark.parametrize(
    "source",
    [
        HOLE,
        HOLE[..., None],
        HOLE.astype(np.uint8),
        HOLE.astype(np.int64),
        HOLE.astype(np.float32),
        HOLE.astype(np.uint8) * 255,
        HOLE.astype(np.uint8) * 100 + 60,
        Image.fromarray(HOLE),
        Image.fromarray(HOLE.astype(np.uint8)),
        encoded(Image.fromarray(HOLE.astype(np.uint8) * 255), format="PNG"),
        encoded(Image.fromarray(HOLE.astype(np.uint16) * 65535), format="PNG"),
        encoded(Image.fromarray(np.stack([np.full((2, 3), 255), HOLE * 255], 2).astype(np.uint8), "LA"), format="PNG"),
        np.concatenate([np.full((2, 3, 3), 255), HOLE[..., None] * 255], 2).astype(np.uint8),
        jax.numpy.asarray(HOLE),
    ],
)
def test_hole_is_where_it_is_white_or_true(source):
    hole = read_hole(source, (2, 3))
    assert hole.dtype == bool
    np.testing.assert_array_equal(hole, HOLE)


def test_hole_errors_are_one_sentence(tmp_path):
    def reader(source):
        return read_hole(source, (2, 3))

    sentence(HOLE.T, "photo is 3x2", "hole is 2x3", reader=reader)
    sentence(np.zeros((2, 3), bool), "empty", reader=reader)
    sentence(np.ones((2, 3), bool), "whole photo", reader=reader)
    sentence(np.full((2, 3), 2.0), "[0, 1]", reader=reader)
    sentence(np.full((2, 3), np.nan), "[0, 1]", reader=reader)
    sentence(tmp_path / "hole.png", "There is no hole", reader=reader)


def test_mask_may_be_empty_or_full():
    assert not read_mask(np.zeros((2, 3), np.uint8)).any()
    assert read_mask(np.full((2, 3), 255, np.uint8)).all()


def test_ranges_are_nvidias():
    levels = np.arange(256, dtype=np.uint8)
    floats = to_float(levels)
    assert floats.dtype == np.float32 and floats[0] == -1 and floats[255] == 1
    np.testing.assert_array_equal(to_uint8(floats), levels)
    # Truncation after +128: 0.4 of a level above stays, half a level goes up.
    values = np.float32([-9, -1, 0, 0.4 / 127.5, 1, 9])
    np.testing.assert_array_equal(to_uint8(values), [0, 0, 128, 128, 255, 255])
    np.testing.assert_array_equal(to_uint8(jax.numpy.asarray(values)), [0, 0, 128, 128, 255, 255])


def test_resize_is_antialiased_and_keeps_leading_axes():
    images = np.random.default_rng(0).standard_normal((2, 3, 8, 8, 3)).astype(np.float32)
    resized = np.asarray(resize(images, (4, 2)))
    assert resized.shape == (2, 3, 4, 2, 3)
    np.testing.assert_allclose(resized.mean(), images.mean(), atol=0.1)
    stripes = np.tile(np.float32([1, -1]), 8).reshape(1, 16, 1)  # At its Nyquist frequency: aliasing would show it.
    assert np.abs(np.asarray(resize(np.repeat(stripes, 16, 0), (8, 8)))[:, 1:-1]).max() < 1e-6
    pillow = Image.fromarray(images[0, 0, :, :, 0]).resize((2, 4), Image.Resampling.BILINEAR)
    np.testing.assert_allclose(resized[0, 0, :, :, 0], np.asarray(pillow), atol=1e-5)


def test_photo_resize_keeps_a_photo_of_the_size_and_the_mean():
    photo = noise(16, 16, 3)
    assert resize_photo(photo, (16, 16)) is photo
    assert abs(resize_photo(noise(64, 96, 3), (8, 6)).mean() - 127.5) < 5
    assert resize_photo(noise(64, 96, 3), (8, 6)).shape == (8, 6, 3)


@pytest.mark.parametrize("size", [(4, 4), (5, 3), (7, 9), (20, 11)])
def test_resized_hole_covers_every_pixel_that_it_touches(size):
    hole = np.random.default_rng(0).random((12, 9)) < 0.1
    expected = np.zeros(size, bool)
    for y in range(size[0]):  # The least common multiple's grid: exact overlap of pixels, by repetition alone.
        for x in range(size[1]):
            fine = hole.repeat(size[0], 0).repeat(size[1], 1)
            expected[y, x] = fine[y * 12 : (y + 1) * 12, x * 9 : (x + 1) * 9].any()
    np.testing.assert_array_equal(resize_hole(hole, size), expected)


def test_single_missing_pixel_survives_any_reduction():
    hole = np.zeros((3000, 3000), bool)
    hole[1234, 777] = True
    np.testing.assert_array_equal(np.argwhere(resize_hole(hole, (8, 8))), [[1234 * 8 // 3000, 777 * 8 // 3000]])


def test_square_is_the_centre():
    photo = noise(4, 10, 3)
    np.testing.assert_array_equal(fit_square(photo, 4), photo[:, 3:7])
    hole = noise(10, 4) < 128
    np.testing.assert_array_equal(fit_hole(hole, 4), hole[3:7])


def test_frame_inside_is_a_crop_and_beyond_is_missing():
    photo = noise(5, 8, 3)
    square, missing = frame(photo, (2, 1, 4))
    np.testing.assert_array_equal(square, photo[1:5, 2:6])
    assert not missing.any()
    square, missing = frame(photo, (-2, -1, 7))
    assert square.shape == (7, 7, 3) and missing.shape == (7, 7)
    np.testing.assert_array_equal(square[1:6, 2:7], photo[:, :5])
    expected = np.ones((7, 7), bool)
    expected[1:6, 2:7] = False
    np.testing.assert_array_equal(missing, expected)
    with pytest.raises(InputError, match="overlap"):
        frame(photo, (8, 0, 4))


def test_frame_of_chelsea_leaves_half_to_be_painted():
    _, missing = frame(np.zeros((300, 451, 3), np.uint8), (-11, -141, 517))
    assert 1 - missing.mean() == pytest.approx(300 * 451 / 517**2)
    assert not missing[141:441, 11:462].any()


def test_grid_places_every_image():
    images = noise(5, 3, 4, 3)
    sheet = grid(images, columns=2, gap=1)
    assert sheet.shape == (3 * 4 - 1, 2 * 5 - 1, 3)
    for index, image in enumerate(images):
        y, x = index // 2 * 4, index % 2 * 5
        np.testing.assert_array_equal(sheet[y : y + 3, x : x + 4], image)
    assert (sheet[3] == 255).all() and (sheet[8:, 5:] == 255).all()
    np.testing.assert_array_equal(grid(images[:4], columns=4, gap=0), np.concatenate(images[:4], 1))


@pytest.mark.parametrize("image", [noise(3, 4, 3), noise(3, 4)])
def test_png_round_trip(tmp_path, image):
    write_png(tmp_path / "new" / "a.png", image)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "new" / "a.png")), image)


def test_png_of_a_hole_is_read_back(tmp_path):
    write_png(tmp_path / "hole.png", HOLE)
    np.testing.assert_array_equal(read_hole(tmp_path / "hole.png", (2, 3)), HOLE)


def test_a_grid_with_names_holds_the_grid():
    images = np.random.default_rng(0).integers(0, 256, (4, 20, 60, 3), np.uint8)
    sheet, plain = labelled_grid(images, ["one", "two"], ["-1", "+1"]), grid(images, 2)
    height, width = plain.shape[:2]
    np.testing.assert_array_equal(sheet[-height:, -width:], plain)
    left, above = sheet[-height:, :-width], sheet[:-height, -width:]
    assert max(left.min(), above.min()) < 50 and np.all(sheet[:-height, :-width] == 255)


def test_animations(tmp_path):
    frames = np.repeat(np.arange(0, 250, 50, np.uint8), 4 * 6 * 3).reshape(5, 4, 6, 3)
    write_gif(tmp_path / "walk.gif", frames, milliseconds=40)
    with Image.open(tmp_path / "walk.gif") as gif:
        assert gif.n_frames == 5 and gif.size == (6, 4) and gif.info["duration"] == 40 and gif.info["loop"] == 0
        gif.seek(3)
        np.testing.assert_array_equal(np.asarray(gif.convert("RGB")), frames[3])
