"""One Parquet file, or several with the same columns, as one table; columns of images are left in the files."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labelaudit.errors import ReadError
from labelaudit.readers._packed_images import may_hold_images
from labelaudit.readers._table import Table, class_label_names, named_columns

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["parquet_table"]

_ROWS = 64  # images read at a time: each may have megabytes


def parquet_table(path: Path, files: Sequence[Path]) -> Table:
    """Read all columns of `files`, in their order, but for those that may hold images, which are read in blocks.

    Parameters
    ----------
    path : Path
        What the user named: the file, or the folder of the files.
    files : sequence of Path
        At least one.

    Raises
    ------
    ReadError
        If a file is damaged, or has other columns or classes than the first.
    """
    import pyarrow as pa

    schemas = [_schema(file) for file in files]
    schema = _common(schemas, files)
    packed = [each.name for each in schema if may_hold_images(each.type)]
    parts = [_columns(file, [name for name in schema.names if name not in packed]) for file in files]
    data = parts[0] if len(parts) == 1 else pa.concat_tables(parts, promote_options="permissive")
    for name in packed:  # in their place, and of their type, but without their values
        empty = pa.chunked_array([pa.nulls(len(data), schema.field(name).type)])
        data = data.add_column(schema.names.index(name), name, empty)
    return Table(
        path=path,
        columns=named_columns(data, path),
        locate=_locate(files, [len(part) for part in parts]),
        class_names=_class_names(schemas, files),
        blocks={name: partial(_blocks, files, name) for name in packed},
    )


def _locate(files: Sequence[Path], lengths: Sequence[int]) -> Callable[[int], str]:
    ends = list(accumulate(lengths))

    def locate(position: int) -> str:
        which = next(k for k, end in enumerate(ends) if position < end)
        row = f"row {position - ends[which] + lengths[which] + 1}"
        return row if len(files) == 1 else f"{files[which].name}, {row}"

    return locate


def _schema(file: Path) -> pa.Schema:
    import pyarrow.parquet as pq

    with _naming_damage(file):
        schema: pa.Schema = pq.read_schema(file, memory_map=True)
        return schema


def _columns(file: Path, names: Sequence[str]) -> pa.Table:
    import pyarrow.parquet as pq

    with _naming_damage(file), pq.ParquetFile(file, memory_map=True) as opened:
        data: pa.Table = opened.read(columns=names)
        data.validate(full=True)  # strings that are no UTF-8 would fail much later
        return data


def _blocks(files: Sequence[Path], name: str) -> Iterator[pa.Array]:
    """Read a column from the start, a few rows at a time."""
    import pyarrow.parquet as pq

    for file in files:
        with _naming_damage(file), pq.ParquetFile(file, memory_map=True) as opened:
            for batch in opened.iter_batches(batch_size=_ROWS, columns=[name]):
                batch.validate(full=True)
                yield batch.column(name)


@contextlib.contextmanager
def _naming_damage(file: Path) -> Iterator[None]:
    """Turn what Arrow complains of into an error that names the file."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:  # damaged names of columns are the last
        raise ReadError(
            f"{file} is no readable Parquet file: {str(error).rstrip('.')}.", "Write or copy it again; it is damaged."
        ) from error


def _common(schemas: Sequence[pa.Schema], files: Sequence[Path]) -> pa.Schema:
    """Return the schema of the first file, widened to hold the others; refuse other columns."""
    import pyarrow as pa

    schema = schemas[0]
    for file, other in zip(files[1:], schemas[1:], strict=True):
        different = sorted({*schema.names} ^ {*other.names})
        if different:
            where = "has no" if different[0] in schema.names else "alone has a"
            raise ReadError(
                f"{file} {where} column {different[0]!r}, other than {files[0].name}.",
                "Give all files of the folder the same columns, or move what is no part of the data.",
            )
        try:
            schema = pa.unify_schemas([schema, other], promote_options="permissive")
        except pa.ArrowException as error:
            raise ReadError(
                f"{file} has other types than {files[0].name}: {str(error).rstrip('.')}.",
                "Write all files of the folder with the same types.",
            ) from error
    return schema


def _class_names(schemas: Sequence[pa.Schema], files: Sequence[Path]) -> dict[str, tuple[str, ...]]:
    described = [_described(schema, file) for schema, file in zip(schemas, files, strict=True)]
    for file, names in zip(files, described, strict=True):
        if names != described[0]:
            raise ReadError(
                f"{file} names its classes otherwise than {files[0].name} does.",
                "Write all files of the folder from one data set.",
            )
    return described[0]


def _described(schema: pa.Schema, file: Path) -> dict[str, tuple[str, ...]]:
    """Return the class names in Hugging Face's metadata."""
    metadata = (schema.metadata or {}).get(b"huggingface")
    if metadata is None:
        return {}
    try:
        content: Any = json.loads(metadata)
    except (ValueError, RecursionError) as error:
        raise ReadError(f"{file}: the Hugging Face metadata is damaged: {error}.", "Write the file again.") from error
    info = content.get("info") if isinstance(content, dict) else None
    return class_label_names(info.get("features") if isinstance(info, dict) else None)
