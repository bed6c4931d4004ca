"""Text files of the source: unpacked and decoded, and encoded and packed again in the same way."""

from __future__ import annotations

import codecs
import gzip
import sys
from dataclasses import dataclass
from pathlib import Path

from labelaudit.errors import LabelsError

__all__ = ["Source", "open_source"]

# Codecs that take a byte-order mark away, by the marks and the codecs that then are left; the empty mark comes last.
_NATIVE = "le" if sys.byteorder == "little" else "be"
_MARKS = {
    "utf-8": {codecs.BOM_UTF8: "utf-8", b"": "utf-8"},
    "utf-16": {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be", b"": f"utf-16-{_NATIVE}"},
    "utf-32": {codecs.BOM_UTF32_LE: "utf-32-le", codecs.BOM_UTF32_BE: "utf-32-be", b"": f"utf-32-{_NATIVE}"},
}


@dataclass(frozen=True)
class Source:
    """The text of a source file, and how it is stored.

    Attributes
    ----------
    text : str
        Its content without a byte-order mark, newlines as they are.
    """

    text: str
    _mark: bytes
    _codec: str
    _is_packed: bool

    def bytes_of(self, text: str) -> bytes:
        """Return what a file with `text` holds, stored as the source is.

        Raises
        ------
        LabelsError
            If the source's encoding has no place for a character of a new label.
        """
        try:
            content = self._mark + text.encode(self._codec)
        except UnicodeEncodeError as error:
            raise LabelsError(
                f"The data is stored as {self._codec}, which has no {text[error.start : error.end]!r}.",
                "Save the data as UTF-8 and audit it again, or choose labels that it can hold.",
            ) from error
        # mtime 0: the same decisions give the same bytes.
        return gzip.compress(content, mtime=0) if self._is_packed else content


def open_source(path: Path, encoding: str) -> Source:
    """Read a file that was read before, so that its encoding is known to fit."""
    is_packed = path.name.lower().endswith(".gz")
    data = gzip.decompress(path.read_bytes()) if is_packed else path.read_bytes()
    name = codecs.lookup(encoding).name.removesuffix("-sig")
    marks = _MARKS.get(name, {b"": name})
    mark, codec = next((mark, plain) for mark, plain in marks.items() if data.startswith(mark))
    return Source(data[len(mark) :].decode(codec), mark, codec, is_packed)
