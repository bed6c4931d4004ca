"""Decisions written back into columnar files: Parquet and saved Hugging Face datasets."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from labelaudit.decisions import Verdict
from labelaudit.readers import read
from tests.test_corrected import corrected


def features():
    names = ["neg", "pos", "none"]
    return {"text": {"dtype": "string", "_type": "Value"}, "label": {"names": names, "_type": "ClassLabel"}}


def hub_table():
    return pa.table(
        {
            "text": [f"text {k}" for k in range(8)],
            "label": pa.array([k % 2 for k in range(8)], pa.int64()),
            "odd": pa.array([[k, None] for k in range(8)], pa.list_(pa.int16())),
        }
    )


@pytest.mark.parametrize("reader", ["parquet", "huggingface"])
def test_class_labels_stay_indices_and_other_columns_stay_as_they_are(reader, tmp_path):
    metadata = {"huggingface": json.dumps({"info": {"features": features()}}), "mine": "kept"}
    table = hub_table().replace_schema_metadata(metadata)
    path = tmp_path / ("in.parquet" if reader == "parquet" else "saved")
    if reader == "parquet":
        pq.write_table(table, path, compression="zstd")
    else:
        path.mkdir()
        with pa.OSFile(str(path / "data.arrow"), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table)
        (path / "state.json").write_text(json.dumps({"_data_files": [{"filename": "data.arrow"}], "_fingerprint": "1"}))
        (path / "dataset_info.json").write_text(json.dumps({"features": features()}))
    out = tmp_path / f"out{path.suffix}"
    corrected(read(path, label="label", text=("text",)), tmp_path, {1: "none", 3: (Verdict.EXCLUDE, ()), 4: "neg"}, out)
    again = read(out, label="label", text=("text",))
    assert again.classes == ("neg", "pos", "none")
    assert again.labels.tolist() == [2, 1, 0, 0, 1, 0, 1]
    if reader == "parquet":
        written = pq.read_table(out)
        assert pq.ParquetFile(out).metadata.row_group(0).column(0).compression == "ZSTD"
    else:
        written = pa.ipc.open_stream(out / "data-00000-of-00001.arrow").read_all()
        info = json.loads((out / "dataset_info.json").read_text())
        assert list(info["features"]) == ["text", "label", "label_before", "label_verdict"]
        assert json.loads((out / "state.json").read_text())["_fingerprint"] != "1"
    kept = pa.array([row != 2 for row in range(8)])
    for name in ("text", "odd"):
        assert written.column(name).equals(hub_table().column(name).filter(kept))
    assert written.schema.metadata[b"mine"] == b"kept"
    assert written.column("label").type == pa.int64()
    assert written.column("label_before").to_pylist() == [0, 1, 1, 0, 1, 0, 1]
    assert written.column("label_verdict").to_pylist() == ["relabel", "", "relabel", "", "", "", ""]


@pytest.mark.parametrize("kind", ["none", "snappy", "gzip", "brotli", "lz4", "zstd"])
def test_parquet_keeps_row_groups_compression_and_images(kind, tmp_path):
    pictures = []
    for number in range(7):
        Image.new("L", (4, 4), number).save(tmp_path / "a.png")
        pictures.append({"bytes": (tmp_path / "a.png").read_bytes(), "path": f"{number}.png"})
    table = pa.table({"image": pictures, "label": ["x", "y", None, "x", "y", "x", "y"]})
    pq.write_table(table, tmp_path / "in.parquet", row_group_size=3, compression={"label": kind, "image.bytes": "none"})
    dataset = read(tmp_path / "in.parquet", label="label")
    corrected(dataset, tmp_path, {1: "y", 5: (Verdict.EXCLUDE, ())}, tmp_path / "out.parquet")
    written = pq.ParquetFile(tmp_path / "out.parquet")
    columns = {
        column.path_in_schema: column.compression for column in map(written.metadata.row_group(0).column, range(5))
    }
    assert columns["image.bytes"] == "UNCOMPRESSED"
    assert columns["label"] == columns["label_verdict"] == ("UNCOMPRESSED" if kind == "none" else kind.upper())
    assert [written.metadata.row_group(group).num_rows for group in range(3)] == [3, 2, 1]
    kept = pa.array([row != 4 for row in range(7)])
    assert written.read().column("image").equals(table.column("image").filter(kept))
    assert written.read().column("label").to_pylist() == ["y", "y", None, "x", "x", "y"]
