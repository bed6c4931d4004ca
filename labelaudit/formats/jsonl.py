"""JSON lines: everything, for programs of your own. Fill in ``labels`` (or ``verdict``); one line an answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labelaudit.domain import Annotation
from labelaudit.formats import Format
from labelaudit.formats._items import (
    BATCH,
    EVERYTHING,
    HASH,
    ID,
    cell_text,
    hints,
    labels_of,
    milliseconds,
    seconds_of,
    tags,
    text_of,
    unclear_times,
)
from labelaudit.formats._json import as_line, read_lines, wrong_shape

if TYPE_CHECKING:
    from labelaudit.domain import Batch, BatchItem

__all__ = ["PLUGIN"]

_UNANSWERED = {"labels": None, "verdict": None, "note": "", "annotator": None, "seconds": None, "answered_at": None}


def _write(batch: Batch, out: Path) -> None:
    with out.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(as_line(_record(batch, item)) for item in batch.items)


def _record(batch: Batch, item: BatchItem) -> dict[str, Any]:
    content = {"text": item.text, "image": item.image, "fields": None if item.fields is None else dict(item.fields)}
    shown = {name: value for name, value in content.items() if value is not None}
    return {**tags(batch, item), **shown, **hints(batch, item), **_UNANSWERED}


def _read(path: Path, classes: Sequence[str]) -> Iterator[Annotation]:  # noqa: ARG001 -- the signature of all formats
    for number, record in read_lines(path):
        if ID not in record:
            raise wrong_shape(path, f"line {number}", record, "jsonl")
        labels, verdict = labels_of(record.get("labels")), text_of(record.get("verdict"))
        fields = record.get("fields")
        as_text = (
            "\n".join(f"{name}: {cell_text(value)}" for name, value in fields.items())
            if isinstance(fields, dict)
            else text_of(record.get("text"))
        )
        yield Annotation(
            item_id=text_of(record[ID]),
            labels=labels,
            verdict=verdict,
            is_answered=record.get("labels") is not None or verdict is not None,
            annotator=text_of(record.get("annotator")),
            at=milliseconds(record.get("answered_at")),
            seconds=seconds_of(record.get("seconds")),
            note=text_of(record.get("note")) or "",
            batch_id=text_of(record.get(BATCH)),
            content_hash=text_of(record.get(HASH)),
            content=as_text,
            where=f"line {number}",
            unclear=unclear_times(record.get("answered_at"), record.get("seconds")),
        )


PLUGIN = Format(
    name="jsonl",
    summary="JSON lines with everything, for programs of your own: fill in 'labels'",
    suffix=".jsonl",
    carries=dict.fromkeys(("text", "image", "table"), EVERYTHING),
    write=_write,
    read=_read,
)
