"""Parquet files, with class names where Hugging Face's metadata or categories carry them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labelaudit.config import ReadOptions
from labelaudit.errors import ReadError
from labelaudit.readers import Reader, Tell
from labelaudit.readers._packed_images import may_hold_images
from labelaudit.readers._table import Table, class_label_names, named_columns, read_table

if TYPE_CHECKING:
    import pyarrow as pa

    from labelaudit.domain import Dataset

_ROWS = 64  # images read at a time: each may have megabytes


def matches(path: Path) -> int:
    """Recognise the file by its ending."""
    return 2 if path.is_file() and path.suffix.lower() in {".parquet", ".pq"} else 0


def read(path: Path, options: ReadOptions, tell: Tell) -> Dataset:
    """Read all columns; categories and ``ClassLabel`` names keep their order as classes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.is_file():
        raise ReadError(f"{path} is a folder or a pipe, not a file.", "Give one Parquet file.")
    try:
        file = pq.ParquetFile(path, memory_map=True)
        packed = [each.name for each in file.schema_arrow if may_hold_images(each.type)]
        data = file.read(columns=[name for name in file.schema_arrow.names if name not in packed])
        data.validate(full=True)  # strings that are no UTF-8 would fail much later
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:  # damaged names of columns are the last
        raise _damaged(path, error) from error
    schema = file.schema_arrow
    for name in packed:  # in their place, and of their type, but without their values
        empty = pa.chunked_array([pa.nulls(len(data), schema.field(name).type)])
        data = data.add_column(schema.names.index(name), name, empty)
    table = Table(
        path=path,
        columns=named_columns(data, path),
        locate=lambda position: f"row {position + 1}",
        class_names=_class_names((schema.metadata or {}).get(b"huggingface"), path),
        blocks={name: partial(_blocks, file, name, path) for name in packed},
    )
    return read_table(table, options, "parquet", tell)


def _blocks(file: Any, name: str, path: Path) -> Iterator[pa.Array]:
    """Read a column from the start, a few rows at a time."""
    import pyarrow as pa

    try:
        for batch in file.iter_batches(batch_size=_ROWS, columns=[name]):
            batch.validate(full=True)
            yield batch.column(name)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> ReadError:
    return ReadError(
        f"{path} is no readable Parquet file: {str(error).rstrip('.')}.", "Write or copy it again; it is damaged."
    )


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
