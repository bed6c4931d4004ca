"""The three exports of Label Studio that carry choices: JSON, JSON-MIN and CSV."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from labelaudit.domain import Annotation
from labelaudit.errors import ReadError
from labelaudit.formats._encoding import not_utf8
from labelaudit.formats._items import (
    BATCH,
    HASH,
    ID,
    cell_text,
    labels_of,
    milliseconds,
    seconds_of,
    text_of,
)
from labelaudit.formats._json import read_array, wrong_shape

__all__ = ["read_export"]

_NAME = "label-studio"
_OURS = ("label", "verdict", "note")


def read_export(path: Path) -> Iterator[Annotation]:
    """Yield the answers in an export; a task of the full JSON export gives one for each annotator, or one unanswered.

    Raises
    ------
    ReadError
        If the file is broken, or is no export of a project with labelaudit's interface.
    """
    if path.suffix.lower() == ".csv":
        yield from _read_csv(path)
        return
    for number, (line, task) in enumerate(read_array(path), start=1):
        where = f"task {number} (line {line})"
        if not isinstance(task, Mapping):
            raise wrong_shape(path, where, task, _NAME)
        if "data" in task:
            yield from _of_task(path, task, where)
        elif ID in task or "annotation_id" in task:
            yield _of_row(task, where)
        else:
            raise wrong_shape(path, where, task, _NAME)


def _of_task(path: Path, task: Mapping[str, Any], where: str) -> Iterator[Annotation]:
    data = task["data"]
    if not isinstance(data, Mapping):
        raise wrong_shape(path, where, task, _NAME)
    annotations = task.get("annotations", [])
    if not isinstance(annotations, list) or not all(isinstance(each, Mapping) for each in annotations):
        raise ReadError(
            f"{path}, {where}: the annotations are ids or damaged, not the answers themselves.",
            "Export the project as JSON with its annotations.",
        )
    untouched = _untouched(data, where)
    if not annotations:
        yield untouched
    for annotation in annotations:
        chosen = _results(annotation.get("result"))
        yield replace(
            untouched,
            is_answered=True,
            labels=chosen["label"],
            verdict="skip" if annotation.get("was_cancelled") else next(iter(chosen["verdict"]), None),
            annotator=_person(annotation.get("completed_by")),
            at=milliseconds(annotation.get("created_at")),
            seconds=seconds_of(annotation.get("lead_time")),
            note="\n".join(chosen["note"]),
        )


def _results(result: Any) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {name: [] for name in _OURS}
    for part in result if isinstance(result, list) else []:
        value = part.get("value") if isinstance(part, Mapping) else None
        if isinstance(value, Mapping) and part.get("from_name") in _OURS:
            found[part["from_name"]] += labels_of(value.get("choices", value.get("text")))
    return {name: tuple(values) for name, values in found.items()}


def _of_row(row: Mapping[str, Any], where: str) -> Annotation:
    labels = _choices(row.get("label"))
    verdict = next(iter(_choices(row.get("verdict"))), None)
    return replace(
        _untouched(row, where),
        is_answered=True,
        labels=labels,
        verdict=verdict,
        annotator=_person(row.get("annotator")),
        at=milliseconds(row.get("created_at")),
        seconds=seconds_of(row.get("lead_time")),
        note="\n".join(labels_of(row.get("note"))),
    )


def _choices(value: Any) -> tuple[str, ...]:
    """Return choices of JSON-MIN and CSV: a string for one, ``{"choices": [...]}`` for several (in CSV as JSON)."""
    if isinstance(value, str) and value.startswith('{"choices"'):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return (value,)
    return labels_of(value.get("choices") if isinstance(value, Mapping) else value)


def _untouched(data: Mapping[str, Any], where: str) -> Annotation:
    return Annotation(
        item_id=text_of(data.get(ID)),
        is_answered=False,
        batch_id=text_of(data.get(BATCH)),
        content_hash=text_of(data.get(HASH)),
        content=_content(data),
        where=where,
    )


def _content(data: Mapping[str, Any]) -> str | None:
    table = data.get("table")
    if isinstance(table, str) and table.startswith("{"):  # as the CSV export writes it
        try:
            table = json.loads(table)
        except (ValueError, RecursionError):
            return table
    if isinstance(table, Mapping):
        return "\n".join(f"{name}: {cell_text(value)}" for name, value in table.items())
    return text_of(data.get("text"))


def _person(value: Any) -> str | None:
    if isinstance(value, Mapping):
        value = value.get("email") or value.get("id")
    return text_of(value)


def _read_csv(path: Path) -> Iterator[Annotation]:
    csv.field_size_limit(2**31 - 1)  # an embedded image is one cell; some platforms take no more
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from _of_rows(path, csv.DictReader(file, strict=True))
    except UnicodeDecodeError as error:
        raise not_utf8(path, "Take the file as Label Studio exported it.") from error
    except OSError as error:
        raise ReadError(f"{path} cannot be read: {error.strerror}.", "Check the path and its permissions.") from error


def _of_rows(path: Path, rows: csv.DictReader[str]) -> Iterator[Annotation]:
    try:
        header: Sequence[str] = rows.fieldnames or ()
        if ID not in header or "annotation_id" not in header:
            raise wrong_shape(path, "line 1", dict.fromkeys(header), _NAME)
        for row in rows:
            yield _of_row(row, f"line {rows.line_num}")
    except csv.Error as error:
        raise ReadError(
            f"{path}, line {rows.reader.line_num}: {error}.", "Take the file as Label Studio exported it."
        ) from error
