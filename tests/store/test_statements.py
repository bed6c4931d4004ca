"""Statements that the driver runs itself give what SQLAlchemy gives, on SQLite and on a real Postgres."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from labelaudit.store import schema
from labelaudit.store.statements import NamedStatement, Statement
from tests.store.acting import claim

items = schema.items
_NAMED = NamedStatement(lambda names: sa.select(items.c.item_id, items.c.row).where(items.c.item_id.in_(names)))


@pytest.mark.parametrize("n", [0, 1, 2, 8, 9, 30])
def test_every_name_is_found_once_however_many_there_are(store, n):
    names = [f"i{k:06d}" for k in range(n)]
    rows = store.database.read(lambda connection: list(_NAMED.rows(connection, names)))
    assert sorted((row.item_id, row.row) for row in rows) == [(name, k + 1) for k, name in enumerate(names)]


def test_long_lists_of_names_are_cut_and_unknown_names_are_none(store):
    names = [f"none {k}" for k in range(1500)]
    names[::100] = [f"i{k:06d}" for k in range(15)]
    rows = store.database.read(lambda connection: list(_NAMED.rows(connection, names)))
    assert [row.row for row in rows] == list(range(1, 16))


def test_rows_and_constants_are_those_of_sqlalchemy(store):
    claim(store, "bob", 2)
    query = (
        sa.select(items.c.item_id, items.c.suspicion, schema.claims.c.blind, sa.literal("50 %").label("said"))
        .join_from(items, schema.claims, items.c.item_id == schema.claims.c.item_id)
        .where(items.c.status == "open", schema.claims.c.person == sa.bindparam("of"), items.c.item_id.like("i0%"))
        .order_by(items.c.item_id)
    )

    def both(connection):
        return Statement(query).rows(connection, of="bob"), connection.execute(query, {"of": "bob"}).all()

    ours, theirs = store.database.read(both)
    assert [row._asdict() for row in ours] == [row._asdict() for row in theirs]
    assert len(ours) == 2


def test_a_forgotten_value_is_an_error_not_null(store):
    update = Statement(sa.update(schema.claims).values(expires=sa.bindparam("to")))
    with pytest.raises(Exception, match="to"):
        store.database.write(update.run)
