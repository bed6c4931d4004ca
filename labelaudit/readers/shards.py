"""A folder of Parquet files that are the shards of one data set, as a Hugging Face repository or Spark has them."""

from __future__ import annotations

import re
from collections.abc import Sequence
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

__all__ = ["PLUGIN", "shard_files"]

_INNER = "data"
"""Folder in which Hugging Face repositories keep their files."""

_NUMBERED = re.compile(r"(?P<split>.+)-(?P<number>\d{5,})-of-(?P<total>\d{5,})(-[0-9a-f]+)?")
_SPLITS = frozenset({"train", "test", "validation", "valid", "val", "dev"})


def matches(path: Path) -> int:
    """Recognise a folder by its Parquet files, or those in its folder ``data``: one, or several with numbers or splits.

    Files with other names may be anything; ``--reader shards`` says that they belong together.
    """
    files = shard_files(path) if path.is_dir() else []
    named = all(_split(file) or re.search(r"\d", file.stem) for file in files)
    return 2 if files and (named or len(files) == 1) else 0


def read(path: Path, options: ReadOptions, tell: ProgressCallback) -> Dataset:
    """Read all shards in the order of their names, as :mod:`labelaudit.readers.parquet` reads one file.

    Raises
    ------
    ReadError
        If there are several splits, a shard is missing, or they do not have the same columns.
    """
    files = shard_files(path)
    if not files:
        raise ReadError(f"{path} has no Parquet file in it.", "Give the folder of the shards.")
    _check_whole(path, files)
    return read_table(parquet_table(path, files), options, "shards", tell)


def shard_files(path: Path) -> list[Path]:
    """Return the Parquet files of a folder in the order of their names; what others hide is left alone."""
    for folder in (path, path / _INNER):
        found = sorted(
            file
            for file in (folder.iterdir() if folder.is_dir() else ())
            if file.suffix.lower() in {".parquet", ".pq"} and not file.name.startswith((".", "_")) and file.is_file()
        )
        if found:
            return found
    return []


def _check_whole(path: Path, files: Sequence[Path]) -> None:
    """Refuse several splits, and shards that are missing: an audit of half the data looks like an audit."""
    splits: dict[str, list[Path]] = {}
    for file in files:
        splits.setdefault(_split(file), []).append(file)
    if len(splits) > 1:
        listed = ", ".join(split or "files without a split" for split in splits)
        alone = next((group[0] for group in splits.values() if len(group) == 1), None)
        give = f"Give one file, such as {alone}, or move" if alone else "Move"
        raise ReadError(f"{path} holds several splits: {listed}.", f"{give} the files of one split to a folder.")
    numbered = [match for file in files if (match := _NUMBERED.fullmatch(file.stem))]
    total = max((int(match["total"]) for match in numbered), default=0)
    missing = sorted({*range(total)} - {int(match["number"]) for match in numbered})
    if missing:
        raise ReadError(
            f"{path} lacks {len(missing)} of {total} shards, the first of them with the number {missing[0]:05}.",
            "Copy the missing files as well.",
        )


def _split(file: Path) -> str:
    numbered = _NUMBERED.fullmatch(file.stem)
    name = numbered["split"] if numbered else file.stem
    return name if numbered or name in _SPLITS else ""


PLUGIN = Reader(
    name="shards", summary="a folder of Parquet files, the shards of one data set", matches=matches, read=read
)
