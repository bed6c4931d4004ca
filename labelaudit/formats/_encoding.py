"""Where a file is not the UTF-8 that it should be."""

from __future__ import annotations

from pathlib import Path

from labelaudit.errors import ReadError

__all__ = ["not_utf8"]

_OTHERS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


def not_utf8(path: Path, fix: str) -> ReadError:
    """Build the error for a file that is not UTF-8, with the line and the column (in bytes) of the first wrong byte."""
    with path.open("rb") as file:
        begin = file.read(2)
        if begin in _OTHERS:
            return ReadError(f"{path} is {_OTHERS[begin]}, not UTF-8.", fix)
        file.seek(0)
        for number, line in enumerate(file, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                wrong = line[error.start]
                return ReadError(
                    f"{path}, line {number}, column {error.start + 1}: byte 0x{wrong:02x} is not UTF-8.", fix
                )
    return ReadError(f"{path} is not UTF-8.", fix)
