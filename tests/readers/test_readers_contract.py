"""What holds for every reader the registry knows, and for the same data in every format."""

from __future__ import annotations

import contextlib
import gzip
import json
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from labelaudit.config import ReadOptions
from labelaudit.domain import Dataset
from labelaudit.errors import LabelAuditError
from labelaudit.readers import READERS, Reader, read

ROWS = [
    {"id": "a", "text": "The kettle, it leaks", "label": "broken", "channel": "mail"},
    {"id": "b", "text": 'He said "late"\nand left', "label": "delay", "channel": "chat"},
    {"id": "c", "text": "Größe stimmt nicht – 尺寸", "label": None, "channel": None},
    {"id": "d", "text": "NA", "label": "delay", "channel": "mail"},
    {"id": "e", "text": "It came in two parts", "label": "broken", "channel": "chat"},
]


def _csv(folder: Path) -> Path:
    pd.DataFrame(ROWS).to_csv(folder / "data.csv", index=False)
    return folder / "data.csv"


def _jsonl(folder: Path) -> Path:
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS)
    (folder / "data.jsonl").write_text(lines, encoding="utf-8")
    return folder / "data.jsonl"


def _parquet(folder: Path) -> Path:
    pq.write_table(pa.Table.from_pylist(ROWS), folder / "data.parquet")
    return folder / "data.parquet"


def _shards(folder: Path) -> Path:
    shards = folder / "repository" / "data"
    shards.mkdir(parents=True)
    data = pa.Table.from_pylist(ROWS)
    for number, part in enumerate((data.slice(0, 2), data.slice(2, 2), data.slice(4))):
        pq.write_table(part, shards / f"train-0000{number}-of-00003.parquet")
    return folder / "repository"


def _huggingface(folder: Path) -> Path:
    saved = folder / "saved"
    saved.mkdir()
    data = pa.Table.from_pylist(ROWS)
    for number, part in enumerate((data.slice(0, 2), data.slice(2))):
        with pa.OSFile(str(saved / f"data-{number}.arrow"), "wb") as sink, pa.ipc.new_stream(sink, part.schema) as out:
            out.write_table(part)
    files = [{"filename": f"data-{number}.arrow"} for number in range(2)]
    (saved / "state.json").write_text(json.dumps({"_data_files": files}))
    (saved / "dataset_info.json").write_text(json.dumps({"features": {"text": {"dtype": "string", "_type": "Value"}}}))
    return saved


def _images(folder: Path) -> Path:
    for number, name in enumerate(["cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png", "loose.png"]):
        path = folder / "pictures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (4, 4), number * 40).save(path)
    return folder / "pictures"


def _numpy(folder: Path) -> Path:
    np.save(folder / "labels.npy", np.array([0, 1, -1, 1, 0]))
    np.save(folder / "model.npy", np.array([[0.9, 0.1], [0.2, 0.8], [0.5, 0.5], [0.6, 0.4], [0.7, 0.3]]))
    return folder


EXAMPLES = {
    "csv": _csv,
    "huggingface": _huggingface,
    "images": _images,
    "jsonl": _jsonl,
    "numpy": _numpy,
    "parquet": _parquet,
    "shards": _shards,
}


def same(one: Dataset, other: Dataset) -> None:
    """Assert that two datasets are equal in all but their origin."""
    assert one.fingerprint == other.fingerprint
    assert one.classes == other.classes
    assert one.rows.tolist() == other.rows.tolist()
    assert {name: values.tolist() for name, values in one.groups.items()} == {
        name: values.tolist() for name, values in other.groups.items()
    }
    assert one.modality == other.modality


@pytest.mark.parametrize("name", READERS.names())
def test_every_reader_reads_its_example(name: str, tmp_path: Path) -> None:
    plugin = READERS.get(name)
    assert isinstance(plugin, Reader)
    assert plugin.name == name
    assert plugin.summary
    path = EXAMPLES[name](tmp_path)
    assert {other for other, reader in READERS if reader.matches(path)} == {name}
    dataset = read(path)
    assert len(dataset) == 5
    assert dataset.labels.dtype == np.int32
    assert (dataset.labels == -1).sum() == 1
    assert len(dataset.classes) == 2
    assert len(set(dataset.ids)) == 5
    assert all(type(item) is str for item in dataset.ids)
    assert dataset.rows.tolist() == [1, 2, 3, 4, 5]
    assert dataset.origin is not None
    assert dataset.origin.reader == name
    assert dataset.modality != "probs" or dataset.pred_probs


@pytest.mark.parametrize("name", READERS.names())
def test_reading_again_with_the_resolved_options_gives_the_same(name: str, tmp_path: Path) -> None:
    path = EXAMPLES[name](tmp_path)
    first = read(path)
    resolved = dict(first.origin.options)
    second = read(first.origin.path, ReadOptions(**resolved))
    same(first, second)
    assert dict(second.origin.options) == resolved
    # As an audit folder keeps them: JSON knows lists, no tuples.
    same(first, read(path, **json.loads(json.dumps(resolved))))


@pytest.mark.parametrize("name", ["jsonl", "parquet", "shards", "huggingface"])
def test_the_same_rows_are_the_same_dataset_in_every_format(name: str, tmp_path: Path) -> None:
    dataset = read(EXAMPLES[name](tmp_path), group="channel")
    same(dataset, read(_csv(tmp_path), group="channel"))
    assert dataset.text.tolist() == [row["text"] for row in ROWS]
    assert dataset.classes == ("broken", "delay")
    assert dataset.labels.tolist() == [0, 1, -1, 1, 0]
    assert dataset.groups["channel"].tolist() == ["mail", "chat", "", "mail", "chat"]


cells = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), min_size=1, max_size=8)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(cells, st.sampled_from(["x", "NA", "None", "01"])), min_size=4, max_size=9))
def test_any_text_comes_back_from_csv_and_json_as_it_was(rows, tmp_path: Path) -> None:
    rows = [*rows, ("a word", "x"), ("b word", "x"), ("c word", "NA")]
    frame = pd.DataFrame(rows, columns=["text", "label"])
    frame.to_csv(tmp_path / "data.csv", index=False)
    frame.to_json(tmp_path / "data.jsonl", orient="records", lines=True)
    for path in (tmp_path / "data.csv", tmp_path / "data.jsonl"):
        dataset = read(path)
        assert dataset.text.tolist() == [text for text, _ in rows]
        assert [dataset.classes[code] for code in dataset.labels] == [label for _, label in rows]


@pytest.mark.parametrize("name", ["csv", "jsonl"])
def test_compressed_and_encoded_files_read_the_same(name: str, tmp_path: Path) -> None:
    path = EXAMPLES[name](tmp_path)
    plain = read(path)
    packed = path.with_name(path.name + ".gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    same(plain, read(packed))
    for encoding in ("utf-16", "utf-8-sig", "gb18030"):
        other = path.with_stem(f"other-{encoding}")
        other.write_bytes(path.read_text(encoding="utf-8").encode(encoding))
        same(plain, read(other, encoding="utf-8" if encoding == "utf-8-sig" else encoding))


def test_shuffled_rows_keep_their_derived_ids(tmp_path: Path) -> None:
    frame = pd.DataFrame(ROWS).drop(columns="id")
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.iloc[::-1].to_csv(tmp_path / "b.csv", index=False)
    before, after = read(tmp_path / "a.csv"), read(tmp_path / "b.csv")
    assert before.ids.tolist() == after.ids.tolist()[::-1]
    assert before.labels.tolist() == after.labels.tolist()[::-1]


def test_options_may_be_paths_lists_or_an_object(tmp_path: Path) -> None:
    path = _csv(tmp_path)
    np.save(tmp_path / "p.npy", np.full((5, 2), 0.5, dtype=np.float32))
    one = read(str(path), pred_probs=tmp_path / "p.npy", text=["text"], group=None)
    two = read(path, ReadOptions(pred_probs=("p.npy",)), text="text")  # found beside the data too
    same(one, two)
    assert isinstance(one.pred_probs[0], np.memmap)
    assert replace(ReadOptions(), label="x").label == "x"


def test_probabilities_in_named_columns_give_the_order_of_classes(tmp_path: Path) -> None:
    path = _csv(tmp_path)
    pd.DataFrame({"delay": [0.1] * 5, "broken": [0.9] * 5}).to_parquet(tmp_path / "p.parquet")
    for normalize in (False, True):
        dataset = read(path, pred_probs="p.parquet", normalize=normalize)
        assert dataset.classes == ("delay", "broken")
        assert dataset.labels.tolist() == [1, 0, -1, 0, 1]


def test_asking_for_readers_imports_nothing_heavy() -> None:
    code = (
        "import sys; from labelaudit.readers import READERS; list(READERS); "
        "print([m for m in ('pandas', 'pyarrow', 'sklearn', 'PIL', 'numba') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # remarks on odd files, which the command line keeps to itself
@pytest.mark.parametrize("name", READERS.names())
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused_but_never_a_traceback(
    name: str, data: st.DataObject, tmp_path: Path
) -> None:
    with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
        path = EXAMPLES[name](Path(folder))
        files = sorted(file for file in ([path] if path.is_file() else path.rglob("*")) if file.is_file())
        file = data.draw(st.sampled_from(files))
        content = bytearray(file.read_bytes())
        start = data.draw(st.integers(0, len(content)))
        removed = data.draw(st.integers(0, 8))
        content[start : start + removed] = data.draw(st.binary(max_size=8))
        file.write_bytes(content)
        with contextlib.suppress(LabelAuditError):
            assert len(read(path)) > 0
