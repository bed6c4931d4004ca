"""Batches as tables of text, for people with a spreadsheet: CSV and TSV."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from labelaudit.domain import Annotation
from labelaudit.errors import ReadError, did_you_mean
from labelaudit.formats._encoding import not_utf8
from labelaudit.formats._items import BATCH, HASH, ID, cell_text, hints, milliseconds, seconds_of, tags, unclear_times
from labelaudit.formats._json import looks_like
from labelaudit.spreadsheet import escape_cell, restore_cell

if TYPE_CHECKING:
    from labelaudit.domain import Batch, BatchItem

__all__ = ["read_table", "too_long", "write_table"]

_ANSWER = ("answer", "verdict", "note", "annotator", "seconds", "answered_at")
_FIELD = "field: "
_BETWEEN = " | "
_SHOWN = 40  # characters of a header, which may be a line of something else
_MOST_IN_A_CELL = 32_767
"""Characters that a cell of Excel or LibreOffice holds; more is cut without a word."""


def write_table(batch: Batch, out: Path, delimiter: str) -> None:
    """Write a batch with empty columns for the answers.

    Cells that a spreadsheet would run as formulas are guarded, and the file begins with a byte-order mark, without
    which Excel takes it for another encoding.
    """
    rows = [_row(batch, item) for item in batch.items]
    with out.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow([escape_cell(name) for name in rows[0]])
        for row in rows:
            writer.writerow([escape_cell(cell_text(value)) for value in row.values()])


def too_long(batch: Batch) -> Iterator[str]:
    """Yield what a spreadsheet would cut."""
    for item in batch.items:
        longest = max(len(escape_cell(cell_text(value))) for value in _row(batch, item).values())
        if longest > _MOST_IN_A_CELL:
            yield (
                f"the item {item.item_id!r} has {longest:,} characters in a cell, and spreadsheets cut what is beyond "
                f"{_MOST_IN_A_CELL:,}"
            )


def _row(batch: Batch, item: BatchItem) -> dict[str, Any]:
    content = {"text": item.text, "image": item.image}
    return {
        **tags(batch, item),
        **{name: value for name, value in content.items() if value is not None},
        **{_FIELD + name: value for name, value in (item.fields or {}).items()},
        **hints(batch, item),
        **dict.fromkeys(_ANSWER, ""),
    }


def read_table(path: Path, classes: Sequence[str], delimiter: str) -> Iterator[Annotation]:
    """Yield the answers in a table that :func:`write_table` wrote and people filled; several people, several rows."""
    known = frozenset(classes)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from _answers(_Lines(file, path), path, known, delimiter)
    except OSError as error:
        raise ReadError(f"{path} cannot be read: {error.strerror}.", "Check the path and its permissions.") from error


def _answers(lines: _Lines, path: Path, known: frozenset[str], delimiter: str) -> Iterator[Annotation]:
    rows = csv.reader(lines, delimiter=delimiter, strict=True)
    try:
        header = [restore_cell(name.strip()) for name in next(rows, [])]
        _check_header(path, header, delimiter)
        for cells in rows:
            if any(cells):
                where = f"line {rows.line_num}"
                if len(cells) < len(header) and not lines.last.endswith("\n"):
                    raise ReadError(
                        f"{path}, {where}: the file ends within a row, after {len(cells)} of {len(header)} cells.",
                        "It was cut: save or copy it again.",
                    )
                yield _answer(_cells(path, header, cells, where), known, where)
    except csv.Error as error:
        raise ReadError(
            f"{path}, line {rows.line_num}: {error}.", "Mend that line, or export the table again."
        ) from error


class _Lines:
    """The lines of a file of text; remembers the last, which shows whether the file was cut."""

    def __init__(self, file: TextIO, path: Path) -> None:
        self._file, self._path = file, path
        self.last = ""

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        try:
            line = next(self._file)
        except UnicodeDecodeError as error:
            raise not_utf8(self._path, "Save it as 'CSV UTF-8'.") from error
        if "\0" in line:
            raise ReadError(f"{self._path} holds a NUL character.", "It looks like UTF-16: save it as 'CSV UTF-8'.")
        self.last = line
        return line


def _check_header(path: Path, header: list[str], delimiter: str) -> None:
    if not header:
        raise ReadError(f"{path} is empty.", "Export the table again.")
    twice = next((name for name in header if name and header.count(name) > 1), None)
    if twice is not None:
        raise ReadError(f"{path} has two columns {twice!r}.", "Remove one of them.")
    for name in (ID, "answer"):
        if name not in header:
            other = next((mark for mark in ";,\t" if mark != delimiter and mark in header[0]), None)
            fix = looks_like(path, "tsv" if delimiter == "\t" else "csv")
            if not fix and other:
                fix = f"The columns are separated by {other!r}; save it with {delimiter!r}."
            listed = ", ".join(repr(column[:_SHOWN]) for column in header[:12])
            raise ReadError(
                f"{path} has no column {name!r}; it has {listed}.",
                fix or f"{did_you_mean(name, header)}Give the table that 'labelaudit batch' wrote, with all columns.",
            )


def _cells(path: Path, header: list[str], cells: list[str], where: str) -> dict[str, str]:
    if len(cells) > len(header) and any(cells[len(header) :]):
        raise ReadError(
            f"{path}, {where}: there are {len(cells)} cells, but {len(header)} columns.",
            "A text with a separator must stand in double quotes.",
        )
    full = [*cells, *[""] * (len(header) - len(cells))]
    return {name: restore_cell(cell) for name, cell in zip(header, full, strict=False)}


def _answer(row: dict[str, str], classes: frozenset[str], where: str) -> Annotation:
    labels = _labels(row["answer"], classes)
    verdict = row.get("verdict", "").strip() or None
    fields = {name.removeprefix(_FIELD): cell for name, cell in row.items() if name.startswith(_FIELD)}
    content = "\n".join(f"{name}: {cell}" for name, cell in fields.items()) if fields else row.get("text")
    return Annotation(
        item_id=row[ID] or None,
        labels=labels,
        verdict=verdict,
        is_answered=bool(labels or verdict or row.get("annotator") or row.get("answered_at")),
        annotator=row.get("annotator") or None,
        at=milliseconds(row.get("answered_at") or None),
        seconds=seconds_of(row.get("seconds")),
        note=row.get("note", ""),
        batch_id=row.get(BATCH) or None,
        content_hash=row.get(HASH) or None,
        content=content,
        where=where,
        unclear=unclear_times(row.get("answered_at"), row.get("seconds")),
    )


def _labels(cell: str, classes: frozenset[str]) -> tuple[str, ...]:
    """Return the labels in a cell: a class, ``a | b``, or a JSON list where classes hold bars."""
    text = cell if cell in classes else cell.strip()
    if not text:
        return ()
    if text in classes:
        return (text,)
    parts = tuple(part.strip() for part in text.split(_BETWEEN.strip()))
    if len(parts) > 1 and classes.issuperset(parts):
        return parts
    try:
        listed = json.loads(text) if text.startswith("[") else None
    except ValueError:
        listed = None
    return tuple(map(str, listed)) if isinstance(listed, list) else (text,)
