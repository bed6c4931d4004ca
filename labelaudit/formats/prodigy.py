"""Prodigy: tasks for its ``choice`` interface; reads what ``prodigy db-out`` writes.

The suggestion is chosen beforehand; Prodigy records an answer only when somebody accepts, rejects or ignores.
Rejecting means that none of the classes fits, ignoring skips.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labelaudit.domain import Annotation
from labelaudit.formats import Format
from labelaudit.formats._items import (
    BATCH,
    EVERYTHING,
    HASH,
    ID,
    content_text,
    hints,
    image_source,
    labels_of,
    milliseconds,
    tags,
    text_of,
)
from labelaudit.formats._json import as_line, read_lines, wrong_shape

if TYPE_CHECKING:
    from labelaudit.domain import Batch, BatchItem

__all__ = ["PLUGIN"]

_VERDICTS = {"reject": "none_fits", "ignore": "skip"}
_CARRIED = EVERYTHING - {"seconds", "verdict", "note"}


def _write(batch: Batch, out: Path) -> None:
    options = [{"id": name, "text": name} for name in batch.classes]
    with out.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(as_line(_task(batch, item, options)) for item in batch.items)


def _task(batch: Batch, item: BatchItem, options: list[dict[str, str]]) -> dict[str, Any]:
    content = {"text": content_text(item)} if item.image is None else {"image": image_source(item)}
    chosen = [] if batch.blind or item.suggested_label is None else [item.suggested_label]
    # Prodigy shows all of `meta` to the annotator, so what only has to travel stands beside it.
    return {
        **content,
        **tags(batch, item),
        "options": options,
        "accept": chosen,
        "config": {"choice_style": "multiple" if batch.several else "single"},
        "meta": hints(batch, item),
    }


def _read(path: Path, classes: Sequence[str]) -> Iterator[Annotation]:  # noqa: ARG001 -- the signature of all formats
    for number, record in read_lines(path):
        answer = record.get("answer")
        if ID not in record and not ("options" in record and isinstance(record.get("meta"), Mapping)):
            raise wrong_shape(path, f"line {number}", record, "prodigy")
        accepted = labels_of(record.get("accept")) if answer == "accept" else ()
        yield Annotation(
            item_id=text_of(record.get(ID)),
            labels=accepted,
            verdict=_VERDICTS.get(answer) if isinstance(answer, str) else None,
            is_answered=answer is not None,
            annotator=text_of(record.get("_annotator_id")) or text_of(record.get("_session_id")),
            at=milliseconds(record.get("_timestamp")),
            batch_id=text_of(record.get(BATCH)),
            content_hash=text_of(record.get(HASH)),
            content=text_of(record.get("text")),
            where=f"line {number}",
        )


PLUGIN = Format(
    name="prodigy",
    summary="Prodigy: tasks for its choice interface; reads what 'prodigy db-out' writes",
    suffix=".jsonl",
    carries=dict.fromkeys(("text", "image", "table"), _CARRIED),
    write=_write,
    read=_read,
)
