"""A store and its audit: load the queue columns, and take decisions along to a later audit."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from operator import attrgetter

import sqlalchemy as sa

from labelaudit.decisions import Action, carries_over
from labelaudit.store import schema
from labelaudit.store.bulk import replace_rows
from labelaudit.store.chain import Ledger
from labelaudit.store.persistence import fold_log, rebuild
from labelaudit.store.projection import Binding, Projection, Standing
from labelaudit.store.queue import slice_token

__all__ = ["CarriedOver", "QueueItem", "bind", "load_queue"]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueItem:
    """What the store needs to know of an item of an audit; fields as the columns of ``audit.items``.

    `suspicion_rank` and `ambiguity_rank` count from 1 and are None where there is no rank. `groups` are (name, value).
    """

    item_id: str
    row: int
    content_hash: str
    given_label: str | None
    suggested_label: str | None
    suggested_probability: float | None
    suspicion: float | None
    ambiguity: float | None
    is_suspect: bool
    is_ambiguous: bool
    kind: str | None
    suspicion_rank: int | None
    ambiguity_rank: int | None
    groups: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class CarriedOver:
    """How many judged items of the earlier audit are still judged, and how many are asked again or gone."""

    kept: int = 0
    set_aside: int = 0


def bind(
    connection: sa.Connection, now: int, binding: Binding, items: Iterable[QueueItem], *, person: str, client: str
) -> CarriedOver:
    """Make `binding` the audit of the store and load its items; opinions on unchanged items carry over.

    An opinion carries over to the item of the same id and content. Where ids changed, it carries over to the only item
    of that content, if it came from the only item of that content. Everything else is set aside: it stays in the log,
    but holds no longer.
    """
    queue = list(items)
    projection = fold_log(connection)
    moved, set_aside = _match(connection, projection, queue)
    ledger = Ledger(connection, now, binding.audit_id)
    after = {**asdict(binding), "items": len(queue), "moved": moved, "set_aside": sorted(set_aside)}
    before = None if projection.binding is None else asdict(projection.binding)
    ledger.append(Action.BIND, person=person, client=client, before=before, after=after)
    ledger.flush()
    judged = sum(bool(slots) for slots in projection.opinions.values())
    connection.execute(sa.delete(schema.claims))
    load_queue(connection, queue)
    rebuild(connection)
    return CarriedOver(kept=judged - len(set_aside), set_aside=len(set_aside))


def load_queue(connection: sa.Connection, queue: Iterable[QueueItem]) -> None:
    """Replace the items of the store, all of them open."""
    everything = list(queue)
    chance = sorted(everything, key=_by_chance)
    chance_rank = {item.item_id: rank for rank, item in enumerate(chance, start=1)}
    places = {
        "suspicion_rank": _places(everything, "suspicion_rank"),
        "ambiguity_rank": _places(everything, "ambiguity_rank"),
        "chance_rank": chance_rank,
    }
    names = tuple(name for name in QueueItem.__slots__ if name != "groups" and name not in places)
    values = attrgetter(*names)
    rows = [(*values(item), *(ranks[item.item_id] for ranks in places.values()), _slices(item)) for item in everything]
    replace_rows(connection, schema.items, rows, names=(*names, *places, "slices"))


def _slices(item: QueueItem) -> str:
    return " ".join(slice_token(name, value) for name, value in item.groups)


def _by_chance(item: QueueItem) -> tuple[int, str]:
    return zlib.crc32(item.item_id.encode("utf-8", "surrogatepass")), item.item_id


def _places(queue: list[QueueItem], column: str) -> dict[str, int]:
    """Places from 1 in the order of a rank; items without one come last, by id."""

    def key(item: QueueItem) -> tuple[bool, int, str]:
        rank = getattr(item, column)
        return rank is None, rank or 0, item.item_id

    return {item.item_id: place for place, item in enumerate(sorted(queue, key=key), start=1)}


def _match(
    connection: sa.Connection, projection: Projection, queue: list[QueueItem]
) -> tuple[dict[str, str], set[str]]:
    """Say which judged items have another id now, and which are to be set aside."""
    query = sa.select(schema.items.c.item_id, schema.items.c.content_hash, schema.items.c.label)
    earlier = {row.item_id: row for row in connection.execute(query)}
    if not earlier:  # restored from a log: contents are those that the events name
        return {}, _without_item(connection, projection, queue)
    now = {item.item_id: item for item in queue}
    once_before = _unique(row.content_hash for row in earlier.values())
    once_now = _unique(item.content_hash for item in queue)
    by_content = {item.content_hash: item for item in queue}
    moved, set_aside = {}, set()
    for item_id, slots in projection.opinions.items():
        if not slots:
            continue
        content = earlier[item_id].content_hash
        item = now.get(item_id)
        if (item is None or item.content_hash != content) and content in once_before & once_now:
            item = by_content[content]
        if item is None or item.content_hash != content or not _still_holds(slots, earlier[item_id].label, item):
            set_aside.add(item_id)
        elif item.item_id != item_id:
            moved[item_id] = item.item_id
    # An item that took over the id of a judged one and is judged under its own id already cannot have both.
    taken = Counter(moved.values())
    stay = projection.opinions.keys() - moved.keys() - set_aside
    doubled = {old for old, new in moved.items() if taken[new] > 1 or (new in stay and projection.opinions[new])}
    return {old: new for old, new in moved.items() if old not in doubled}, set_aside | doubled


def _still_holds(slots: Mapping[str, Standing], decided: str | None, item: QueueItem) -> bool:
    return all(
        carries_over(standing.opinion, standing.opinion.given_label, item.given_label)
        or (decided is not None and decided == item.given_label)
        for standing in slots.values()
    )


def _without_item(connection: sa.Connection, projection: Projection, queue: list[QueueItem]) -> set[str]:
    events = schema.events
    # By event, not by item: the item may have had another id when it was judged.
    query = sa.select(events.c.id, events.c.content_hash).where(events.c.item_id.is_not(None))
    judged_content = {row.id: row.content_hash for row in connection.execute(query)}
    now = {item.item_id: item.content_hash for item in queue}
    return {
        item_id
        for item_id, slots in projection.opinions.items()
        if any(judged_content[standing.event_id] != now.get(item_id) for standing in slots.values())
    }


def _unique(hashes: Iterable[str]) -> set[str]:
    return {content for content, count in Counter(hashes).items() if count == 1}
