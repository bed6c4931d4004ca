"""Texts as they are shown: bounded in length, and honest about characters that nobody can see."""

from __future__ import annotations

import unicodedata
from collections import Counter

__all__ = ["SHOWN", "invisible", "shown"]

SHOWN = 20_000
"""Characters of a text that are shown; what is longer is cut, with a note."""

_ORDINARY = frozenset("\n\t\r")


def shown(text: str) -> tuple[str, list[str]]:
    r"""Return the part of a text that is shown, and notes for the reader.

    Control characters are replaced by a visible sign; directional and zero-width ones stay, and are named.

    Examples
    --------
    >>> shown("a\u200bb")[1]
    ['Contains characters that cannot be seen: ZERO WIDTH SPACE (1).']
    """
    part = text[:SHOWN]
    notes = []
    if len(text) > SHOWN:
        notes.append(f"The first {SHOWN:,} of {len(text):,} characters.")
    found = invisible(part)
    if found:
        named = ", ".join(f"{name} ({count})" for name, count in found.items())
        notes.append(f"Contains characters that cannot be seen: {named}.")
    return "".join("\N{REPLACEMENT CHARACTER}" if _is_control(sign) else sign for sign in part), notes


def invisible(text: str) -> dict[str, int]:
    """Count characters without a shape of their own, by name, most frequent first."""
    signs = Counter(sign for sign in text if _is_control(sign) or unicodedata.category(sign) == "Cf")
    return {unicodedata.name(sign, f"U+{ord(sign):04X}"): count for sign, count in signs.most_common(5)}


def _is_control(sign: str) -> bool:
    return sign not in _ORDINARY and unicodedata.category(sign) in {"Cc", "Cs"}
