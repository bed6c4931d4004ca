"""Parquet: the label column is replaced, the others and the metadata are passed through."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labelaudit.corrected import Correction, Layout, Writer, label_name
from labelaudit.corrected._arrow import LabelColumns, with_described_features

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS = 256  # read at a time; a column of images may hold more than Arrow takes in one piece


def write(source: Path, target: Path, corrections: Mapping[int, Correction], layout: Layout) -> None:
    """Write the file again, with the columns ``<label>_before`` and ``<label>_verdict`` behind the label.

    One row group is held at a time, and stays one.
    """
    import pyarrow.parquet as pq

    file = pq.ParquetFile(source)
    label = label_name(layout)
    before = file.read(columns=[label]).column(label)
    columns = LabelColumns.decided(before, file.schema_arrow.names, corrections, layout)
    # Both describe columns one by one; pandas does without, datasets would refuse columns that it is not told of.
    metadata = with_described_features(file.schema_arrow.metadata, columns)
    metadata.pop(b"pandas", None)
    groups = file.metadata.num_row_groups
    compression = _compression(file.metadata, columns)
    schema = columns.put_into(file.schema_arrow.empty_table(), 0).schema.with_metadata(metadata)
    start = 0
    with pq.ParquetWriter(target, schema, compression=compression) as writer:
        for group in range(groups):
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


PLUGIN = Writer(write)
