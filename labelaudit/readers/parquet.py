"""Parquet files, with class names where Hugging Face's metadata or categories carry them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from labelaudit.config import ReadOptions
from labelaudit.errors import ReadError
from labelaudit.progress import ProgressCallback
from labelaudit.readers import Reader
from labelaudit.readers._parquet import parquet_table
from labelaudit.readers._table import read_table

if TYPE_CHECKING:
    from labelaudit.domain import Dataset


def matches(path: Path) -> int:
    """Recognise the file by its ending."""
    return 2 if path.is_file() and path.suffix.lower() in {".parquet", ".pq"} else 0


def read(path: Path, options: ReadOptions, tell: ProgressCallback) -> Dataset:
    """Read all columns; categories and ``ClassLabel`` names keep their order as classes."""
    if not path.is_file():
        raise ReadError(f"{path} is a folder.", "Give one Parquet file, or read its shards with --reader shards.")
    return read_table(parquet_table(path, [path]), options, "parquet", tell)


PLUGIN = Reader(name="parquet", summary="Parquet (.parquet)", matches=matches, read=read)
