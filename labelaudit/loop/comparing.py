"""Two audits of the same data, before and after it was corrected."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from labelaudit.errors import UsageError

if TYPE_CHECKING:
    from labelaudit.audit_folder import Audit

__all__ = ["Comparison", "Move", "compare"]


@dataclass(frozen=True, kw_only=True)
class Move:
    """An item that stands elsewhere: its label or its suspicion, before and after."""

    item_id: str
    label_before: str | None
    label_after: str | None
    suspicion_before: float | None
    suspicion_after: float | None


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What changed between two audits.

    Attributes
    ----------
    common, added, removed, edited : int
        Items in both with the same content, in the later only, in the earlier only, and in both with other content.
    relabelled : tuple of Move
        Items of the same content with another label, most suspicious before first.
    errors_found : int
        Relabelled items that the earlier audit suspected.
    moved : tuple of Move
        Items of the same label whose suspicion changed most, by 0.01 at least.
    before, after : mapping
        ``items``, ``suspects``, ``ambiguous``, ``expected_errors``, ``expected_error_rate`` (0..1) and ``agreement``
        (share of labels that the model shares, 0..1) of each audit.
    """

    common: int
    added: int
    removed: int
    edited: int
    relabelled: tuple[Move, ...]
    errors_found: int
    moved: tuple[Move, ...]
    before: dict[str, float]
    after: dict[str, float]

    def as_dict(self) -> dict[str, Any]:
        """Return the comparison as plain values."""
        return asdict(self)


_LEAST_MOVE = 0.01
"""Change of suspicion below which an item stands where it stood."""

_NUMBERS = ("items", "assessed", "suspects", "ambiguous", "expected_errors", "agreement")


def compare(old: Audit, new: Audit, *, moves: int = 20) -> Comparison:
    """Compare two audits item by item.

    Parameters
    ----------
    old, new : Audit
        The earlier and the later one. Items are the same if their ids are.
    moves : int
        How many items to name that moved most.

    Returns
    -------
    Comparison

    Raises
    ------
    UsageError
        If they have no item in common.
    """
    both = old.items.merge(new.items, left_index=True, right_index=True, suffixes=(" before", " after"))
    if not len(both):
        raise UsageError(
            f"The audits have no item in common: {_first_id(old)!r} and so on are not in the later, "
            f"{_first_id(new)!r} and so on not in the earlier one.",
            "Compare audits of the same data; name its id column with --id, so that items keep their ids.",
        )
    same = both["content_hash before"] == both["content_hash after"]
    common = both[same]
    before, after = (common[f"given_label {side}"].fillna("") for side in ("before", "after"))
    relabelled = common[before != after].sort_values("suspicion before", ascending=False, kind="stable")
    rest = common[before == after]
    change = (rest["suspicion after"] - rest["suspicion before"]).abs().sort_values(ascending=False, kind="stable")
    return Comparison(
        common=len(common),
        added=len(new.items.index.difference(old.items.index)),
        removed=len(old.items.index.difference(new.items.index)),
        edited=int((~same).sum()),
        relabelled=_moves(relabelled),
        errors_found=int(relabelled["is_suspect before"].sum()),
        moved=_moves(rest.loc[change[change >= _LEAST_MOVE].index[:moves]]),
        before=_numbers(old),
        after=_numbers(new),
    )


def _first_id(audit: Audit) -> str:
    return str(audit.items.index[0]) if len(audit) else ""


def _numbers(audit: Audit) -> dict[str, float]:
    numbers = {name: audit.health[name] for name in _NUMBERS}
    assessed = numbers.pop("assessed")
    return {**numbers, "expected_error_rate": numbers["expected_errors"] / assessed if assessed else 0.0}


def _moves(table: Any) -> tuple[Move, ...]:
    columns = [
        table[f"{name} {side}"].astype(object).where(table[f"{name} {side}"].notna(), None)
        for name in ("given_label", "suspicion")
        for side in ("before", "after")
    ]
    return tuple(
        Move(item_id=str(item_id), label_before=one, label_after=two, suspicion_before=three, suspicion_after=four)
        for item_id, one, two, three, four in zip(table.index, *columns, strict=True)
    )
