"""Which values of a table row are unusual for its given class, and why."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from labelaudit.missing import is_missing

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["Cell", "Table"]

_RARE = 0.02  # a value, or a place in the tail, that less than one in fifty of the class has
_TELLING = 3.0  # and that is at least so many times as frequent in the suggested class
_MEMBERS = 30  # of fewer items of a class nothing is called unusual
_OWN = 0.5  # different values for each row, from which a column may tell items apart and not classes
_SAME = 0.05  # how far the ranks of a class may lie from those of all, in their mean and in their spread
_RANK_SPREAD = 1.0 / np.sqrt(12.0)  # standard deviation of a uniform rank


@dataclass(frozen=True)
class Cell:
    """One value of a row: `value` is None if it is missing; `why` is empty unless it is unusual."""

    name: str
    value: str | None
    why: str = ""


@dataclass(frozen=True, eq=False)
class Table:
    """The rows of a data set, to look at one of them beside its class.

    Attributes
    ----------
    features : (n, d) DataFrame
        The columns.
    labels : (n,) int
        Given class of each row, −1 where there is none.
    """

    features: pd.DataFrame
    labels: NDArray[np.integer]

    def cells(self, row: int, given: int, suggested: int) -> list[Cell]:
        """Return the values of a row, marked where they are unusual for the class `given`.

        A value is unusual if less than 2 % of the class has it (or, for numbers, lies as far out), while at least three
        times as large a share of the class `suggested` does. Without a class (−1) nothing is unusual, and nothing in a
        column that tells items apart and not classes, as a number of a customer does.
        """
        return [self._cell(str(name), place, row, given, suggested) for place, name in enumerate(self.features.columns)]

    def difference(self, row: int, other: int) -> str:
        """Return the values of the row `other` that are not those of `row`, in one line."""
        mine, others = self.features.iloc[row], self.features.iloc[other]
        told = [
            f"{name} {'missing' if is_missing(value) else _spoken(value)}"
            for place, (name, own, value) in enumerate(zip(self.features.columns, mine, others, strict=True))
            if _spoken(own) != _spoken(value) and not self._names_items(place)
        ]
        return ", ".join(told) if told else "the same in every column"

    @cached_property
    def _members(self) -> dict[int, NDArray[np.intp]]:
        order = np.argsort(self.labels, kind="stable")
        codes, starts = np.unique(self.labels[order], return_index=True)
        parts = np.split(order, starts[1:])
        return {int(code): part for code, part in zip(codes, parts, strict=True)}

    @cached_property
    def _sorted(self) -> dict[tuple[int, int], Any]:
        return {}

    def _cell(self, name: str, place: int, row: int, given: int, suggested: int) -> Cell:
        value = self.features.iloc[row, place]
        if is_missing(value):
            return Cell(name, None)
        why = ""
        if given >= 0 and len(self._members.get(given, ())) >= _MEMBERS and not self._names_items(place):
            why = self._why(place, value, given, suggested)
        return Cell(name, _spoken(value), why)

    def _names_items(self, place: int) -> bool:
        """Say whether a column tells items apart and not classes: names, and numbers that are alike in every class."""
        if place not in self._naming:
            self._naming[place] = self._is_naming(self.features.iloc[:, place])
        return self._naming[place]

    @cached_property
    def _naming(self) -> dict[int, bool]:
        return {}

    def _is_naming(self, column: pd.Series[Any]) -> bool:
        known = column.notna().to_numpy(dtype=bool)
        if column.dtype.kind == "f" or known.sum() < _MEMBERS or column.nunique() < _OWN * known.sum():
            return False  # a measured number has a value of its own in each row, too
        if column.dtype.kind not in "iu":
            return True
        ranks = column.rank(pct=True).to_numpy(dtype=np.float64)
        for part in self._members.values():
            off = ranks[part][known[part]] - 0.5
            allowed = max(_SAME, 3.0 * _RANK_SPREAD / np.sqrt(max(len(off), 1)))
            if len(off) and max(abs(off.mean()), abs(np.abs(off).mean() - 0.25)) > allowed:
                return False
        return True

    def _why(self, place: int, value: Any, given: int, suggested: int) -> str:
        in_given, direction = self._share(place, value, given)
        if in_given >= _RARE:
            return ""
        told = f"{_percent(in_given)} of the given class {direction}"
        if suggested < 0 or suggested == given or len(self._members.get(suggested, ())) < _MEMBERS:
            return told
        in_suggested, _ = self._share(place, value, suggested, direction)
        if in_suggested < _TELLING * max(in_given, 1e-9):
            return ""
        return f"{told}, {_percent(in_suggested)} of the suggested one"

    def _share(self, place: int, value: Any, code: int, direction: str = "") -> tuple[float, str]:
        """Return the share of a class with this value or beyond it, and which of the two it is."""
        known = self._column(place, code)
        if isinstance(known, dict):
            return known.get(value, 0) / max(sum(known.values()), 1), "has it"
        if len(known) == 0:
            return 0.0, direction
        below = float(np.searchsorted(known, value, side="right")) / len(known)
        above = 1.0 - float(np.searchsorted(known, value, side="left")) / len(known)
        if direction:
            return (below if direction.endswith("little") else above), direction
        return (below, "has so little") if below < above else (above, "has so much")

    def _column(self, place: int, code: int) -> Any:
        """Return a column of a class: sorted numbers, or the count of each value."""
        key = (place, code)
        if key not in self._sorted:
            column = self.features.iloc[self._members[code], place].dropna()
            is_number = column.dtype.kind in "iuf"
            self._sorted[key] = (
                np.sort(column.to_numpy(dtype=np.float64)) if is_number else column.value_counts().to_dict()
            )
        return self._sorted[key]


def _spoken(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float | np.floating) and float(value).is_integer() else str(value)


def _percent(share: float) -> str:
    if share == 0:
        return "none"
    return "< 0.1%" if share < 0.001 else f"{100 * share:.1f}%"
