"""A folder of Parquet files: each is written again under its name, with the label column replaced."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from labelaudit.corrected import Correction, Layout, Writer, label_name
from labelaudit.corrected._arrow import LabelColumns
from labelaudit.corrected._parquet import write_rows


def write(source: Path, target: Path, corrections: Mapping[int, Correction], layout: Layout) -> None:
    """Write all shards, each as :mod:`labelaudit.corrected.parquet` writes a file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from labelaudit.readers.shards import shard_files

    files = shard_files(source)
    label = label_name(layout)
    labels = pa.concat_tables(
        [pq.read_table(file, columns=[label], partitioning=None) for file in files], promote_options="permissive"
    )
    columns = LabelColumns.decided(labels.column(label), pq.read_schema(files[0]).names, corrections, layout)
    start = 0
    for each in files:
        with pq.ParquetFile(each) as file:
            write_rows(file, target / each.name, columns, start)
            start += file.metadata.num_rows


PLUGIN = Writer(write, is_folder=True)
