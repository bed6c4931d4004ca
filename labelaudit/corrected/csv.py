"""CSV and TSV: cells are cut out of the text as they stand, so that what is not decided keeps its very bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from labelaudit.corrected import Correction, Layout, Spelling, Writer, free_name, label_name
from labelaudit.corrected._text import open_source
from labelaudit.errors import DataError


def write(source: Path, target: Path, corrections: Mapping[int, Correction], layout: Layout) -> None:
    """Write the file again, with the columns ``<label>_before`` and ``<label>_verdict`` behind the label."""
    delimiter, label = layout.options.delimiter or ",", label_name(layout)
    opened = open_source(source, layout.options.encoding)
    written = "".join(_rewritten(opened.text, delimiter, label, corrections, layout))
    target.write_bytes(opened.bytes_of(written))


def _rewritten(
    text: str, delimiter: str, label: str, corrections: Mapping[int, Correction], layout: Layout
) -> Iterator[str]:
    place, row = -1, -1
    spelling = _spelling(text, delimiter, label, layout)
    for cells, ending in raw_records(text, delimiter):
        if cells == [""]:  # a blank line is no row
            yield ending
            continue
        row += 1
        if row == 0:
            names = [unquoted(cell) for cell in cells]
            place = names.index(label)
            new = [free_name(f"{label}_{what}", names) for what in ("before", "verdict")]
            cells[place + 1 : place + 1] = [quoted(name, delimiter) for name in new]
        else:
            correction = corrections.get(row)
            if correction is not None and correction.is_excluded:
                continue
            verdict = "" if correction is None else str(correction.opinion.verdict)
            cells[place + 1 : place + 1] = [cells[place], verdict]
            if correction is not None and correction.is_changed and correction.label is not None:
                cells[place] = quoted(spelling.of(correction.label), delimiter, like=cells[place])
        yield delimiter.join(cells) + ending


def _spelling(text: str, delimiter: str, label: str, layout: Layout) -> Spelling:
    rows = (cells for cells, _ in raw_records(text, delimiter) if cells != [""])
    place = [unquoted(cell) for cell in next(rows)].index(label)
    spelling = Spelling(layout.classes)
    for given, cells in zip(layout.labels, rows, strict=True):
        spelling.learn(given, unquoted(cells[place]))
    return spelling


def raw_records(text: str, delimiter: str) -> Iterator[tuple[list[str], str]]:
    r"""Yield the cells of each record as they stand, quotation marks included, and the line's ending.

    Examples
    --------
    >>> list(raw_records('a,"b\n""c"\r\n,\n', ","))
    [(['a', '"b\n""c"'], '\r\n'), (['', ''], '\n')]
    """
    mark = re.escape(delimiter)
    cell = re.compile(rf'("(?:[^"]|"")*"[^{mark}\r\n]*|[^{mark}\r\n]*)({mark}|\r\n|\n|\r|\Z)')
    position = 0
    cells: list[str] = []
    while position < len(text) or cells:
        found = cell.match(text, position)
        if found is None:
            raise DataError("The CSV file has a quotation mark that is never closed.", "Audit the data again.")
        cells.append(found[1])
        position = found.end()
        if found[2] != delimiter:
            yield cells, found[2]
            cells = []


def unquoted(cell: str) -> str:
    """Return the value of a cell."""
    if not cell.startswith('"'):
        return cell
    end = cell.rindex('"')
    return cell[1:end].replace('""', '"') + cell[end + 1 :]


def quoted(value: str, delimiter: str, *, like: str = "") -> str:
    """Return a cell with `value`, in quotation marks if it needs them or if `like`, the cell it replaces, has them."""
    if like.startswith('"') or any(character in value for character in (delimiter, '"', "\r", "\n")):
        return '"' + value.replace('"', '""') + '"'
    return value


PLUGIN = Writer(write)
