"""A Hugging Face dataset saved on disk: written as ``save_to_disk`` would, without the ``datasets`` package."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from labelaudit.corrected import Correction, Layout, Writer
from labelaudit.corrected._arrow import corrected_table, with_features

_FILE = "data-00000-of-00001.arrow"


def write(source: Path, target: Path, corrections: Mapping[int, Correction], layout: Layout) -> None:
    """Write one Arrow file with the corrected columns, and the two files that describe it."""
    import pyarrow as pa

    folder = _folder_of(source)
    state: dict[str, Any] = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    parts = []
    for file in state["_data_files"]:
        with pa.memory_map(str(folder / file["filename"])) as mapped:
            parts.append(_opened(mapped).read_all())
    table, names = corrected_table(pa.concat_tables(parts), corrections, layout)
    label = str(layout.options.label)
    metadata = dict(table.schema.metadata or {})
    if b"huggingface" in metadata:
        content = json.loads(metadata[b"huggingface"])
        info = content.get("info", {})
        info["features"] = with_features(info.get("features"), label, names)
        metadata[b"huggingface"] = json.dumps(content).encode()
    table = table.replace_schema_metadata(metadata)
    with pa.OSFile(str(target / _FILE), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    _describe(folder, target, state, label, names)


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


def _describe(folder: Path, target: Path, state: dict[str, Any], label: str, names: Mapping[str, str]) -> None:
    digest = hashlib.sha256((target / _FILE).read_bytes()).hexdigest()
    # Caches of the datasets package go by the fingerprint: other data must not keep the old one.
    new_state = {**state, "_data_files": [{"filename": _FILE}], "_fingerprint": digest[:16]}
    (target / "state.json").write_text(json.dumps(new_state, indent=2), encoding="utf-8")
    info_file = folder / "dataset_info.json"
    if info_file.is_file():
        info = json.loads(info_file.read_text(encoding="utf-8"))
        info["features"] = with_features(info.get("features"), label, names)
        (target / "dataset_info.json").write_text(json.dumps(info, indent=2), encoding="utf-8")


PLUGIN = Writer(write, is_folder=True)
