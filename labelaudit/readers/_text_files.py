"""Text files before they are parsed: compression, encoding, emptiness, and where a byte stands."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NoReturn, cast

from labelaudit.errors import ConfigError, ReadError

__all__ = ["check_text_file", "has_suffix", "open_bytes", "open_text", "python_encoding"]

_BLOCK = 1 << 24
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_OTHER_KINDS = (
    (b"PK\x03\x04", "a ZIP archive, as spreadsheets (.xlsx, .ods) are"),
    (b"\xd0\xcf\x11\xe0", "a spreadsheet or document of an old Office (.xls, .doc)"),
    (b"\x1f\x8b", "compressed with gzip, and its name does not end with .gz"),
    (b"PAR1", "a Parquet file"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"%PDF", "a PDF document"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
)
_CONTROLS = bytes(sorted({*range(1, 32), 127} - set(b"\t\n\v\f\r\x1a\x1b")))
_FEW_CONTROLS = 0.02
"""Share of control characters that a text stays below; random bytes hold 10 %."""


def has_suffix(path: Path, *suffixes: str) -> bool:
    """Tell whether a file ends with one of `suffixes`, compressed with gzip or not."""
    name = path.name.lower().removesuffix(".gz")
    return name.endswith(suffixes)


def python_encoding(encoding: str) -> str:
    """Return the codec's name; a byte-order mark at the start of UTF-8 is dropped by it.

    Raises
    ------
    ConfigError
        If Python knows no such text encoding.
    """
    try:
        name = codecs.lookup(encoding).name
        "".encode(encoding)
    except (LookupError, ValueError) as error:
        raise ConfigError(
            f"Unknown encoding {encoding!r}.", "Common ones: utf-8, cp1252, latin-1, utf-16, shift_jis, gb18030."
        ) from error
    return "utf-8-sig" if name == "utf-8" else name


def open_bytes(path: Path) -> BinaryIO:
    """Open a file for reading, through gzip if its name ends with ``.gz``."""
    try:
        return cast(BinaryIO, gzip.open(path, "rb")) if path.name.lower().endswith(".gz") else path.open("rb")
    except OSError as error:
        raise ReadError(f"{path} cannot be read: {error.strerror}.", "Check the path and its permissions.") from error


def open_text(path: Path, encoding: str) -> io.TextIOWrapper:
    """Open a checked file as text, newlines as they are."""
    return io.TextIOWrapper(open_bytes(path), encoding=python_encoding(encoding), newline="")


def check_text_file(path: Path, encoding: str) -> int:
    """Decode a file once without keeping it, and refuse what no parser should see.

    Returns
    -------
    int
        Number of double quotes in it.

    Raises
    ------
    ReadError
        If the file is empty, damaged, not in this encoding (with byte and line), begins with a byte-order mark that the
        encoding does not take away, or holds a NUL character.
    """
    decoder = codecs.getincrementaldecoder(python_encoding(encoding))()
    offset, blank, quotes = 0, True, 0
    for block in _blocks(path):
        try:
            text = decoder.decode(block)
        except UnicodeDecodeError as error:
            # What was to be decoded ends with the block; it begins with what was left before, or after the mark.
            _wrong_encoding(path, encoding, offset + len(block) - len(error.object) + error.start)
        except UnicodeError as error:  # of no single byte: UTF-16 and UTF-32 that begin without a mark
            _wrong_beginning(path, encoding, error)
        if offset == 0 and text.startswith("\ufeff"):
            _unexpected_mark(path, encoding)
        if "\0" in text:
            _nul(path, encoding)
        blank = blank and not text.strip()
        quotes += text.count('"')
        offset += len(block)
    pending = len(decoder.getstate()[0])
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise ReadError(
            f"{path} ends in the middle of a character of {encoding} (byte {offset - pending}).",
            "The file was cut, or has another encoding (--encoding).",
        ) from error
    if blank:
        raise ReadError(f"{path} is empty.", "Give a file with at least one labelled row.")
    return quotes


def _blocks(path: Path) -> Iterator[bytes]:
    with open_bytes(path) as file:
        try:
            while block := file.read(_BLOCK):
                yield block
        except (OSError, EOFError, zlib.error) as error:
            # gzip reports a bad or cut archive by any of these.
            raise ReadError(
                f"{path} cannot be read: {error}.", "The file is damaged; make or copy it again."
            ) from error


def _line_of_byte(path: Path, position: int) -> tuple[int, bytes]:
    """Return the line (the first is 1) of a byte, and up to a megabyte from it on."""
    line, left = 1, position
    with open_bytes(path) as file:
        while left:
            block = file.read(min(left, _BLOCK))
            line += block.count(b"\n")
            left -= len(block)
        return line, file.read(1 << 20)


def _refuse_other_kinds(path: Path) -> None:
    """Say what a file is that is no text, where its first bytes tell: no encoding would make a table of it."""
    with open_bytes(path) as file:
        head = file.read(4096)
    kind = next((kind for mark, kind in _OTHER_KINDS if head.startswith(mark)), None)
    if kind is not None:
        raise ReadError(
            f"{path} is no text, but {kind}.",
            "Save the table as CSV in UTF-8, or give the file under the ending of its kind.",
        )
    is_wide = head.startswith(tuple(mark for mark, _ in _BOMS)) or head.count(0) > len(head) // 5
    if not is_wide and len(head) - len(head.translate(None, _CONTROLS)) > _FEW_CONTROLS * len(head):
        raise ReadError(
            f"{path} is no text: its first bytes hold many control characters.",
            "Give a text file; if it is one in an unusual encoding, name that with --encoding.",
        )


def _wrong_encoding(path: Path, encoding: str, position: int) -> NoReturn:
    _refuse_other_kinds(path)
    line, rest = _line_of_byte(path, position)
    raise ReadError(
        f"{path}, line {line}: byte 0x{rest[0]:02x} (byte {position} of the file) is no {encoding}.",
        _other_encoding(path, encoding, rest),
    )


def _wrong_beginning(path: Path, encoding: str, error: UnicodeError) -> NoReturn:
    _refuse_other_kinds(path)
    _, rest = _line_of_byte(path, 0)
    raise ReadError(f"{path} is no {encoding}: {error}.", _other_encoding(path, encoding, rest)) from error


def _other_encoding(path: Path, encoding: str, rest: bytes) -> str:
    guess = _guess(path, rest)
    if python_encoding(guess) == python_encoding(encoding):
        return "The file is damaged there, or joined from parts in several encodings: save it again as UTF-8."
    return f"The file looks like {guess}: give --encoding {guess}, or save it as UTF-8."


def _unexpected_mark(path: Path, encoding: str) -> NoReturn:
    guess = _guess(path, b"")
    fits = python_encoding(guess) != python_encoding(encoding)
    raise ReadError(
        f"{path} begins with a byte-order mark, which would become part of the first name.",
        f"Give --encoding {guess}." if fits else "Save it again without the mark.",
    )


def _guess(path: Path, rest: bytes) -> str:
    with open_bytes(path) as file:
        head = file.read(4096)
    for mark, name in _BOMS:
        if head.startswith(mark):
            return name
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8"
    if head.count(0) > len(head) // 5:
        return "utf-16-le" if head[1:2] == b"\0" else "utf-16-be"
    if _is(rest, "utf-8"):
        return "utf-8"
    return "cp1252" if _is(rest, "cp1252") else "latin-1"


def _is(rest: bytes, encoding: str) -> bool:
    try:
        codecs.getincrementaldecoder(encoding)().decode(rest)  # the last character may be cut
    except UnicodeDecodeError:
        return False
    return True


def _nul(path: Path, encoding: str) -> NoReturn:
    _refuse_other_kinds(path)
    # What follows the first NUL may be no text at all.
    with io.TextIOWrapper(open_bytes(path), python_encoding(encoding), errors="replace", newline="") as file:
        line = next((number for number, text in enumerate(file, start=1) if "\0" in text), 1)
    with open_bytes(path) as raw:
        head = raw.read(4096)
    wide = head.count(0) > len(head) // 5
    raise ReadError(
        f"{path}, line {line}: there is a NUL character.",
        "The file looks like UTF-16: give --encoding utf-16-le." if wide else "The file is damaged, or no text.",
    )
