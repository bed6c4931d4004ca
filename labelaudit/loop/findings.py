"""What is to be said about single answers: all of it counted, the first of each kind at hand, the rest in a table."""

from __future__ import annotations

import csv
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from labelaudit.atomic import atomic_file
from labelaudit.errors import OutputError
from labelaudit.spreadsheet import escape_cell

__all__ = ["AT_HAND", "Finding", "Findings"]

AT_HAND = 20
"""Findings of each kind that are kept in memory."""

_COLUMNS = ("finding", "item", "place", "message", "recorded")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something about one answer that people should know.

    Attributes
    ----------
    kind : str
        ``unknown batch``, ``unknown item``, ``unknown label``, ``unknown verdict``, ``several choices``, ``edited``,
        ``empty``, ``skipped``, ``unclear time``, ``duplicate``, ``replaced``, ``refused`` or ``changed since``.
    item_id : str
        The item, as the file names it.
    where : str
        Place in the file.
    message : str
        What was found and what became of it.
    is_recorded : bool
        Whether the answer is recorded all the same.
    """

    kind: str
    item_id: str
    where: str
    message: str
    is_recorded: bool = False


class Findings:
    """Findings of any number in bounded memory, as a context: the table appears at its end, if all went well.

    Parameters
    ----------
    table : Path
        CSV that gets all findings as soon as there are more than `AT_HAND` of a kind.
    always : bool
        Write the table however few they are.

    Attributes
    ----------
    counts : Counter of str
        How many there are of each kind.
    first : list of Finding
        The first `AT_HAND` of each kind, in the order in which they were found.

    Raises
    ------
    OutputError
        If the table cannot be written.
    """

    def __init__(self, table: Path, *, always: bool = False) -> None:
        self.counts: Counter[str] = Counter()
        self.first: list[Finding] = []
        self._table, self._always = table, always
        self._open_files = ExitStack()
        self._rows: Any = None

    @property
    def table(self) -> Path | None:
        """Where all findings are; None where those at hand are all."""
        return None if self._rows is None else self._table

    def add(self, finding: Finding) -> None:
        """Count a finding, and keep it or write it down."""
        self.counts[finding.kind] += 1
        is_at_hand = self.counts[finding.kind] <= AT_HAND
        if not is_at_hand and self._rows is None:
            self._begin_table()
        if is_at_hand:
            self.first.append(finding)
        if self._rows is not None:
            self._rows.writerow(_row(finding))

    def __enter__(self) -> Self:
        if self._always:
            self._begin_table()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open_files.__exit__(kind, error, trace)

    def _begin_table(self) -> None:
        try:
            path = self._open_files.enter_context(atomic_file(self._table))
        except OutputError as error:
            raise OutputError(error.problem, "Name another place for the list of findings with --findings.") from error
        # With a byte-order mark, without which Excel takes it for another encoding.
        file = self._open_files.enter_context(path.open("w", encoding="utf-8-sig", newline=""))
        self._rows = csv.writer(file)
        self._rows.writerow(_COLUMNS)
        self._rows.writerows(map(_row, self.first))


def _row(finding: Finding) -> list[str]:
    cells = (finding.kind, finding.item_id, finding.where, finding.message, "yes" if finding.is_recorded else "no")
    # Whatever a file of answers holds, what is said of it can be written.
    return [escape_cell(cell).encode("utf-8", "backslashreplace").decode("utf-8") for cell in cells]
