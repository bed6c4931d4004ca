"""Parquet: the label column is replaced, the others and the metadata are passed through."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from labelaudit.corrected import Correction, Layout, Writer, label_name
from labelaudit.corrected._arrow import LabelColumns
from labelaudit.corrected._parquet import write_rows


def write(source: Path, target: Path, corrections: Mapping[int, Correction], layout: Layout) -> None:
    """Write the file again, with the columns ``<label>_before`` and ``<label>_verdict`` behind the label."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(source) as file:
        label = label_name(layout)
        before = file.read(columns=[label]).column(label)
        columns = LabelColumns.decided(before, file.schema_arrow.names, corrections, layout)
        write_rows(file, target, columns, 0)


PLUGIN = Writer(write)
