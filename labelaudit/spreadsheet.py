"""Cells that a spreadsheet must not run as formulas."""

from __future__ import annotations

__all__ = ["escape_cell", "restore_cell"]

_DANGEROUS = ("=", "+", "-", "@", "\t", "\r")
_GUARD = "'"


def escape_cell(text: str) -> str:
    """Return `text` with a guard before it if a spreadsheet would take it for a formula.

    A text that already begins with guards before such a character gets one more, so that :func:`restore_cell` is exact.

    Examples
    --------
    >>> escape_cell("=1+1"), escape_cell("fine"), restore_cell(escape_cell("'=1+1"))
    ("'=1+1", 'fine', "'=1+1")
    """
    return _GUARD + text if text.lstrip(_GUARD).startswith(_DANGEROUS) else text


def restore_cell(text: str) -> str:
    """Return what :func:`escape_cell` was given."""
    guarded = text.startswith(_GUARD) and text.lstrip(_GUARD).startswith(_DANGEROUS)
    return text[1:] if guarded else text
