"""A folder of Parquet files is one data set, and only if it is whole."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from labelaudit.errors import LabelAuditError, LabelsError, ReadError
from labelaudit.readers import read
from labelaudit.verdicts import Verdict
from tests.readers.test_packed_images import IMAGES
from tests.test_corrected import corrected

TEXTS = [f"a text with the number {k}" for k in range(6)]
LABELS = ["x", "y", "x", "y", "x", "y"]


def shards(folder: Path, *names: str, **columns: list) -> Path:
    """Write six rows (or those of `columns`) evenly into files of these names."""
    folder.mkdir(parents=True, exist_ok=True)
    data = pa.table(columns or {"text": TEXTS, "label": LABELS})
    size = len(data) // len(names)
    for k, name in enumerate(names):
        pq.write_table(data.slice(k * size, size), folder / name)
    return folder


@pytest.mark.parametrize(
    "names",
    [
        ("train-00000-of-00003.parquet", "train-00001-of-00003.parquet", "train-00002-of-00003.parquet"),
        ("train-00000-of-00002-0f3a91.parquet", "train-00001-of-00002-77b0c2.parquet"),
        ("0000.parquet", "0001.parquet"),
        ("part-00000-8f21.snappy.parquet", "part-00001-8f21.snappy.parquet"),
        ("only.pq",),
    ],
)
def test_shards_are_read_in_the_order_of_their_names(tmp_path: Path, names: tuple[str, ...]) -> None:
    folder = shards(tmp_path / "data", *names)
    for hidden in ("_metadata.parquet", ".part.parquet", "_SUCCESS"):
        (folder / hidden).write_bytes(b"not to be read")
    dataset = read(folder)
    assert dataset.text.tolist() == TEXTS
    assert dataset.rows.tolist() == [1, 2, 3, 4, 5, 6]
    assert dataset.origin.reader == "shards"


def test_messages_name_the_file_and_the_row_in_it(tmp_path: Path) -> None:
    folder = shards(tmp_path, "0.parquet", "1.parquet", text=TEXTS, label=[*LABELS[:4], "x", "z"])
    with pytest.raises(LabelsError, match=r"1\.parquet, row 3: Unknown class 'z'"):
        read(folder, classes=["x", "y"])


def test_types_are_widened_and_classes_are_those_of_all_shards(tmp_path: Path) -> None:
    shards(tmp_path, "0.parquet", text=TEXTS, label=pa.array([0, 1, 0, 1, 0, 1], pa.int8()))
    shards(tmp_path, "1.parquet", text=TEXTS, label=pa.array([2, 1, 2, 1, 300, 300], pa.int64()))
    assert read(tmp_path).classes == ("0", "1", "2", "300")


def test_images_inside_shards_are_unpacked_beside_the_folder(tmp_path: Path) -> None:
    images = [{"bytes": image, "path": None} for image in IMAGES]
    dataset = read(shards(tmp_path / "digits", "0.parquet", "1.parquet", image=images, label=["x", "y"] * 2))
    assert [Path(path).read_bytes() for path in dataset.images] == IMAGES
    assert {Path(path).parent for path in dataset.images} == {tmp_path / "digits.images"}


@pytest.mark.parametrize(
    ("names", "problem", "fix"),
    [
        (("train.parquet", "test.parquet"), "several splits: test, train", "Give one file, such as"),
        (("train-00000-of-00001.parquet", "part-0.parquet"), "files without a split, train", "move the files"),
        (
            ("test-00000-of-00002.parquet", "test-00001-of-00002.parquet", "train-00000-of-00001.parquet"),
            "several splits: test, train",
            "such as .*train-00000-of-00001",
        ),
        (("train-00000-of-00003.parquet", "train-00002-of-00003.parquet"), "lacks 1 of 3 shards.*00001", "Copy"),
    ],
)
def test_what_is_not_one_whole_data_set_is_refused(tmp_path: Path, names, problem: str, fix: str) -> None:
    with pytest.raises(ReadError, match=f"{problem}.*{fix}"):
        read(shards(tmp_path / "data", *names))


def test_shards_that_do_not_fit_each_other_are_named(tmp_path: Path) -> None:
    shards(tmp_path, "0.parquet")
    shards(tmp_path, "1.parquet", text=TEXTS, label=LABELS, split=LABELS)
    with pytest.raises(ReadError, match=r"1\.parquet alone has a column 'split', other than 0\.parquet"):
        read(tmp_path)
    shards(tmp_path, "1.parquet", text=TEXTS, label=[1.5] * 6)
    with pytest.raises(ReadError, match=r"1\.parquet has other types than 0\.parquet"):
        read(tmp_path)
    (tmp_path / "1.parquet").write_bytes(b"PAR1 cut")
    with pytest.raises(ReadError, match=r"1\.parquet is no readable Parquet file"):
        read(tmp_path)
    for name, order in (("0", ["x", "y"]), ("1", ["y", "x"])):
        features = {"label": {"names": order, "_type": "ClassLabel"}}
        data = pa.table({"text": TEXTS, "label": [0, 1] * 3})
        data = data.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
        pq.write_table(data, tmp_path / f"{name}.parquet")
    with pytest.raises(ReadError, match=r"1\.parquet names its classes otherwise"):
        read(tmp_path)


def test_files_with_any_names_are_one_data_set_only_if_it_is_said(tmp_path: Path) -> None:
    shards(tmp_path, "clean.parquet", "old.parquet")
    with pytest.raises(ReadError, match=r"no folder that any reader knows.*--reader"):
        read(tmp_path)
    assert len(read(tmp_path, reader="shards")) == 6


def test_a_folder_without_shards_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LabelAuditError, match="has no Parquet file in it"):
        read(tmp_path, reader="shards")


def test_corrected_shards_keep_their_names_and_rows(tmp_path: Path) -> None:
    names = ("train-00000-of-00002.parquet", "train-00001-of-00002.parquet")
    folder = shards(tmp_path / "in", *names, id=[f"i{k}" for k in range(6)], text=TEXTS, label=LABELS)
    dataset = read(folder)
    corrected(dataset, tmp_path, {2: "x", 4: (Verdict.EXCLUDE, ()), 6: "x"}, tmp_path / "out")
    written = [pq.read_table(tmp_path / "out" / name) for name in names]
    assert [part.column("id").to_pylist() for part in written] == [["i0", "i1", "i2"], ["i4", "i5"]]
    assert [part.column("label").to_pylist() for part in written] == [["x", "x", "x"], ["x", "x"]]
    assert written[1].column("label_before").to_pylist() == ["x", "y"]
    assert (tmp_path / "out.changes.csv").is_file()
