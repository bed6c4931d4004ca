"""Bad images: missing, damaged, too large, or outside of the data folder."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from labelaudit.errors import LabelsError, OutputError, ReadError
from labelaudit.images import open_image
from tests.bad_input.cases import Cases, write

case = Cases()


def picture(path: Path, size: tuple[int, int] = (8, 8)) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, "red").save(path)
    return path.read_bytes()


def image_table(folder: Path, name: str) -> tuple[Path, dict[str, Any]]:
    picture(folder / "data" / "a.png")
    return write(folder / "data" / "data.csv", f"image,label\na.png,x\n{name},y\na.png,x\n"), {}


@case(ReadError, "row 2 (line 3): The image", "b.png", "no such file")
def missing_image(folder):
    return image_table(folder, "b.png")


@case(ReadError, "row 2 (line 3)", "it is empty")
def empty_image(folder):
    path, options = image_table(folder, "b.png")
    write(path.parent / "b.png", b"")
    return path, options


@case(ReadError, "row 2 (line 3)", "it is no image, or damaged")
def text_called_image(folder):
    path, options = image_table(folder, "b.jpg")
    write(path.parent / "b.jpg", "these are words")
    return path, options


@case(ReadError, "row 2 (line 3)", "leads out of the folder")
def image_path_with_dots(folder):
    picture(folder / "b.png")
    return image_table(folder, "../b.png")


@case(ReadError, "leads out of the folder")
def absolute_image_path(folder):
    picture(folder / "b.png")
    return image_table(folder, str(folder / "b.png"))


@case(ReadError, "leads out of the folder")
def link_out_of_the_folder(folder):
    picture(folder / "b.png")
    path, options = image_table(folder, "b.png")
    (path.parent / "b.png").symlink_to(folder / "b.png")
    return path, options


@case(ReadError, "leads out of the folder")
def folder_linked_out_of_the_folder(folder):
    picture(folder / "elsewhere" / "b.png")
    path, options = image_table(folder, "linked/b.png")
    (path.parent / "linked").symlink_to(folder / "elsewhere")
    return path, options


@case(ReadError, "row 2 (line 3): the image path is missing")
def image_path_missing(folder):
    return image_table(folder, "")


def claimed(width: int, height: int) -> bytes:
    """Return a PNG of a few bytes whose head claims a size."""
    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x02\x00\x00\x00"
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b""))
    parts = (
        len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big") for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@case(ReadError, "row 2 (line 3)", "it claims more than 80,000,000 pixels", "(9000 × 9000)")
def image_too_large(folder):
    path, options = image_table(folder, "b.png")
    write(path.parent / "b.png", claimed(9000, 9000))
    return path, options


@case(ReadError, "row 2 (line 3)", "it claims more than 80,000,000 pixels")
def image_that_pillow_warns_of(folder):
    path, options = image_table(folder, "b.png")
    write(path.parent / "b.png", claimed(10000, 10000))
    return path, options


@case(ReadError, "row 2 (line 3)", "it claims more than 80,000,000 pixels")
def decompression_bomb(folder):
    path, options = image_table(folder, "b.png")
    write(path.parent / "b.png", claimed(60000, 60000))
    return path, options


@case(ReadError, "folders of folders", "train")
def image_folders_too_deep(folder):
    picture(folder / "train" / "cat" / "a.png")
    picture(folder / "test" / "cat" / "a.png")
    return folder, {"reader": "images"}


@case(LabelsError, "one class only, 'cat'")
def images_of_one_class(folder):
    picture(folder / "cat" / "a.png")
    picture(folder / "cat" / "b.png")
    return folder, {}


# images inside a file


def packed(folder: Path, cell: dict[str, Any] | bytes | None, **options: Any) -> tuple[Path, dict[str, Any]]:
    """Write a Parquet file of three images, of which `cell` is the second."""
    good = picture(folder / "a.png")
    (folder / "a.png").unlink()
    images = [{"bytes": good, "path": None}] * 3 if cell is None or isinstance(cell, dict) else [good] * 3
    images[1] = cell
    pq.write_table(pa.table({"image": images, "label": ["x", "y", "x"]}), folder / "data.parquet")
    return folder / "data.parquet", {"unpack_to": str(folder.parent / f"{folder.name}.unpacked"), **options}


@case(ReadError, "Column 'image' of", "data.parquet, row 2: the image is missing.")
def packed_image_that_is_null(folder):
    return packed(folder, None)


@case(ReadError, "row 2: the image is missing.")
def packed_image_without_bytes_and_path(folder):
    return packed(folder, {"bytes": None, "path": None})


@case(ReadError, "row 2: The image cannot be read: it is empty.", "Replace the image, or leave the item out.")
def packed_image_of_no_bytes(folder):
    return packed(folder, {"bytes": b"", "path": "b.png"})


@case(ReadError, "row 2: The image cannot be read: it is no image, or damaged.")
def packed_image_that_is_none(folder):
    return packed(folder, b"these are words")


@case(ReadError, "row 2", "it claims more than 80,000,000 pixels")
def packed_bomb(folder):
    return packed(folder, claimed(60000, 60000))


@case(ReadError, "row 2: The image", "b.png cannot be read: there is no such file.", "save the data with its images")
def packed_path_of_no_file(folder):
    return packed(folder, {"bytes": None, "path": "b.png"})


@case(ReadError, "row 2: the image path '/etc/b.png' leads out of the folder", "save the data with its images")
def packed_path_elsewhere(folder):
    return packed(folder, {"bytes": None, "path": "/etc/b.png"})


@case(ReadError, "Several columns of", "may be the image: image, mask", "--image mask")
def two_columns_of_packed_images(folder):
    path, options = packed(folder, {"bytes": claimed(2, 2), "path": "b.png"})
    data = pq.read_table(path)
    pq.write_table(data.append_column("mask", data["image"]), path)
    return path, options


@case(ReadError, "Column 'image' of", "holds neither images nor paths of images, but list<")
def lists_of_images(folder):
    pq.write_table(pa.table({"image": [["a.png", "b.png"]] * 3, "label": ["x", "y", "x"]}), folder / "data.parquet")
    return folder / "data.parquet", {"image": "image"}


@case(OutputError, "The images in", "cannot be unpacked to", "No such file or directory", "--unpack-to")
def folder_to_unpack_to_in_no_folder(folder):
    return packed(folder, claimed(2, 2), unpack_to=str(folder / "nowhere" / "images"))


@case(OutputError, "cannot be unpacked to", "File exists", "--unpack-to")
def folder_to_unpack_to_is_a_file(folder):
    write(folder / "taken", "words")
    return packed(folder, claimed(2, 2), unpack_to=str(folder / "taken"))


@pytest.mark.parametrize("name", case)
def test_bad_input_gets_one_clear_error(name: str, tmp_path: Path) -> None:
    case.check(name, tmp_path)


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "gif", "tiff", "webp"])
def test_a_truncated_image_is_refused_when_it_is_decoded(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    write(path, path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ReadError, match=r"labels\.csv, row 2: the image .* cannot be read: .*") as caught:
        open_image(path, where="labels.csv, row 2")
    assert caught.value.fix
