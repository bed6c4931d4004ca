"""A Hugging Face dataset saved on disk: written as ``save_to_disk`` would, without the ``datasets`` package."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from labelaudit.corrected import Correction, Layout, Writer, label_name
from labelaudit.corrected._arrow import LabelColumns, with_described_features, with_features

_FILE = "data-00000-of-00001.arrow"


def write(source: Path, target: Path, corrections: Mapping[int, Correction], layout: Layout) -> None:
    """Write one Arrow file with the corrected columns, and the two files that describe it."""
    import pyarrow as pa

    folder = _folder_of(source)
    state: dict[str, Any] = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    # Mapped, not read: a column of images may be larger than memory.
    parts = [_opened(pa.memory_map(str(folder / file["filename"]))).read_all() for file in state["_data_files"]]
    table = pa.concat_tables(parts)
    columns = LabelColumns.decided(table.column(label_name(layout)), table.column_names, corrections, layout)
    metadata = with_described_features(table.schema.metadata, columns)
    schema = columns.put_into(table.schema.empty_table(), 0).schema.with_metadata(metadata)
    start = 0
    with pa.OSFile(str(target / _FILE), "wb") as sink, pa.ipc.new_stream(sink, schema) as stream:
        for batch in table.to_batches():
            part = pa.Table.from_batches([batch])
            stream.write_table(columns.put_into(part, start).replace_schema_metadata(metadata))
            start += len(part)
    _describe(folder, target, state, columns)


def _folder_of(source: Path) -> Path:
    splits = source / "dataset_dict.json"
    if not splits.is_file():
        return source
    return source / str(json.loads(splits.read_text(encoding="utf-8"))["splits"][0])


def _opened(mapped: Any) -> Any:
    import pyarrow as pa

    try:
        return pa.ipc.open_stream(mapped)
    except pa.ArrowInvalid:
        return pa.ipc.open_file(mapped)


def _describe(folder: Path, target: Path, state: dict[str, Any], columns: LabelColumns) -> None:
    with (target / _FILE).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    # Caches of the datasets package go by the fingerprint: other data must not keep the old one.
    new_state = {**state, "_data_files": [{"filename": _FILE}], "_fingerprint": digest[:16]}
    (target / "state.json").write_text(json.dumps(new_state, indent=2), encoding="utf-8")
    info_file = folder / "dataset_info.json"
    if info_file.is_file():
        info = json.loads(info_file.read_text(encoding="utf-8"))
        info["features"] = with_features(info.get("features"), columns.label, columns.names)
        (target / "dataset_info.json").write_text(json.dumps(info, indent=2), encoding="utf-8")


PLUGIN = Writer(write, is_folder=True)
