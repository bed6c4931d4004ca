"""People who act on a store, in the words of the tests."""

from __future__ import annotations

import uuid

import sqlalchemy as sa

from labelaudit.decisions import Action, Decision, Verdict
from labelaudit.store import Filter, schema

SUSPECTS = Filter()


def uid():
    return str(uuid.uuid4())


def decision(item_id, verdict="keep", *labels, **changes):
    return Decision(id=uid(), item_id=item_id, verdict=Verdict(verdict), labels=labels, **changes)


def decide(store, person, *commands, client=None, action=Action.DECIDE):
    outcomes, _ = store.decide(commands, person=person, client=client or person, action=action)
    return outcomes


def claim(store, person, n, *, filter=SUSPECTS, order="suspicion", client=None):
    return store.claim(filter, order, n, person=person, client=client or person)


def state_of(store, item_id):
    return store.page(Filter(queue="all", item_ids=(item_id,)), "suspicion", person="ann")[0]


def snapshot(store):
    """Every projected row."""
    with store.database._engine.connect() as connection:
        tables = (schema.items, schema.opinions, schema.actions, schema.people, schema.assignments, schema.settings)
        return {table.name: sorted(map(tuple, connection.execute(sa.select(table))), key=str) for table in tables}
