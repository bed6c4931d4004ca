"""Claims: leases of items, one for each item and client (a browser tab, a process), never two where one is needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from labelaudit.decisions import GOLD, LEASE_HORIZON_MS, LEASE_MS, Rules, Status
from labelaudit.store.queue import ORDERS, SHOWN, Card, Filter, conditions, in_states, slice_token
from labelaudit.store.schema import claims, items, opinions

__all__ = ["claim_cards", "purge_claims", "renew_claims"]


# Built once: SQLAlchemy takes as long to build a statement as SQLite to run it.
_NOW: sa.BindParameter[int] = sa.bindparam("the_now")
_HORIZON: sa.BindParameter[int] = sa.bindparam("the_horizon")
_CLIENT: sa.BindParameter[str] = sa.bindparam("the_client")
_PERSON: sa.BindParameter[str] = sa.bindparam("the_person")
_PURGE = sa.delete(claims).where((claims.c.expires <= _NOW) | (claims.c.expires > _HORIZON))
_RENEW = sa.update(claims).where(claims.c.client == _CLIENT).values(expires=sa.bindparam("the_end"))
_HELD = {
    order: sa.select(*SHOWN, claims.c.expires, claims.c.blind)
    .join_from(claims, items, claims.c.item_id == items.c.item_id)
    .where(claims.c.client == _CLIENT)
    .order_by(position)
    for order, position in ORDERS.items()
}
_TAKE = sa.insert(claims)
_GOLDEN = sa.select(opinions.c.item_id).where(opinions.c.slot == GOLD)
_ANY_GOLD = _GOLDEN.limit(1)
_LIMIT = sa.bindparam("the_limit", type_=sa.Integer)
_JUDGED = sa.select(
    sa.func.count(), sa.func.coalesce(sa.func.sum(sa.case((opinions.c.item_id.in_(_GOLDEN), 1), else_=0)), 0)
).where(opinions.c.slot == _PERSON)
_GOLD_HELD = sa.select(sa.func.count()).where(claims.c.item_id.in_(_GOLDEN), claims.c.person == _PERSON)
_GOLD_QUERY = (
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
    """Remove leases that are over; see :func:`labelaudit.decisions.lease_is_live` for the second condition."""
    connection.execute(_PURGE, {"the_now": now, "the_horizon": now + LEASE_HORIZON_MS})


def renew_claims(connection: sa.Connection, client: str, now: int) -> None:
    """Make the leases of a client last from now on."""
    connection.execute(_RENEW, {"the_client": client, "the_end": now + LEASE_MS})


def claim_cards(
    connection: sa.Connection,
    filter: Filter,
    order: str,
    *,
    person: str,
    client: str,
    now: int,
    n: int,
    rules: Rules,
    assigned: Sequence[tuple[str, str]],
) -> list[Card]:
    """Fill the hand of a client up to `n` items and return all that it holds, those it held before first.

    Asking again therefore gives the same items, whether or not the first answer arrived. Leases that are over must have
    been purged.
    """
    held = [_unjudged(card, filter) for card in _held_cards(connection, client, order)]
    missing = n - len(held)
    if missing <= 0:
        return held
    found = []
    if _is_gold_due(connection, person, held, rules):
        found = _select(connection, _GOLD_QUERY, person, 1)
    query = _free_query(filter, order, person if filter.queue == "skipped" else "", tuple(assigned))
    found += _select(connection, query, person, missing - len(found))
    blind = rules.blind_first
    rows = [
        {"item_id": row["item_id"], "client": client, "person": person, "expires": now + LEASE_MS, "blind": blind}
        for row in found
    ]
    if rows:
        connection.execute(_TAKE, rows)
    return held + [_unjudged(Card(**row, expires=now + LEASE_MS, blind=blind), filter) for row in found]


def _unjudged(card: Card, filter: Filter) -> Card:
    """Hide what holds already, which would give away that an item has a known answer, and the answer."""
    if filter.queue == "conflicts":
        return card
    return replace(card, status=str(Status.OPEN), verdict=None, label=None)


def _held_cards(connection: sa.Connection, client: str, order: str) -> list[Card]:
    rows = connection.execute(_HELD[order], {"the_client": client})
    return [Card(**{**row._asdict(), "blind": bool(row.blind)}) for row in rows]


def _select(connection: sa.Connection, query: sa.Select[Any], person: str, limit: int) -> list[dict[str, Any]]:
    if limit <= 0:
        return []
    rows = connection.execute(query, {"the_person": person, "the_limit": limit})
    return [row._asdict() for row in rows]


@lru_cache(maxsize=256)
def _free_query(filter: Filter, order: str, skipper: str, assigned: tuple[tuple[str, str], ...]) -> sa.Select[Any]:
    """Items of the queue that need one more opinion, of somebody who has given none, and are on no screen for it."""
    status = Status.CONFLICT if filter.queue == "conflicts" else Status.OPEN
    query = sa.select(*SHOWN).where(in_states(filter, [status]), *conditions(filter, skipper))
    of_item = claims.c.item_id == items.c.item_id
    on_screens = sa.select(sa.func.count()).select_from(claims).where(of_item).scalar_subquery()
    if status is Status.CONFLICT:
        query = query.where(on_screens == 0)
    else:
        query = query.where(
            items.c.given_opinions + on_screens < items.c.needed,
            ~sa.exists().where(of_item, claims.c.person == _PERSON),
        )
        if filter.queue != "skipped":
            query = query.where(~sa.exists().where(opinions.c.item_id == items.c.item_id, opinions.c.slot == _PERSON))
    if assigned and status is Status.OPEN:
        query = query.where(sa.or_(*(_assigned_part(field, value) for field, value in assigned)))
    return query.order_by(ORDERS[order]).limit(_LIMIT)


def _assigned_part(field: str, value: str) -> sa.ColumnElement[bool]:
    if field == "class":
        return (items.c.given_label == value) | (items.c.suggested_label == value)
    return items.c.slices.contains(slice_token(field.removeprefix("slice:"), value))


def _is_gold_due(connection: sa.Connection, person: str, held: Sequence[Card], rules: Rules) -> bool:
    if rules.gold_every <= 0 or connection.execute(_ANY_GOLD).first() is None:
        return False
    judged, golden = connection.execute(_JUDGED, {"the_person": person}).one()
    golden += int(connection.scalar(_GOLD_HELD, {"the_person": person}) or 0)
    return (int(judged) + len(held) + 1) // rules.gold_every > int(golden)
