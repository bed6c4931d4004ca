"""Parquet for Hugging Face ``datasets``: the lossless form. Class names travel in the schema, images in the file.

``datasets.load_dataset("parquet", data_files=...)`` restores the columns ``labels`` and ``given_label`` as class labels
and ``image`` as an image. Fill in ``labels`` (or ``verdict``); one row an answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labelaudit.domain import Annotation
from labelaudit.errors import ReadError
from labelaudit.formats import Format
from labelaudit.formats._items import (
    BATCH,
    EVERYTHING,
    HASH,
    ID,
    cell_text,
    hints,
    image_bytes,
    is_url,
    milliseconds,
    seconds_of,
    tags,
    text_of,
)

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from labelaudit.domain import Batch, BatchItem

__all__ = ["PLUGIN"]

_FIELD = "field: "
_BLOCK = 4096
_IMAGES = 64
"""Images that are held in memory at a time."""
_ANSWER = {"verdict": "string", "note": "string", "annotator": "string", "seconds": "double", "answered_at": "string"}


def _write(batch: Batch, out: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = _schema(batch)
    with pq.ParquetWriter(out, schema, compression="zstd") as writer:
        block = _IMAGES if batch.modality == "image" else _BLOCK
        for start in range(0, len(batch), block):
            rows = [_row(batch, item, schema) for item in batch.items[start : start + block]]
            writer.write_table(pa.Table.from_pylist(rows, schema=schema))


def _schema(batch: Batch) -> pa.Schema:
    import pyarrow as pa

    names = {"names": list(batch.classes), "_type": "ClassLabel"}
    columns: dict[str, tuple[Any, Any]] = {name: (pa.string(), _value("string")) for name in (ID, BATCH, HASH)}
    if batch.modality == "image":
        columns["image"] = (pa.struct([("bytes", pa.binary()), ("path", pa.string())]), {"_type": "Image"})
    if batch.modality == "text":
        columns["text"] = (pa.string(), _value("string"))
    for name in batch.items[0].fields or {}:
        kind = _kind([(item.fields or {}).get(name) for item in batch.items])
        columns[_FIELD + name] = (pa.type_for_alias(kind), _value("float64" if kind == "double" else kind))
    if not batch.blind:
        columns |= dict.fromkeys(("given_label", "suggested_label"), (pa.int64(), names))
        columns["suggested_probability"] = (pa.float64(), _value("float64"))
        columns["why"] = (pa.string(), _value("string"))
    # `Sequence` is read by every version of datasets; `List` only from the fourth on.
    columns["labels"] = (pa.list_(pa.int64()), {"feature": names, "_type": "Sequence"})
    for name, kind in _ANSWER.items():
        columns[name] = (pa.type_for_alias(kind), _value("float64" if kind == "double" else kind))
    features = {name: feature for name, (_, feature) in columns.items()}
    metadata = {"huggingface": json.dumps({"info": {"features": features}}, ensure_ascii=False)}
    return pa.schema([(name, kind) for name, (kind, _) in columns.items()], metadata=metadata)


def _value(dtype: str) -> dict[str, str]:
    return {"dtype": dtype, "_type": "Value"}


def _kind(values: list[Any]) -> str:
    """Return the type of a column; of mixed ones a string."""
    kinds = {type(value) for value in values if value is not None}
    names = {bool: "bool", int: "int64", float: "double"}
    return names.get(kinds.pop(), "string") if len(kinds) == 1 else "string"


def _row(batch: Batch, item: BatchItem, schema: pa.Schema) -> dict[str, Any]:
    index = {name: k for k, name in enumerate(batch.classes)}
    known = hints(batch, item)
    for name in ("given_label", "suggested_label"):
        if name in known:
            known[name] = None if known[name] is None else index[known[name]]
    fields = {
        _FIELD + name: cell_text(value) if schema.field(_FIELD + name).type == "string" and value is not None else value
        for name, value in (item.fields or {}).items()
    }
    content: dict[str, Any] = {"text": item.text} if item.text is not None else {}
    if item.image is not None:
        url = is_url(item.image)
        content["image"] = {"bytes": None if url else image_bytes(item), "path": item.image}
    return {**tags(batch, item), **content, **fields, **known, "note": ""}


def _read(path: Path, classes: Sequence[str]) -> Iterator[Annotation]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            yield from _answers(path, file, classes)
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:  # damaged names of columns are the last
        what = " ".join(str(error).split()).rstrip(".")
        raise ReadError(f"{path} cannot be read as Parquet: {what}.", "Make or copy the file again.") from error


def _answers(path: Path, file: pq.ParquetFile, classes: Sequence[str]) -> Iterator[Annotation]:
    columns = file.schema_arrow.names
    if ID not in columns or "labels" not in columns:
        raise ReadError(
            f"{path} has no columns {ID!r} and 'labels'; it has {', '.join(map(repr, columns[:12]))}.",
            "Give the table that 'labelaudit batch' wrote, with all columns.",
        )
    names = _class_names(file.schema_arrow, classes)
    wanted = [name for name in columns if name != "image"]
    number = 0
    for block in file.iter_batches(_BLOCK, columns=wanted):
        for row in block.to_pylist():
            number += 1
            yield _answer(row, names, f"row {number}")


def _class_names(schema: pa.Schema, classes: Sequence[str]) -> Sequence[str]:
    """Return the names behind the numbers in `labels`, from what datasets keeps in the schema."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        labels = features["labels"]
        named = labels.get("feature", labels) if isinstance(labels, dict) else labels[0]
        return [str(name) for name in named["names"]]
    except (KeyError, TypeError, ValueError, IndexError, RecursionError):
        return classes


def _answer(row: dict[str, Any], names: Sequence[str], where: str) -> Annotation:
    found, verdict = row["labels"], text_of(row.get("verdict"))
    fields = {name.removeprefix(_FIELD): value for name, value in row.items() if name.startswith(_FIELD)}
    lines = "\n".join(f"{name}: {cell_text(value)}" for name, value in fields.items())
    return Annotation(
        item_id=text_of(row[ID]),
        labels=tuple(_name(names, label) for label in (found if isinstance(found, list) else [found]))
        if found is not None
        else (),
        verdict=verdict,
        is_answered=found is not None or verdict is not None,
        annotator=text_of(row.get("annotator")),
        at=milliseconds(row.get("answered_at")),
        seconds=seconds_of(row.get("seconds")),
        note=text_of(row.get("note")) or "",
        batch_id=text_of(row.get(BATCH)),
        content_hash=text_of(row.get(HASH)),
        content=lines if fields else text_of(row.get("text")),
        where=where,
    )


def _name(names: Sequence[str], label: Any) -> str:
    if isinstance(label, int):
        return names[label] if 0 <= label < len(names) else f"label {label}"
    return str(label)


PLUGIN = Format(
    name="parquet",
    summary="Parquet for Hugging Face datasets, with class names and images inside: fill in 'labels'",
    suffix=".parquet",
    carries=dict.fromkeys(("text", "image", "table"), EVERYTHING),
    write=_write,
    read=_read,
)
