r"""Halves of characters, which JSON can write and no file of text can hold.

Beyond U+FFFF JSON may write a character as two escapes, its surrogates. Where a text was cut between them, or a program
counted in UTF-16, one of them stands alone: ``"\ud83d"``. Python reads it, and fails wherever it is written or hashed.
"""

from __future__ import annotations

import re
import sys
from typing import Any

__all__ = ["without_halves"]

_HALF = re.compile(r"\\u[dD][89a-fA-F]")


def without_halves(value: Any, written: str, start: int = 0, end: int = sys.maxsize) -> Any:
    r"""Return a parsed value with a replacement character for each half of one, in names and strings alike.

    Parameters
    ----------
    value : object
        What was parsed.
    written : str
        The JSON it was parsed from, between `start` and `end`: most of it shows at a glance that there is no half.

    Examples
    --------
    >>> print(ascii(without_halves({"a": "cut \ud83d"}, r'{"a": "cut \ud83d"}')))
    {'a': 'cut \ufffd'}
    """
    return _whole(value) if _HALF.search(written, start, end) else value


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_whole(each) for each in value]
    return {_whole(name): _whole(each) for name, each in value.items()} if isinstance(value, dict) else value
