"""JSON Lines, or one JSON array of objects."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labelaudit.config import ReadOptions
from labelaudit.errors import ReadError
from labelaudit.half_characters import without_halves
from labelaudit.progress import ProgressCallback
from labelaudit.readers import Reader
from labelaudit.readers._table import Table, read_table
from labelaudit.readers._text_files import check_text_file, has_suffix, open_text

if TYPE_CHECKING:
    import pyarrow as pa

    from labelaudit.domain import Dataset

_ONE_OBJECT = 'Each item is one object, such as {"text": "...", "label": "..."}.'


def matches(path: Path) -> int:
    """Recognise the file by its ending."""
    return 2 if path.is_file() and has_suffix(path, ".jsonl", ".ndjson", ".json") else 0


def read(path: Path, options: ReadOptions, tell: ProgressCallback) -> Dataset:
    """Read objects as rows; a key that an object lacks is missing there. Values keep their types."""
    if not path.is_file():
        raise ReadError(f"{path} is a folder or a pipe, not a file.", "Give a JSON or JSONL file.")
    check_text_file(path, options.encoding)
    lines: list[int] = []
    whole = has_suffix(path, ".json")
    objects = _array(path, options.encoding) if whole else _lines(path, options.encoding, lines)
    values = _columns(objects)
    columns, mixed = {}, {}
    for name, column in values.items():
        columns[name], is_mixed = _typed(column)
        if is_mixed:
            mixed[name] = column

    def locate(position: int) -> str:
        return f"item {position + 1}" if whole else f"row {position + 1} (line {lines[position]})"

    return read_table(Table(path=path, columns=columns, locate=locate, mixed=mixed), options, "jsonl", tell)


def _lines(path: Path, encoding: str, lines: list[int]) -> Iterator[dict[str, Any]]:
    """Yield the object of each line that is not blank, and note its number in `lines`."""
    with open_text(path, encoding) as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                value = without_halves(json.loads(line), line)
            except json.JSONDecodeError as error:
                raise ReadError(
                    f"{path}, line {number}: this is no JSON: {error.msg} at column {error.colno}.",
                    "Mend or remove the line.",
                ) from error
            except (ValueError, RecursionError) as error:
                raise ReadError(f"{path}, line {number}: {_too_much(error)}", "Mend or remove the line.") from error
            if not isinstance(value, dict):
                raise ReadError(f"{path}, line {number}: there is {_spoken(value)}, no object.", _ONE_OBJECT)
            lines.append(number)
            yield value


def _array(path: Path, encoding: str) -> Iterator[dict[str, Any]]:
    with open_text(path, encoding) as file:
        try:
            text = file.read()
            content = without_halves(json.loads(text), text)
        except json.JSONDecodeError as error:
            raise ReadError(
                f"{path} is no JSON: {error}.", "If it holds one object a line, end its name with .jsonl."
            ) from error
        except (ValueError, RecursionError) as error:
            raise ReadError(f"{path}: {_too_much(error)}", "Mend or remove the item.") from error
    if not isinstance(content, list):
        raise ReadError(f"{path} holds {_spoken(content)}, no array.", f"Give an array of objects. {_ONE_OBJECT}")
    for number, value in enumerate(content, start=1):
        if not isinstance(value, dict):
            raise ReadError(f"{path}, item {number}: there is {_spoken(value)}, no object.", _ONE_OBJECT)
        yield value


def _too_much(error: ValueError | RecursionError) -> str:
    """Say what Python's parser gives up at: no file of labelled items comes near these limits."""
    if isinstance(error, RecursionError):
        return "arrays or objects are nested too deeply."
    return "a number has thousands of digits."


def _spoken(value: Any) -> str:
    kinds = {
        str: "a string",
        int: "a number",
        float: "a number",
        bool: "a boolean",
        list: "an array",
        dict: "an object",
    }
    return kinds.get(type(value), "null")


def _columns(objects: Iterator[dict[str, Any]]) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {}
    for count, row in enumerate(objects):
        for name, value in row.items():
            if name not in columns:
                columns[name] = [None] * count
            columns[name].append(value)
        if len(row) < len(columns):
            for name in columns.keys() - row.keys():
                columns[name].append(None)
    return columns


def _typed(values: list[Any]) -> tuple[pa.ChunkedArray, bool]:
    """Return the values as one Arrow column; as text, and True, where they have no common type."""
    import pyarrow as pa

    try:
        column = pa.array(values, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        text = [value if value is None or isinstance(value, str) else json.dumps(value) for value in values]
        return pa.chunked_array([pa.array(text, pa.large_string())]), True
    return pa.chunked_array([column]), False


PLUGIN = Reader(
    name="jsonl", summary="JSON Lines or a JSON array of objects (.jsonl, .json)", matches=matches, read=read
)
