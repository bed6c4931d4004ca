"""Queues over the items: which items, in which order, and how many."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from labelaudit.decisions import Status, Verdict
from labelaudit.errors import UnknownNameError, UsageError
from labelaudit.store.schema import items, opinions

__all__ = [
    "ORDERS",
    "QUEUES",
    "SHOWN",
    "Card",
    "Counts",
    "Filter",
    "conditions",
    "count_items",
    "count_judged",
    "has_shared_places",
    "page_items",
    "slice_token",
]

ORDERS = {
    "suspicion": items.c.suspicion_rank,
    "ambiguity": items.c.ambiguity_rank,
    "chance": items.c.chance_rank,
}
"""Columns to order a queue by; each is a permutation of the items, so no order has ties."""

QUEUES = {
    "suspects": items.c.is_suspect.is_(True),
    "ambiguous": items.c.is_ambiguous.is_(True),
    "flagged": items.c.is_suspect.is_(True) | items.c.is_ambiguous.is_(True),
    "all": sa.true(),
    "conflicts": items.c.status == str(Status.CONFLICT),
    "skipped": sa.true(),
}
"""Kinds of queue; ``conflicts`` are for a lead to adjudicate, ``skipped`` are what the person skipped."""

_MOST_NAMED = 30_000  # SQLite takes 32,766 values in a statement


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Which items a queue holds; every condition that is given must be met.

    Attributes
    ----------
    queue : str
        One of :data:`QUEUES`.
    given_label, suggested_label : str, optional
        Together a confusion pair.
    kind : str, optional
        What a flagged item most probably is, as in ``audit.items``.
    group : (name, value), optional
        A slice.
    status : str, optional
        ``open``, ``decided`` or ``conflict``; for pages and counts.
    verdict : str, optional
        Verdict of decided items; for pages.
    item_ids : tuple of str, optional
        These items only (a selection on a map, say), at most 30,000.

    Raises
    ------
    UnknownNameError
        If there is no such queue, status or verdict.
    UsageError
        If too many items are named.
    """

    queue: str = "suspects"
    given_label: str | None = None
    suggested_label: str | None = None
    kind: str | None = None
    group: tuple[str, str] | None = None
    status: str | None = None
    verdict: str | None = None
    item_ids: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.queue not in QUEUES:
            raise UnknownNameError.among("queue", self.queue, QUEUES)
        if self.status is not None and self.status not in list(Status):
            raise UnknownNameError.among("status", self.status, map(str, Status))
        if self.verdict is not None and self.verdict not in list(Verdict):
            raise UnknownNameError.among("verdict", self.verdict, map(str, Verdict))
        if self.item_ids is not None and len(self.item_ids) > _MOST_NAMED:
            raise UsageError(
                f"A queue names {len(self.item_ids):,} items; at most {_MOST_NAMED:,} can be named at once.",
                "Name fewer, or choose them by class, kind or slice.",
            )


@dataclass(frozen=True, kw_only=True)
class Card:
    """An item as a queue shows it; what it looks like is in the audit and its data.

    Attributes
    ----------
    item_id, row, content_hash, given_label, suggested_label, suggested_probability, suspicion, ambiguity, kind
        As in ``audit.items``.
    status, verdict, label
        Where it stands, and the verdict and label that were decided.
    version : int
        To hand back with a decision.
    expires : int
        End of the lease in milliseconds since the epoch; 0 if it is not claimed by the asking client.
    blind : bool
        Hide the suggestion until the reviewer has chosen.
    """

    item_id: str
    row: int
    content_hash: str
    given_label: str | None
    suggested_label: str | None
    suggested_probability: float | None
    suspicion: float | None
    ambiguity: float | None
    kind: str | None
    status: str
    verdict: str | None
    label: str | None
    version: int
    expires: int = 0
    blind: bool = False


@dataclass(frozen=True)
class Counts:
    """How many items of a queue are open, decided and in conflict."""

    open: int = 0
    decided: int = 0
    conflict: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.open + self.decided + self.conflict


# fmt: off
SHOWN = tuple(items.c[name] for name in (
    "item_id", "row", "content_hash", "given_label", "suggested_label", "suggested_probability", "suspicion",
    "ambiguity", "kind", "status", "verdict", "label", "version",
))
# fmt: on
"""Columns of a :class:`Card`."""


def slice_token(name: str, value: str) -> str:
    """Return what stands in the column ``slices`` for the slice `value` of the group `name`: 16 hexadecimal digits.

    Slices are looked for in text that an index carries along: a join with a table of slices took three times as long
    where a slice is large. Digits of a hash have one length and no character that could be mistaken for a separator.
    """
    digest = hashlib.blake2b(digest_size=8)
    for part in (name, value):
        text = part.encode("utf-8", "surrogatepass")
        digest.update(len(text).to_bytes(8, "big") + text)
    return digest.hexdigest()


def conditions(filter: Filter, person: str) -> list[sa.ColumnElement[bool]]:
    """Return `filter` as conditions on the table ``items``; only the skipped queue depends on the person."""
    wanted: list[sa.ColumnElement[bool]] = [QUEUES[filter.queue]]
    if filter.status is not None:
        wanted.append(items.c.status.concat("") == filter.status)
    for name in ("given_label", "suggested_label", "kind", "verdict"):
        value = getattr(filter, name)
        if value is not None:
            wanted.append(items.c[name] == value)
    if filter.group is not None:
        wanted.append(items.c.slices.contains(slice_token(*filter.group)))
    if filter.item_ids is not None:
        wanted.append(items.c.item_id.in_(filter.item_ids))
    if filter.queue == "skipped":
        skipped = (opinions.c.slot == person) & (opinions.c.verdict == str(Verdict.SKIP))
        wanted.append(items.c.item_id.in_(sa.select(opinions.c.item_id).where(skipped)))
    return wanted


def _states(filter: Filter) -> list[str]:
    """Return the states that items of a queue can be in."""
    states = set(map(str, Status)) if filter.status is None else {filter.status}
    if filter.queue == "conflicts":
        states &= {str(Status.CONFLICT)}
    if filter.verdict is not None:
        states &= {str(Status.DECIDED)}
    return sorted(states)


def in_states(filter: Filter, states: Sequence[str]) -> sa.ColumnElement[bool]:
    """Return the condition that an item is in one of `states`, so that the database begins with what is rarer."""
    by_name = filter.item_ids is not None or filter.queue == "skipped"
    # An expression is in no index: of named items SQLite would else read all that are in the same state.
    column = items.c.status.concat("") if by_name else items.c.status
    return column == str(states[0]) if len(states) == 1 else column.in_(list(map(str, states)))


def count_items(connection: sa.Connection, filter: Filter, person: str) -> Counts:
    """Count the items of a queue by where they stand."""
    states = _states(filter)
    if not states:
        return Counts()
    wanted = (in_states(filter, states), *conditions(filter, person))
    query = sa.select(items.c.status, sa.func.count()).where(*wanted).group_by(items.c.status)
    return Counts(**{str(row[0]): int(row[1]) for row in connection.execute(query)})


def count_judged(connection: sa.Connection) -> int:
    """Count the items on which an opinion stands."""
    return int(connection.scalar(sa.select(sa.func.count(opinions.c.item_id.distinct()))) or 0)


def has_shared_places(connection: sa.Connection) -> bool:
    """Say whether two items have the same place in the queue of suspects."""
    ranks = items.c.suspicion_rank
    return bool(connection.scalar(sa.select(sa.func.count(ranks) > sa.func.count(ranks.distinct()))))


def page_items(
    connection: sa.Connection, filter: Filter, order: str, person: str, *, after: str | None, limit: int
) -> list[Card]:
    """Return up to `limit` items that follow on the item `after` in the given order."""
    position, wanted = ORDERS[order], conditions(filter, person)
    if after is not None:
        place = connection.scalar(sa.select(position).where(items.c.item_id == after))
        if place is None:
            raise UnknownNameError(f"There is no item {after!r} in this audit.", "Start the page from the beginning.")
        wanted.append(position > place)
    # The index holds each state in order; the page is the front of what comes first in all of them.
    found = []
    for state in _states(filter):
        query = sa.select(position, *SHOWN).where(in_states(filter, [state]), *wanted).order_by(position).limit(limit)
        found += [tuple(row) for row in connection.execute(query)]
    names = [column.name for column in SHOWN]
    return [Card(**dict(zip(names, row[1:], strict=True))) for row in sorted(found)[:limit]]
