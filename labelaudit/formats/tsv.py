"""TSV for spreadsheets: as CSV, separated by tabs."""

from __future__ import annotations

from functools import partial

from labelaudit.formats import Format
from labelaudit.formats._items import EVERYTHING
from labelaudit.formats._tables import read_table, too_long, write_table

__all__ = ["PLUGIN"]

PLUGIN = Format(
    name="tsv",
    summary="tab-separated, safe for Excel: fill in the column 'answer'",
    suffix=".tsv",
    carries=dict.fromkeys(("text", "image", "table"), EVERYTHING),
    write=partial(write_table, delimiter="\t"),
    read=partial(read_table, delimiter="\t"),
    check=too_long,
)
