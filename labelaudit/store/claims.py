"""Claims: leases of items, one for each item and client (a browser tab, a process), never two where one is needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from labelaudit.decisions import GOLD, LEASE_HORIZON_MS, LEASE_MS, Rules, Status
from labelaudit.store.queue import ORDERS, SHOWN, Card, Filter, conditions
from labelaudit.store.schema import claims, item_groups, items, opinions

__all__ = ["claim_cards", "purge_claims", "renew_claims"]


def purge_claims(connection: sa.Connection, now: int) -> None:
    """Remove leases that are over; see :func:`labelaudit.decisions.lease_is_live` for the second condition."""
    connection.execute(sa.delete(claims).where((claims.c.expires <= now) | (claims.c.expires > now + LEASE_HORIZON_MS)))


def renew_claims(connection: sa.Connection, client: str, now: int) -> None:
    """Make the leases of a client last from now on."""
    connection.execute(sa.update(claims).where(claims.c.client == client).values(expires=now + LEASE_MS))


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

    Asking again therefore gives the same items, whether or not the first answer arrived.
    """
    purge_claims(connection, now)
    renew_claims(connection, client, now)
    held = [_unjudged(card, filter) for card in _held_cards(connection, client, ORDERS[order])]
    missing = n - len(held)
    if missing <= 0:
        return held
    found = []
    if _is_gold_due(connection, person, held, rules):
        found = _select(connection, _gold_query(person), 1)
    found += _select(connection, _free_query(filter, order, person, assigned), missing - len(found))
    blind = rules.blind_first
    rows = [
        {"item_id": row["item_id"], "client": client, "person": person, "expires": now + LEASE_MS, "blind": blind}
        for row in found
    ]
    if rows:
        connection.execute(sa.insert(claims), rows)
    return held + [_unjudged(Card(**row, expires=now + LEASE_MS, blind=blind), filter) for row in found]


def _unjudged(card: Card, filter: Filter) -> Card:
    """Hide what holds already, which would give away that an item has a known answer, and the answer."""
    if filter.queue == "conflicts":
        return card
    return replace(card, status=str(Status.OPEN), verdict=None, label=None)


def _held_cards(connection: sa.Connection, client: str, position: sa.ColumnElement[Any]) -> list[Card]:
    query = (
        sa.select(*SHOWN, claims.c.expires, claims.c.blind)
        .join_from(claims, items, claims.c.item_id == items.c.item_id)
        .where(claims.c.client == client)
        .order_by(position)
    )
    return [Card(**{**row._asdict(), "blind": bool(row.blind)}) for row in connection.execute(query)]


def _select(connection: sa.Connection, query: sa.Select[Any], limit: int) -> list[dict[str, Any]]:
    if limit <= 0:
        return []
    return [row._asdict() for row in connection.execute(query.limit(limit))]


def _free_query(filter: Filter, order: str, person: str, assigned: Sequence[tuple[str, str]]) -> sa.Select[Any]:
    """Items of the queue that need one more opinion, of somebody who has given none, and are on no screen for it."""
    status = Status.CONFLICT if filter.queue == "conflicts" else Status.OPEN
    query = sa.select(*SHOWN).where(items.c.status == str(status), *conditions(filter, person))
    of_item = claims.c.item_id == items.c.item_id
    on_screens = sa.select(sa.func.count()).select_from(claims).where(of_item).scalar_subquery()
    if status is Status.CONFLICT:
        query = query.where(on_screens == 0)
    else:
        query = query.where(
            items.c.given_opinions + on_screens < items.c.needed,
            ~sa.exists().where(of_item, claims.c.person == person),
        )
        if filter.queue != "skipped":
            query = query.where(~sa.exists().where(opinions.c.item_id == items.c.item_id, opinions.c.slot == person))
    if assigned and status is Status.OPEN:
        query = query.where(sa.or_(*(_assigned_part(field, value) for field, value in assigned)))
    return query.order_by(ORDERS[order])


def _assigned_part(field: str, value: str) -> sa.ColumnElement[bool]:
    if field == "class":
        return (items.c.given_label == value) | (items.c.suggested_label == value)
    of_group = (item_groups.c.item_id == items.c.item_id) & (item_groups.c.value == value)
    return sa.exists().where(of_group, item_groups.c.name == field.removeprefix("slice:"))


def _is_gold_due(connection: sa.Connection, person: str, held: Sequence[Card], rules: Rules) -> bool:
    if rules.gold_every <= 0:
        return False
    golden = sa.select(opinions.c.item_id).where(opinions.c.slot == GOLD)
    if connection.execute(golden.limit(1)).first() is None:
        return False
    mine = sa.select(sa.func.count()).select_from(opinions).where(opinions.c.slot == person)
    judged = int(connection.scalar(mine) or 0) + len(held)
    seen = int(connection.scalar(mine.where(opinions.c.item_id.in_(golden))) or 0)
    seen += int(
        connection.scalar(
            sa.select(sa.func.count()).where(
                claims.c.item_id.in_(golden),
                claims.c.item_id.in_([card.item_id for card in held]),
                claims.c.person == person,
            )
        )
        or 0
    )
    return (judged + 1) // rules.gold_every > seen


def _gold_query(person: str) -> sa.Select[Any]:
    """Items with a known answer that the person has neither judged nor on a screen."""
    golden = sa.select(opinions.c.item_id).where(opinions.c.slot == GOLD)
    judged = sa.exists().where(opinions.c.item_id == items.c.item_id, opinions.c.slot == person)
    on_screen = sa.exists().where(claims.c.item_id == items.c.item_id, claims.c.person == person)
    return sa.select(*SHOWN).where(items.c.item_id.in_(golden), ~judged, ~on_screen).order_by(items.c.chance_rank)
