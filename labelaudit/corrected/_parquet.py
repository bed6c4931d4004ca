"""What is common to writing one Parquet file again and writing its shards."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from labelaudit.corrected._arrow import LabelColumns, with_described_features

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["write_rows"]

_ROWS = 256  # read at a time; a column of images may hold more than Arrow takes in one piece


def write_rows(file: Any, target: Path, columns: LabelColumns, start: int) -> None:
    """Write an open ``pyarrow.parquet.ParquetFile`` again with the columns of the labels; `start` is its first row.

    One row group is held at a time, and stays one.
    """
    import pyarrow.parquet as pq

    # Both describe columns one by one; pandas does without, datasets would refuse columns that it is not told of.
    metadata = with_described_features(file.schema_arrow.metadata, columns)
    metadata.pop(b"pandas", None)
    compression = _compression(file.metadata, columns)
    schema = columns.put_into(file.schema_arrow.empty_table(), 0).schema.with_metadata(metadata)
    with pq.ParquetWriter(target, schema, compression=compression) as writer:
        for group in range(file.metadata.num_row_groups):
            part = _row_group(file, group)
            writer.write_table(columns.put_into(part, start).replace_schema_metadata(metadata), len(part) or None)
            start += len(part)


def _compression(metadata: Any, columns: LabelColumns) -> dict[str, str]:
    """Return how each column is compressed; images are stored as they are, for one."""
    if not metadata.num_row_groups:
        return {}
    group = metadata.row_group(0)
    parts = (group.column(i) for i in range(group.num_columns))
    found = {part.path_in_schema: part.compression.replace("UNCOMPRESSED", "NONE") for part in parts}
    return found | {name: found.get(columns.label, "SNAPPY") for name in columns.names.values()}


def _row_group(file: Any, group: int) -> pa.Table:
    import pyarrow as pa

    return pa.Table.from_batches(file.iter_batches(batch_size=_ROWS, row_groups=[group]), file.schema_arrow)
