"""Parquet: the label column is replaced, the others and the metadata are passed through."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from labelaudit.corrected import Correction, Layout, Writer
from labelaudit.corrected._arrow import corrected_table, with_features


def write(source: Path, target: Path, corrections: Mapping[int, Correction], layout: Layout) -> None:
    """Write the file again, with the columns ``<label>_before`` and ``<label>_verdict`` behind the label."""
    import pyarrow.parquet as pq

    file = pq.ParquetFile(source)
    table, names = corrected_table(file.read(), corrections, layout)
    metadata = dict(table.schema.metadata or {})
    # Both describe columns one by one; pandas does without, datasets would refuse columns that it is not told of.
    metadata.pop(b"pandas", None)
    if b"huggingface" in metadata:
        content = json.loads(metadata[b"huggingface"])
        info = content.get("info", {})
        info["features"] = with_features(info.get("features"), str(layout.options.label), names)
        metadata[b"huggingface"] = json.dumps(content).encode()
    compression = file.metadata.row_group(0).column(0).compression if file.metadata.num_row_groups else "SNAPPY"
    pq.write_table(table.replace_schema_metadata(metadata), target, compression=compression)


PLUGIN = Writer(write)
