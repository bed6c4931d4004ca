"""JSON of any size, read piece by piece, with line and column in every complaint."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from labelaudit.errors import ReadError
from labelaudit.formats._encoding import not_utf8
from labelaudit.half_characters import without_halves

__all__ = ["as_line", "looks_like", "read_array", "read_lines", "read_text_lines", "wrong_shape"]

_BLOCK = 1 << 20
_LARGEST = 1 << 28
"""Characters of one item beyond which the file is taken to be broken: 256 million, more than any tool exports."""

_SHAPES: tuple[tuple[str, frozenset[str]], ...] = (
    ("csv", frozenset({"labelaudit_id", "answer", "answered_at"})),
    ("label-studio", frozenset({"data", "annotations"})),
    ("label-studio", frozenset({"annotator", "annotation_id", "lead_time"})),
    ("argilla", frozenset({"fields", "responses"})),
    ("prodigy", frozenset({"_task_hash"})),
    ("prodigy", frozenset({"options", "meta"})),
    ("cvat", frozenset({"categories", "items"})),
    ("fiftyone", frozenset({"classes", "labels"})),
    ("jsonl", frozenset({"labelaudit_id", "answered_at"})),
    ("doccano", frozenset({"label", "Comments"})),
    ("doccano", frozenset({"text", "label"})),
    ("doccano", frozenset({"filename", "label"})),
)
_HEAD = 1 << 16
_KEY = re.compile(r'"(\w+)"\s*:')
_BLANK = re.compile(r"[ \t\r\n]*")
_NUMBER = re.compile(r"[0-9.eE+-]*")


def as_line(value: Any) -> str:
    """Return `value` as one line of JSON."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n"


def wrong_shape(path: Path, place: str, record: Any, format: str) -> ReadError:
    """Build the error for a record that `format` does not have, saying which tool's it looks like."""
    keys = set(record) if isinstance(record, Mapping) else set()
    likely = next((name for name, shape in _SHAPES if shape <= keys and name != format), None)
    found = f"it has the keys {', '.join(map(repr, sorted(keys)[:8]))}" if keys else f"it is a {type(record).__name__}"
    fix = f"It looks like {likely}: give --format {likely}." if likely else "Check that it is the right export."
    return ReadError(f"{path}, {place}: this is no answer in the format {format}; {found}.", fix)


def looks_like(path: Path, format: str = "") -> str:
    """Say which format, other than `format`, the beginning of a file looks like; nothing if that is not known."""
    if not path.is_file():  # a document within an archive
        return ""
    with path.open("rb") as file:
        head = file.read(_HEAD).decode("utf-8-sig", "ignore")
    first = head.partition("\n")[0]
    keys = set(_KEY.findall(head) if head.lstrip()[:1] in ("{", "[") else re.split(r"[,;\t]", first.strip()))
    likely = next((name for name, shape in _SHAPES if shape <= keys), None)
    if likely == "csv" and "\t" in first:
        likely = "tsv"
    return f"It looks like {likely}: give --format {likely}." if likely and likely != format else ""


def read_array(path: Path) -> Iterator[tuple[int, Any]]:
    """Yield the elements of a JSON array with the line each begins at, holding no more than one in memory.

    Raises
    ------
    ReadError
        If the file is no JSON array; with line and column.
    """
    buffer = _Buffer(path)
    first = buffer.peek()
    if first != "[":
        found = "is empty" if first is None else f"begins with {first!r}"
        raise ReadError(f"{path} is no JSON array: it {found}.", looks_like(path) or "Export the answers as JSON.")
    buffer.take()
    if buffer.peek() == "]":
        buffer.take()
    else:
        while True:
            buffer.peek()  # the line at which the value begins, not the one at which the last ended
            yield buffer.line, buffer.value()
            mark = buffer.peek()
            buffer.take()
            if mark == "]":
                break
            if mark != ",":
                found = "the file ends" if mark is None else f"there is {mark!r}"
                raise buffer.broken(f"expected ',' or ']', but {found}")
    if buffer.peek() is not None:
        raise buffer.broken("something follows on the end of the array")


def read_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the objects of a file of JSON lines with their line.

    Raises
    ------
    ReadError
        If a line is no JSON object; with line and column.
    """
    return read_text_lines(path, _lines(path))


def read_text_lines(path: Path, lines: Iterable[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the objects in `lines` of JSON with their number; `path` names them in errors."""
    found = False
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        if not found and line.lstrip()[0] not in "[{":
            raise ReadError(
                f"{path}, line {number}: this is no JSON; it begins with {line[:20]!r}.",
                looks_like(path) or "Export the answers as JSON lines.",
            )
        found = True
        try:
            value = without_halves(_DECODER.decode(line), line)
        except (ValueError, RecursionError) as error:
            raise _broken(path, error, first_line=number) from error
        if not isinstance(value, dict):
            raise ReadError(
                f"{path}, line {number}: this is a {type(value).__name__}, no JSON object.",
                "Each line must hold one answer. An export as one JSON array is another format.",
            )
        yield number, value
    if not found:
        raise ReadError(f"{path} is empty.", "Export it again.")


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_number)


def _blocks(path: Path) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                yield decoder.decode(block)
            yield decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise not_utf8(path, "Save or export it as UTF-8.") from error
    except OSError as error:
        raise ReadError(f"{path} cannot be read: {error.strerror}.", "Check the path and its permissions.") from error


def _lines(path: Path) -> Iterator[str]:
    # Not str.splitlines: JSON strings may hold U+2028 and other characters that it takes for ends of lines.
    rest = ""
    for block in _blocks(path):
        *lines, rest = (rest + block).split("\n")
        if len(rest) > _LARGEST:
            raise ReadError(f"{path} has a line of more than {_LARGEST:,} characters.", "This is no file of answers.")
        yield from lines
    if rest:
        yield rest


def _what(error: ValueError | RecursionError) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return error.msg if isinstance(error, json.JSONDecodeError) else str(error)


def _broken_at(path: Path, line: int, column: int, what: str) -> ReadError:
    return ReadError(
        f"{path}, line {line}, column {column}: broken JSON: {what}.", "The file was cut or edited; export it again."
    )


def _broken(path: Path, error: ValueError | RecursionError, *, first_line: int) -> ReadError:
    line, column = (error.lineno, error.colno) if isinstance(error, json.JSONDecodeError) else (1, 1)
    return _broken_at(path, first_line + line - 1, column, _what(error))


class _Buffer:
    """The text that is not parsed yet, and where it begins in the file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._blocks = _blocks(path)
        self._text, self._at = "", 0
        self.line, self._column = 1, 1

    def peek(self) -> str | None:
        """Return the next character that is no blank, or None at the end."""
        while True:
            blank = _BLANK.match(self._text, self._at)
            self._advance(self._at if blank is None else blank.end())
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return None

    def take(self) -> None:
        """Step over one character."""
        self._advance(min(self._at + 1, len(self._text)))

    def value(self) -> Any:
        """Parse and step over one value."""
        if self.peek() is None:
            raise self.broken("the file ends where a value should stand")
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except (ValueError, RecursionError) as error:
                # It may only be cut by the end of the block.
                if len(self._text) - self._at > _LARGEST or not self._more_than_double():
                    raise self._described(error) from error
                continue
            if isinstance(value, int | float) and self._may_go_on(end) and self._more_than_double():
                continue
            value = without_halves(value, self._text, self._at, end)
            self._advance(end)
            return value

    def broken(self, what: str) -> ReadError:
        """Build the error for the place that was reached."""
        return _broken_at(self._path, self.line, self._column, what)

    def _described(self, error: ValueError | RecursionError) -> ReadError:
        if isinstance(error, json.JSONDecodeError):
            self._advance(error.pos)
        return self.broken(_what(error))

    def _may_go_on(self, end: int) -> bool:
        """Tell whether a number that ends at `end` may be longer in the file: ``1``, ``1.`` and ``1.5e`` are cut."""
        rest = _NUMBER.match(self._text, end)
        return rest is not None and rest.end() == len(self._text)

    def _advance(self, end: int) -> None:
        lines = self._text.count("\n", self._at, end)
        last = self._text.rfind("\n", self._at, end)
        self._column = end - last if lines else self._column + end - self._at
        self.line += lines
        self._at = end

    def _more(self) -> bool:
        block = next(self._blocks, None)
        self._text = self._text[self._at :] + (block or "")
        self._at = 0
        return block is not None

    def _more_than_double(self) -> bool:
        """Read on; parsing again from the start of the value costs no more in all than parsing it twice."""
        before = len(self._text) - self._at
        grown = False
        while len(self._text) - self._at <= 2 * before and self._more():
            grown = True
        return grown
