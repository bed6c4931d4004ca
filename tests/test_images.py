from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from labelaudit.errors import ReadError
from labelaudit.images import check_image, open_image


def saved(path: Path, image: Image.Image, **options) -> Path:
    image.save(path, **options)
    return path


def test_every_mode_becomes_rgb(tmp_path: Path) -> None:
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA"):
        image = open_image(saved(tmp_path / f"{mode}.png", Image.new(mode, (3, 2))))
        assert (image.mode, image.size) == ("RGB", (3, 2))
    assert open_image(saved(tmp_path / "cmyk.jpg", Image.new("CMYK", (3, 2)))).mode == "RGB"


def test_transparency_is_laid_on_white(tmp_path: Path) -> None:
    clear = Image.new("RGBA", (1, 1), (255, 0, 0, 0))
    assert open_image(saved(tmp_path / "a.png", clear)).getpixel((0, 0)) == (255, 255, 255)


def test_sixteen_bit_grey_is_scaled_not_clipped(tmp_path: Path) -> None:
    deep = Image.fromarray(np.array([[0, 32768, 65535]], dtype=np.uint16))
    assert np.asarray(open_image(saved(tmp_path / "a.png", deep)))[0, :, 0].tolist() == [0, 128, 255]


@pytest.mark.parametrize(
    ("pixels", "shown"),
    [
        (np.array([[0, 128, 255]], dtype=np.uint16), [0, 128, 255]),
        (np.array([[0, 2048, 4095]], dtype=np.uint16), [0, 128, 255]),
        (np.array([[0, 4096, 16383]], dtype=np.uint16), [0, 64, 255]),
        (np.array([[-5, 2048, 4095]], dtype=np.int32), [0, 128, 255]),
        (np.array([[0.0, 0.5, 1.0]], dtype=np.float32), [0, 127, 255]),
        (np.array([[-1.0, 128.0, 255.0]], dtype=np.float32), [0, 128, 255]),
        (np.array([[np.nan, np.inf, 0.5]], dtype=np.float32), [0, 0, 127]),
        (np.zeros((1, 3), dtype=np.float32), [0, 0, 0]),
    ],
)
def test_what_fills_a_part_of_its_bits_is_not_black(pixels, shown, tmp_path: Path) -> None:
    image = open_image(saved(tmp_path / "a.tif", Image.fromarray(pixels)))
    assert np.asarray(image)[0, :, 0].tolist() == shown


def test_a_picture_taken_sideways_is_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    assert open_image(saved(tmp_path / "a.jpg", Image.new("RGB", (4, 2)), exif=exif)).size == (2, 4)


@pytest.mark.parametrize("turn", range(10))
def test_every_turn_is_undone_as_pillow_does(turn: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = turn
    pixels = np.random.default_rng(0).integers(0, 256, (3, 5, 3), dtype=np.uint8)
    path = saved(tmp_path / "a.png", Image.fromarray(pixels), exif=exif)
    with Image.open(path) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    assert np.array_equal(np.asarray(open_image(path)), expected)


@pytest.mark.parametrize(("place", "value"), [(11, 0), (11, 26), (35, 13), (37, 1)])
def test_damaged_exif_does_not_spoil_a_whole_picture(place: int, value: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x011A] = 6, "x", 72.0
    path = saved(tmp_path / "a.jpg", Image.new("RGB", (4, 2)), exif=exif)
    content = bytearray(path.read_bytes())
    content[content.index(b"Exif\0\0") + 6 + place] = value
    path.write_bytes(content)
    assert open_image(path).mode == "RGB"


def test_size_is_checked_before_decoding(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", Image.new("L", (20, 20)))
    check_image(path, max_pixels=400)
    for look in (check_image, open_image):
        with pytest.raises(ReadError, match="more than 399 pixels"):
            look(path, max_pixels=399)


def test_formats_that_start_other_programs_are_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n%%EOF\n")
    with pytest.raises(ReadError, match="it is no image"):
        open_image(path)


def test_a_folder_is_no_image(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="Is a directory"):
        open_image(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    for read in (check_image, open_image):
        with pytest.raises(ReadError, match="it is a pipe or a device"):
            read(tmp_path / "pipe.png")
