"""Claims: leases of items, one for each item and client (a browser tab, a process), never two where one is needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import takewhile
from typing import Any

import sqlalchemy as sa

from labelaudit.decisions import GOLD, LEASE_HORIZON_MS, LEASE_MS, Rules, Status
from labelaudit.store.queue import ORDERS, SHOWN, Card, Filter, conditions, in_states, slice_token
from labelaudit.store.schema import actions, assignments, claims, items, opinions
from labelaudit.store.statements import NamedStatement, Statement

__all__ = ["Hand", "claim_cards", "claim_named", "free_ahead", "purge_claims", "renew_claims"]


_Parts = tuple[tuple[str, str], ...]
"""Fields and values of the parts of a queue that a person was given; nothing for all of it."""

_SPARE = 24
"""Items to look up beyond those that are needed: what others take while one waits for the turn to write."""

_NOW: sa.BindParameter[int] = sa.bindparam("the_now")
_HORIZON: sa.BindParameter[int] = sa.bindparam("the_horizon")
_CLIENT: sa.BindParameter[str] = sa.bindparam("the_client")
_PERSON: sa.BindParameter[str] = sa.bindparam("the_person")
_LIMIT = sa.bindparam("the_limit", type_=sa.Integer)
_IS_LIVE = (claims.c.expires > _NOW) & (claims.c.expires <= _HORIZON)
_PURGE = Statement(sa.delete(claims).where(~_IS_LIVE))
_RENEW = Statement(sa.update(claims).where(claims.c.client == _CLIENT).values(expires=sa.bindparam("the_end")))
_HELD = {
    order: Statement(
        sa.select(*SHOWN, claims.c.expires, claims.c.blind)
        .join_from(claims, items, claims.c.item_id == items.c.item_id)
        .where(claims.c.client == _CLIENT)
        .order_by(position)
    )
    for order, position in ORDERS.items()
}
_TAKE = Statement(sa.insert(claims))
_ALL = Statement(sa.select(claims))
_NAMED = NamedStatement(lambda names: sa.select(*SHOWN).where(items.c.item_id.in_(names)))
_GIVE_BACK = NamedStatement(
    lambda names: sa.delete(claims).where(claims.c.client == _CLIENT, claims.c.item_id.in_(names))
)
_PARTS = Statement(sa.select(assignments).where(assignments.c.person == _PERSON).order_by(*assignments.primary_key))
_GOLDEN = sa.select(opinions.c.item_id).where(opinions.c.slot == GOLD)
_ANY_GOLD = Statement(_GOLDEN.limit(1))
_GOLD_HELD = Statement(
    sa.select(sa.func.count().label("items")).where(claims.c.item_id.in_(_GOLDEN), claims.c.person == _PERSON)
)
_LATEST = Statement(
    sa.select(sa.exists().where(opinions.c.item_id == actions.c.item_id, opinions.c.slot == GOLD).label("is_golden"))
    .where(actions.c.person == _PERSON, actions.c.undone.is_(None), actions.c.slot == _PERSON)
    .order_by(actions.c.seq.desc())
    .limit(_LIMIT)
)
"""Whether what the person judged last has a known answer, latest first."""
_GOLD_QUERY = Statement(
    sa.select(*SHOWN)
    .where(
        items.c.item_id.in_(_GOLDEN),
        ~sa.exists().where(opinions.c.item_id == items.c.item_id, opinions.c.slot == _PERSON),
        ~sa.exists().where(claims.c.item_id == items.c.item_id, claims.c.person == _PERSON),
    )
    .order_by(items.c.chance_rank)
    .limit(_LIMIT)
)
"""Items with a known answer that the person has neither judged nor on a screen."""


def purge_claims(connection: sa.Connection, now: int) -> None:
    """Remove leases that are over, and those of a clock that was ahead."""
    _PURGE.run(connection, **_moment(now))


def _moment(now: int) -> dict[str, int]:
    return {"the_now": now, "the_horizon": now + LEASE_HORIZON_MS}


def renew_claims(connection: sa.Connection, client: str, now: int) -> None:
    """Make the leases of a client last from now on."""
    _RENEW.run(connection, the_client=client, the_end=now + LEASE_MS)


@dataclass(frozen=True, kw_only=True)
class Hand:
    """What a client asks to hold: up to `n` items of a queue in an order, for a person to judge."""

    filter: Filter
    order: str
    n: int
    person: str
    client: str


def free_ahead(connection: sa.Connection, hand: Hand, now: int) -> list[str]:
    """Return ids of the first items that could fill a hand, some more than it takes.

    To be asked before the turn to write. Who has skipped or judged a thousand items that wait for others' opinions has
    them all between the head of the queue and the next item; nobody should have to wait while they are passed over.
    """
    values = {"the_person": hand.person, "the_limit": hand.n + _SPARE, **_moment(now)}
    return [row.item_id for row in _free_items(*_queue_of(connection, hand)).rows(connection, **values)]


def claim_cards(connection: sa.Connection, hand: Hand, now: int, rules: Rules, ahead: Sequence[str]) -> list[Card]:
    """Fill a hand and return all that the client holds, what it held before first.

    Asking again therefore gives the same items, whether or not the first answer arrived. Leases that are over must have
    been purged. `ahead` is what :func:`free_ahead` returned a moment ago; where others have taken too many of these,
    the whole queue is looked through.
    """
    held = [_unjudged(card, hand.filter) for card in _held_cards(connection, hand)]
    missing = hand.n - len(held)
    if missing <= 0:
        return held
    found = []
    if _is_gold_due(connection, hand.person, held, rules):
        found = _GOLD_QUERY.rows(connection, the_person=hand.person, the_limit=1)
        missing -= len(found)
    queue = _queue_of(connection, hand)
    values = {"the_person": hand.person, "the_limit": missing, **_moment(now)}
    free = list(_free_among(*queue).rows(connection, ahead, **values))[:missing]
    if len(free) < missing:
        free = _free_items(*queue).rows(connection, **values)
    lease: dict[str, Any] = {"expires": now + LEASE_MS, "blind": rules.blind_first}
    taken = [row._asdict() for row in [*found, *free]]
    rows = [{"item_id": row["item_id"], "client": hand.client, "person": hand.person, **lease} for row in taken]
    _TAKE.run_many(connection, rows)
    return held + [_unjudged(Card(**row, **lease), hand.filter) for row in taken]


def claim_named(
    connection: sa.Connection, names: Sequence[str], n: int, *, person: str, client: str, now: int
) -> list[Card]:
    """Fill a hand with the first of some items that are on no screen, whatever was decided on them; return it.

    What the client holds besides goes back. Leases that are over must have been purged.
    """
    on_screens = _ALL.rows(connection)  # as many as there are people at work, times the cards of a hand
    own = {row.item_id for row in on_screens if row.client == client}
    taken = {row.item_id for row in on_screens}
    free = [name for name in names if name not in taken][: max(0, n - len(own.intersection(names)))]
    _GIVE_BACK.run(connection, sorted(own.difference(names)), the_client=client)
    lease: dict[str, Any] = {"expires": now + LEASE_MS, "blind": True}
    rows = [{"item_id": name, "client": client, "person": person, **lease} for name in free]
    _TAKE.run_many(connection, rows)
    hand = [name for name in names if name in own or name in free]
    found = {row.item_id: Card(**row._asdict(), **lease) for row in _NAMED.rows(connection, hand)}
    return [_unjudged(found[name], Filter(queue="all")) for name in hand if name in found]


def _unjudged(card: Card, filter: Filter) -> Card:
    """Hide what holds already, which would give away that an item has a known answer, and the answer."""
    if filter.queue == "conflicts":
        return card
    return replace(card, status=str(Status.OPEN), verdict=None, label=None)


def _held_cards(connection: sa.Connection, hand: Hand) -> list[Card]:
    rows = _HELD[hand.order].rows(connection, the_client=hand.client)
    return [Card(**{**row._asdict(), "blind": bool(row.blind)}) for row in rows]


def _queue_of(connection: sa.Connection, hand: Hand) -> tuple[Filter, str, str, _Parts]:
    """Return all that decides which items a hand may be filled with, but for who holds and judged what."""
    parts = tuple((row.field, row.value) for row in _PARTS.rows(connection, the_person=hand.person))
    return hand.filter, hand.order, hand.person if hand.filter.queue == "skipped" else "", parts


@lru_cache(maxsize=64)
def _free_items(filter: Filter, order: str, skipper: str, parts: _Parts) -> Statement:
    status = in_states(filter, [_wanted_status(filter)])
    return Statement(_free(filter, skipper, parts).where(status).order_by(ORDERS[order]).limit(_LIMIT))


@lru_cache(maxsize=64)
def _free_among(filter: Filter, order: str, skipper: str, parts: _Parts) -> NamedStatement:
    query = _free(filter, skipper, parts).where(items.c.status.concat("") == str(_wanted_status(filter)))
    ordered = query.order_by(ORDERS[order]).limit(_LIMIT)
    return NamedStatement(lambda names: ordered.where(items.c.item_id.in_(names)))


def _wanted_status(filter: Filter) -> Status:
    return Status.CONFLICT if filter.queue == "conflicts" else Status.OPEN


def _free(filter: Filter, skipper: str, parts: _Parts) -> sa.Select[Any]:
    """Items of the queue that need one more opinion, of somebody who has given none, and are on no screen for it."""
    query = sa.select(*SHOWN).where(*conditions(filter, skipper))
    of_item = (claims.c.item_id == items.c.item_id) & _IS_LIVE
    on_screens = sa.select(sa.func.count()).select_from(claims).where(of_item).scalar_subquery()
    if filter.queue == "conflicts":
        return query.where(on_screens == 0)
    query = query.where(
        items.c.given_opinions + on_screens < items.c.needed,
        ~sa.exists().where(of_item, claims.c.person == _PERSON),
    )
    if filter.queue != "skipped":
        query = query.where(~sa.exists().where(opinions.c.item_id == items.c.item_id, opinions.c.slot == _PERSON))
    return query.where(sa.or_(*(_part(field, value) for field, value in parts))) if parts else query


def _part(field: str, value: str) -> sa.ColumnElement[bool]:
    if field == "class":
        return (items.c.given_label == value) | (items.c.suggested_label == value)
    return items.c.slices.contains(slice_token(field.removeprefix("slice:"), value))


def _is_gold_due(connection: sa.Connection, person: str, held: Sequence[Card], rules: Rules) -> bool:
    """Say whether as many items have come since the last known answer, on the screen or judged, as there are to be."""
    if rules.gold_every <= 0 or _ANY_GOLD.first(connection) is None:
        return False
    between = rules.gold_every - 1
    golden = int(_GOLD_HELD.rows(connection, the_person=person)[0].items)
    since = len(held) - golden
    if not golden:
        latest = _LATEST.rows(connection, the_person=person, the_limit=between)
        since += sum(1 for _ in takewhile(lambda row: not row.is_golden, latest))
    return since >= (golden + 1) * between
