"""CSV and TSV files, plain or compressed with gzip."""

from __future__ import annotations

import contextlib
import csv
import sys
from collections.abc import Generator, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labelaudit.config import ReadOptions
from labelaudit.errors import ConfigError, ReadError
from labelaudit.progress import ProgressCallback
from labelaudit.readers import Reader
from labelaudit.readers._table import Table, read_table
from labelaudit.readers._text_files import check_text_file, has_suffix, open_bytes, open_text, python_encoding

if TYPE_CHECKING:
    import pyarrow as pa

    from labelaudit.domain import Dataset

_BLOCK_BYTES, _MOST_BYTES = 1 << 24, 1 << 30  # parsed at once, as a rule and at most: no row may be larger
_TOO_LONG = "block size"  # in what Arrow says of a row that is larger
_SEPARATORS = {".tsv": "\t", ".tab": "\t"}
_SPOKEN = {"\\t": "\t", "tab": "\t"}  # a tab is hard to type in a shell


def matches(path: Path) -> int:
    """Recognise the file by its ending."""
    return 2 if path.is_file() and has_suffix(path, ".csv", ".tsv", ".tab") else 0


def read(path: Path, options: ReadOptions, tell: ProgressCallback) -> Dataset:
    """Read a table of text cells.

    Only an empty cell is missing: ``NA``, ``None`` or ``null`` are values, because a class or a text may be called so
    (in columns of numbers they count as missing). Labels keep their form: ``01`` stays ``01``.
    """
    if not path.is_file():
        raise ReadError(f"{path} is a folder or a pipe, not a file.", "Give a CSV file.")
    quotes = check_text_file(path, options.encoding)
    delimiter = options.delimiter or _delimiter(path, options.encoding)
    delimiter = _SPOKEN.get(delimiter, delimiter)
    header = _header(path, options.encoding, delimiter)
    locate = partial(_locate, path, options.encoding, delimiter)
    if quotes % 2:
        _refuse_open_quote(path, options.encoding, delimiter)
    columns = _parse(path, options.encoding, delimiter, header)
    # Where the comma stands in numbers, it cannot separate cells: spreadsheets then write semicolons or tabs.
    comma = delimiter in {";", "\t"}
    table = Table(path=path, columns=columns, locate=locate, typed=False, decimal_comma=comma)
    return read_table(table, replace(options, delimiter=delimiter), "csv", tell)


def _delimiter(path: Path, encoding: str) -> str:
    suffix = Path(path.name.lower().removesuffix(".gz")).suffix
    usual = _SEPARATORS.get(suffix, ",")
    with open_text(path, encoding) as file:
        first = next((line for line in file if line.strip()), "")
    # A spreadsheet of many countries writes semicolons into a .csv.
    return usual if usual in first else next((other for other in (";", "\t", ",", "|") if other in first), usual)


def _header(path: Path, encoding: str, delimiter: str) -> list[str]:
    _, header = next(_records(path, encoding, delimiter))
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise ReadError(
            f"{path}, line 1: the column {twice[0]!r} is there {header.count(twice[0])} times.",
            "Give each column a name of its own.",
        )
    return header


def _records(path: Path, encoding: str, delimiter: str) -> Generator[tuple[int, list[str]], None, None]:
    """Yield each record with its first line, the header too; slow, for the header and for messages only."""
    with open_text(path, encoding) as file, _cells_of_any_length():
        try:
            reader = csv.reader(file, delimiter=delimiter)
        except (TypeError, ValueError) as error:
            raise ConfigError(
                f"The delimiter {delimiter!r} is no single character.", "Give one, such as ';'."
            ) from error
        line = 1
        for record in reader:
            if record:
                yield line, record
            line = reader.line_num + 1


@contextlib.contextmanager
def _cells_of_any_length() -> Iterator[None]:
    """Lift the csv module's limit of 131,072 characters a cell for a while."""
    limit = csv.field_size_limit(sys.maxsize)
    try:
        yield
    finally:
        csv.field_size_limit(limit)


def _open_quote(path: Path, line: int) -> ReadError:
    return ReadError(
        f"{path}, line {line}: a quoted cell that starts in this row never ends.",
        "Close the quotation mark; write a quotation mark inside a quoted cell twice.",
    )


def _refuse_open_quote(path: Path, encoding: str, delimiter: str) -> None:
    """Find a cell whose quotation mark is never closed; parsers take the rest of the file for its value."""
    line = 1
    with open_text(path, encoding) as file, _cells_of_any_length():
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        try:
            for _ in reader:
                line = reader.line_num + 1
        except csv.Error as error:
            # Strict parsing also refuses '"x"y', which is unusual and harmless.
            if "expected after" not in str(error):
                raise _open_quote(path, line) from error


def _parse(path: Path, encoding: str, delimiter: str, header: list[str]) -> dict[str, pa.ChunkedArray]:
    import pyarrow as pa

    try:
        table = _in_blocks(path, encoding, delimiter, header)
    except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
        _explain(path, encoding, delimiter, header)
        if _TOO_LONG in str(error):
            raise ReadError(
                f"{path} has a row of more than {_MOST_BYTES / 1e6:,.0f} MB.", "Cut its text, or leave the row out."
            ) from error
        raise ReadError(
            f"{path} cannot be parsed: {error}.", "Check the separator (--delimiter) and quoting."
        ) from error
    return dict(zip(header, table.columns, strict=True))


def _in_blocks(path: Path, encoding: str, delimiter: str, header: list[str]) -> pa.Table:
    """Parse in blocks that are large only where a row asks for it: they bound what the threads hold."""
    import pyarrow as pa

    try:
        return _arrow_table(path, encoding, delimiter, header, _BLOCK_BYTES)
    except pa.ArrowInvalid as error:
        if _TOO_LONG not in str(error):
            raise
    return _arrow_table(path, encoding, delimiter, header, _MOST_BYTES)


def _arrow_table(path: Path, encoding: str, delimiter: str, header: list[str], block_bytes: int) -> pa.Table:
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    codec = python_encoding(encoding)
    with open_bytes(path) as file:
        return arrow_csv.read_csv(
            file,
            read_options=arrow_csv.ReadOptions(
                block_size=block_bytes, encoding="utf8" if codec == "utf-8-sig" else codec
            ),
            parse_options=arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(header, pa.string()), strings_can_be_null=True, null_values=[""]
            ),
        )


def _explain(path: Path, encoding: str, delimiter: str, header: list[str]) -> None:
    for line, record in _records(path, encoding, delimiter):
        if len(record) != len(header):
            cells = "1 cell" if len(record) == 1 else f"{len(record)} cells"
            columns = "1 column" if len(header) == 1 else f"{len(header)} columns"
            raise ReadError(
                f"{path}, line {line}: the row has {cells}, but the header has {columns}.",
                "Put a cell that contains the separator in quotation marks, or mend the row.",
            )
    _refuse_open_quote(path, encoding, delimiter)


def _locate(path: Path, encoding: str, delimiter: str, position: int) -> str:
    for row, (line, _) in enumerate(_records(path, encoding, delimiter)):
        if row == position + 1:
            return f"row {position + 1} (line {line})"
    return f"row {position + 1}"


PLUGIN: Any = Reader(name="csv", summary="CSV or TSV (.csv, .tsv, .csv.gz)", matches=matches, read=read)
