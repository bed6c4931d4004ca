"""Images inside Parquet files and Hugging Face datasets: unpacked once, named by content, shown, never changed."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from labelaudit.batches import _location
from labelaudit.errors import LabelAuditError, OutputError, ReadError
from labelaudit.previews import previews
from labelaudit.readers import image_folders, read
from labelaudit.viewing.contents import Contents
from tests.readers.test_readers_folders import saved

PYTHON = Path(__file__).resolve().parents[2] / ".venvs" / "formats" / "bin" / "python"
LABELS = ["cat", "dog", "cat", "dog"]


def encoded(number: int, kind: str = "PNG") -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (6, 5), (40 * number, 10, 200)).save(stream, kind)
    return stream.getvalue()


IMAGES = [encoded(0), encoded(1, "JPEG"), encoded(2, "GIF"), encoded(3, "WEBP")]


def hugging(*names: str | None) -> list[dict]:
    return [{"bytes": content, "path": name} for content, name in zip(IMAGES, names, strict=True)]


def parquet(path: Path, images, **columns) -> Path:
    pq.write_table(pa.table({"image": images, "label": LABELS, **columns}), path, row_group_size=3)
    return path


@pytest.fixture(params=["parquet", "bytes", "large", "saved"])
def data(request, tmp_path: Path) -> Path:
    images = hugging("../../evil.png", "/etc/passwd", None, "a.exe")
    if request.param == "saved":
        return saved(tmp_path / "train", {"image": {"_type": "Image"}}, image=images, label=LABELS)
    if request.param == "parquet":
        return parquet(tmp_path / "train.parquet", images)
    return parquet(
        tmp_path / "train.parquet", pa.array(IMAGES, pa.binary() if request.param == "bytes" else "large_binary")
    )


def test_images_become_files_named_after_content_and_real_format(data: Path) -> None:
    dataset = read(data)
    folder = data.parent / "train.images"
    assert [Path(path).read_bytes() for path in dataset.images] == IMAGES
    assert [Path(path).suffix for path in dataset.images] == [".png", ".jpg", ".gif", ".webp"]
    assert {Path(path).parent for path in dataset.images} == {folder}
    assert [Path(path).stem for path in dataset.images] == dataset.content_hashes.tolist()
    assert dataset.ids.tolist() == [digest[:16] for digest in dataset.content_hashes]
    assert sorted(entry.name for entry in data.parent.iterdir()) == sorted([data.name, "train.images"])
    assert any("train.images" in note for note in dataset.origin.notes)
    assert previews(dataset).tolist() == [f"image of row {row}" for row in range(1, 5)]


def test_what_is_there_is_not_written_again(data: Path) -> None:
    first = read(data)
    times = [Path(path).stat().st_mtime_ns for path in first.images]
    Path(first.images[2]).unlink()
    again = read(data, **dict(first.origin.options))
    assert again.fingerprint == first.fingerprint
    assert again.origin == first.origin
    kept = [Path(path).stat().st_mtime_ns == time for path, time in zip(again.images, times, strict=True)]
    assert kept == [True, True, False, True]


def test_a_changed_or_linked_file_is_replaced(data: Path, tmp_path: Path) -> None:
    first = read(data)
    secret = tmp_path / "secret.png"
    secret.write_bytes(IMAGES[1])
    Path(first.images[0]).write_bytes(IMAGES[3])  # as if somebody had edited it
    Path(first.images[1]).write_bytes(b"")  # as a power failure may leave it
    Path(first.images[2]).unlink()
    Path(first.images[2]).symlink_to(secret)
    again = read(data)
    assert [Path(path).read_bytes() for path in again.images] == IMAGES
    assert not Path(again.images[2]).is_symlink()
    assert secret.read_bytes() == IMAGES[1]


def test_cards_show_them(data: Path) -> None:
    dataset = read(data)
    contents = Contents(dataset)
    for row in range(4):
        card = contents.content(row, 0, 1)
        assert (card["kind"], card["width"], card["height"]) == ("image", 6, 5)
        assert contents.line(row)["src"].startswith("data:image/png")


def test_annotators_get_addresses_below_the_folder_that_holds_both(data: Path) -> None:
    dataset = read(data)
    name = Path(dataset.images[0]).name
    assert _location(dataset.images[0], dataset, "https://host/x/") == f"https://host/x/train.images/{name}"


def test_unpacking_is_told(tmp_path: Path) -> None:
    told: list[tuple[int, int, str]] = []
    read(parquet(tmp_path / "d.parquet", IMAGES), progress=lambda *step: told.append(step))
    assert told[0] == (0, 4, "Unpacking images")
    assert told[-1] == (4, 4, "Unpacking images")


def test_the_folder_can_be_chosen(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    path = parquet(tmp_path / "data" / "train.parquet", IMAGES)
    dataset = read(path, unpack_to=tmp_path / "elsewhere")
    assert {Path(name).parent for name in dataset.images} == {tmp_path / "elsewhere"}
    assert [entry.name for entry in path.parent.iterdir()] == ["train.parquet"]
    assert image_folders(dataset.origin) == (path.parent, tmp_path / "elsewhere")
    assert Contents(dataset).content(0, 0, 1)["kind"] == "image"


def test_a_linked_data_file_has_its_images_beside_the_link(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "work").mkdir()
    parquet(tmp_path / "cache" / "0f3a", IMAGES)
    link = tmp_path / "work" / "train.parquet"
    link.symlink_to(tmp_path / "cache" / "0f3a")
    dataset = read(link)
    assert {Path(name).parent for name in dataset.images} == {tmp_path / "work" / "train.images"}
    assert Contents(dataset).content(0, 0, 1)["kind"] == "image"
    assert [entry.name for entry in (tmp_path / "cache").iterdir()] == ["0f3a"]


def test_the_same_image_twice_is_one_file_and_two_items(tmp_path: Path) -> None:
    dataset = read(parquet(tmp_path / "d.parquet", [IMAGES[0], IMAGES[0], IMAGES[1], IMAGES[2]]))
    assert len(list((tmp_path / "d.images").iterdir())) == 3
    assert dataset.images[0] == dataset.images[1]
    assert len(set(dataset.ids)) == 4


def test_a_cell_without_bytes_names_a_file_of_the_data_folder(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "b.png").write_bytes(IMAGES[0])
    cells = [{"bytes": None, "path": "more/b.png"}, *hugging(None, None, None, None)[1:]]
    dataset = read(parquet(tmp_path / "d.parquet", cells))
    assert dataset.images[0] == str(tmp_path / "more" / "b.png")
    assert Path(dataset.images[1]).parent == tmp_path / "d.images"
    only_paths = [{"bytes": None, "path": "more/b.png"}] * 4
    for path in (parquet(tmp_path / "e.parquet", only_paths), tmp_path / "f.jsonl"):
        if path.suffix == ".jsonl":
            rows = [{"image": cell, "label": label} for cell, label in zip(only_paths, LABELS, strict=True)]
            path.write_text("\n".join(map(json.dumps, rows)))
        assert set(read(path).images) == {str(tmp_path / "more" / "b.png")}
        assert not path.with_name(path.stem + ".images").exists()


def test_names_of_files_beside_images_are_no_second_image_column(tmp_path: Path) -> None:
    dataset = read(parquet(tmp_path / "d.parquet", IMAGES, file_name=[f"{k}.png" for k in range(4)]))
    assert dataset.origin.options["image"] == "image"
    assert "Columns not used: file_name." in dataset.origin.notes


def test_an_unpacked_folder_is_no_class(tmp_path: Path) -> None:
    read(parquet(tmp_path / "d.parquet", IMAGES))
    read(parquet(tmp_path / "e.parquet", IMAGES))
    with pytest.raises(ReadError, match="no folder that any reader knows"):
        read(tmp_path)


def test_other_bytes_are_no_images(tmp_path: Path) -> None:
    digests = [bytes([k] * 20) for k in range(4)]
    words = [f"these are words {k}" for k in range(4)]
    pq.write_table(pa.table({"digest": digests, "text": words, "label": LABELS}), tmp_path / "d.parquet")
    dataset = read(tmp_path / "d.parquet")
    assert dataset.modality == "text"
    assert dataset.images is None
    sounds = [{"bytes": b"RIFF....WAVE", "path": "a.wav"}] * 4
    with pytest.raises(ReadError, match="nothing to learn from"):
        read(parquet(tmp_path / "s.parquet", sounds))


def test_a_disk_that_is_full_leaves_whole_images_only(tmp_path: Path, monkeypatch) -> None:
    path = parquet(tmp_path / "d.parquet", IMAGES)
    write = Path.write_bytes

    def full(self: Path, content: bytes) -> int:
        if content == IMAGES[2]:
            write(self, content[:10])
            raise OSError(28, "No space left on device", str(self))
        return write(self, content)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(OutputError, match="No space left on device") as caught:
            read(path)
    assert "--unpack-to" in caught.value.fix
    assert sorted(file.read_bytes() for file in (tmp_path / "d.images").iterdir()) == sorted(IMAGES[:2])
    assert len(read(path)) == 4


def test_pillow_opens_only_formats_that_are_meant(tmp_path: Path) -> None:
    postscript = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 4 4\nshowpage\n"
    with pytest.raises(ReadError, match="row 2: The image cannot be read: it is no image"):
        read(parquet(tmp_path / "d.parquet", [IMAGES[0], postscript, *IMAGES[2:]]))


DATASETS = """
import datasets, sys
from PIL import Image
names = ["dark", "light"]
features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=names)})
pictures = [Image.new("L", (8, 8), k) for k in range(250)]
data = datasets.Dataset.from_dict({"image": pictures, "label": [int(k > 124) for k in range(250)]}, features=features)
data.save_to_disk("saved")
data.to_parquet("train.parquet", batch_size=100)
"""

BACK = """
import datasets
saved = datasets.load_from_disk("saved.clean")
train = datasets.load_dataset("parquet", data_files="train.clean.parquet", split="train", cache_dir="cache")
for data in (saved, train):
    assert isinstance(data.features["image"], datasets.Image), data.features
    assert [data[k]["image"].getpixel((0, 0)) for k in range(len(data))] == list(range(1, 250))
    assert data.features["label"].names == data.features["label_before"].names == ["dark", "light"]
    assert (data[0]["label"], data[0]["label_before"]) == (1, 0)
"""


def run(program: str, folder: Path) -> None:
    environment = {"HOME": str(folder), "HF_HUB_OFFLINE": "1", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [str(PYTHON), "-c", program],
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
        cwd=folder,
        env=environment,
    )
    assert done.returncode == 0, done.stderr[-3_000:]


@pytest.mark.slow
@pytest.mark.xdist_group("formats")
def test_what_datasets_writes_is_read_and_what_is_written_datasets_reads(tmp_path: Path) -> None:
    from labelaudit.decisions import Verdict
    from tests.test_corrected import corrected

    if not PYTHON.exists():
        pytest.skip("the package datasets is not installed: make services")
    run(DATASETS, tmp_path)
    for name in ("saved", "train.parquet"):
        dataset = read(tmp_path / name)
        assert [np.asarray(Image.open(path))[0, 0] for path in dataset.images] == list(range(250))
        assert dataset.classes == ("dark", "light")
        (tmp_path / "work").mkdir(exist_ok=True)
        decisions = {1: (Verdict.EXCLUDE, ()), 2: "light"}
        out = tmp_path / name.replace("train", "train.clean").replace("saved", "saved.clean")
        corrected(dataset, tmp_path / "work", decisions, out)
        (tmp_path / "work").rename(tmp_path / f"work.{name}")
    run(BACK, tmp_path)


@pytest.mark.parametrize("seed", range(60))
def test_a_damaged_file_is_read_or_refused(data: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    file = next(data.glob("*.arrow")) if data.is_dir() else data
    content = bytearray(file.read_bytes())
    for place in rng.integers(0, len(content) - 4, size=1 + seed % 3):
        content[place : place + 4] = [b"\x00\x00\x00\x80", b"\xff" * 4, rng.bytes(4)][seed % 3]
    file.write_bytes(content)
    with contextlib.suppress(LabelAuditError):
        assert len(read(data)) == 4
