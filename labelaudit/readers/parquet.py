"""Parquet files, with class names where Hugging Face's metadata or categories carry them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labelaudit.config import ReadOptions
from labelaudit.errors import ReadError
from labelaudit.readers import Reader
from labelaudit.readers._table import Table, class_label_names, named_columns, read_table

if TYPE_CHECKING:
    from labelaudit.domain import Dataset


def matches(path: Path) -> int:
    """Recognise the file by its ending."""
    return 2 if path.is_file() and path.suffix.lower() in {".parquet", ".pq"} else 0


def read(path: Path, options: ReadOptions) -> Dataset:
    """Read all columns; categories and ``ClassLabel`` names keep their order as classes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.is_file():
        raise ReadError(f"{path} is a folder.", "Give one Parquet file.")
    try:
        data = pq.ParquetFile(path, memory_map=True).read()
        data.validate(full=True)  # strings that are no UTF-8 would fail much later
    except (pa.ArrowException, OSError) as error:
        raise ReadError(
            f"{path} is no readable Parquet file: {str(error).rstrip('.')}.", "Write or copy it again; it is damaged."
        ) from error
    metadata = (data.schema.metadata or {}).get(b"huggingface")
    table = Table(
        path=path,
        columns=named_columns(data, path),
        locate=lambda position: f"row {position + 1}",
        class_names=_class_names(metadata, path),
    )
    return read_table(table, options, "parquet")


def _class_names(metadata: bytes | None, path: Path) -> dict[str, tuple[str, ...]]:
    if metadata is None:
        return {}
    try:
        content: Any = json.loads(metadata)
    except ValueError as error:
        raise ReadError(f"{path}: the Hugging Face metadata is damaged: {error}.", "Write the file again.") from error
    info = content.get("info") if isinstance(content, dict) else None
    return class_label_names(info.get("features") if isinstance(info, dict) else None)


PLUGIN = Reader(name="parquet", summary="Parquet (.parquet)", matches=matches, read=read)
