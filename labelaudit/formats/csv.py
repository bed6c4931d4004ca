"""CSV for spreadsheets: UTF-8 with a byte-order mark, cells guarded against running as formulas."""

from __future__ import annotations

from functools import partial

from labelaudit.formats import Format
from labelaudit.formats._items import EVERYTHING
from labelaudit.formats._tables import read_table, too_long, write_table

__all__ = ["PLUGIN"]

PLUGIN = Format(
    name="csv",
    summary="CSV for spreadsheets, safe for Excel: fill in the column 'answer'",
    suffix=".csv",
    carries=dict.fromkeys(("text", "image", "table"), EVERYTHING),
    write=partial(write_table, delimiter=","),
    read=partial(read_table, delimiter=","),
    check=too_long,
)
