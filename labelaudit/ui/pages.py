"""Which pages there are."""

from __future__ import annotations

__all__ = ["FIRST", "PAGES"]

PAGES = {
    "queue": "Queue",
    "overview": "Overview",
    "table": "Table",
    "map": "Map",
    "confusion": "Classes and confusion",
    "people": "People",
    "history": "History",
    "plain": "Queue without script",
}
"""Title by address; the module ``<address>_page`` shows the page."""

FIRST = "queue"
"""The page without an address of its own."""
