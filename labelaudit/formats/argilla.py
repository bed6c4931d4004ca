"""Argilla 2: records in the form of ``rg.Record.to_dict()``, which ``dataset.records.from_json`` and ``to_json`` use.

Its settings need the field of the content (``text`` or ``image``), the questions ``label``, ``verdict`` and ``note``
(the last two not required), and extra metadata allowed; docs/formats.md has them ready to copy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
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
    tags,
    text_of,
)
from labelaudit.formats._json import as_line, read_array, wrong_shape

if TYPE_CHECKING:
    from labelaudit.domain import Batch, BatchItem

__all__ = ["PLUGIN"]

_CARRIED = EVERYTHING - {"time", "seconds", "skip"}
_LONGEST_LABEL = 200
_MOST_IMAGES = 10_000
_LARGEST_IMAGE = 5_000_000


def _write(batch: Batch, out: Path) -> None:
    with out.open("w", encoding="utf-8", newline="\n") as file:
        file.write("[")
        for number, item in enumerate(batch.items):
            file.write("," if number else "")
            file.write(as_line(_record(batch, item)))
        file.write("]\n")


def _record(batch: Batch, item: BatchItem) -> dict[str, Any]:
    fields = {"text": content_text(item)} if item.image is None else {"image": image_source(item)}
    known = {name: value for name, value in hints(batch, item).items() if value is not None}
    suggestions = {}
    if not batch.blind and item.suggested_label is not None:
        suggestions["label"] = {
            "value": [item.suggested_label] if batch.several else item.suggested_label,
            "score": [item.suggested_probability] if batch.several else item.suggested_probability,
            "agent": f"labelaudit:{batch.audit_id}",
        }
    return {
        "id": item.item_id,
        "fields": fields,
        "metadata": {**tags(batch, item), **known},
        "suggestions": suggestions,
        "responses": {},
        "vectors": {},
    }


def _check(batch: Batch) -> Iterator[str]:
    for name in batch.classes:
        if len(name) > _LONGEST_LABEL:
            yield f"the class {name[:40]!r}… has {len(name)} characters, and Argilla takes at most {_LONGEST_LABEL}"
    if batch.modality == "image" and len(batch) > _MOST_IMAGES:
        yield f"there are {len(batch):,} images, and Argilla advises against more than {_MOST_IMAGES:,} in a dataset"
    for item in batch.items:
        if item.image is not None and Path(item.image).is_file() and Path(item.image).stat().st_size > _LARGEST_IMAGE:
            yield f"the image of {item.item_id!r} is larger than {_LARGEST_IMAGE // 10**6} MB, the most Argilla takes"


def _read(path: Path, classes: Sequence[str]) -> Iterator[Annotation]:  # noqa: ARG001 -- the signature of all formats
    for number, (line, record) in enumerate(read_array(path), start=1):
        where = f"record {number} (line {line})"
        if not isinstance(record, Mapping) or not isinstance(record.get("fields"), Mapping):
            raise wrong_shape(path, where, record, "argilla")
        metadata = record.get("metadata")
        metadata = metadata if isinstance(metadata, Mapping) else {}
        untouched = Annotation(
            item_id=text_of(metadata.get(ID)) or text_of(record.get("id")),
            is_answered=False,
            batch_id=text_of(metadata.get(BATCH)),
            content_hash=text_of(metadata.get(HASH)),
            content=text_of(record["fields"].get("text")),
            where=where,
        )
        answers = _by_person(record.get("responses"))
        if not answers:
            yield untouched
        for person, answer in answers.items():
            yield replace(
                untouched,
                is_answered=True,
                labels=labels_of(answer.get("label")),
                verdict=text_of(answer.get("verdict")),
                note=text_of(answer.get("note")) or "",
                annotator=person,
            )


def _by_person(responses: Any) -> dict[str | None, dict[str, Any]]:
    """Return each person's answers by question; Argilla lists them the other way round."""
    found: dict[str | None, dict[str, Any]] = {}
    for question, answers in (responses if isinstance(responses, Mapping) else {}).items():
        for answer in answers if isinstance(answers, list) else []:
            if isinstance(answer, Mapping):
                found.setdefault(text_of(answer.get("user_id")), {})[question] = answer.get("value")
    return found


PLUGIN = Format(
    name="argilla",
    summary="Argilla 2: records as JSON, with suggestions; reads its JSON export",
    suffix=".json",
    carries=dict.fromkeys(("text", "image", "table"), _CARRIED),
    write=_write,
    read=_read,
    check=_check,
)
