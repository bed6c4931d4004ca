"""The chain of events proves itself, and the state follows from it; on SQLite and on a real Postgres."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from labelaudit.decisions import Action, Redo, Rules, Undo
from labelaudit.errors import StoreDamagedError, StoreError
from tests.store.acting import decide, decision, snapshot, uid


def test_the_state_can_be_made_again_from_the_log(store):
    store.team.set_rules(Rules(opinions=2, overlap=0.5, gold_every=4), by="ann")
    store.team.assign("eve", "class", "cat", by="ann")
    decide(store, "ann", decision("i000025", "relabel", "eel"), action=Action.GOLD)
    for k in range(20):
        decide(store, "bob", decision(f"i{k:06d}", ["keep", "skip", "ambiguous"][k % 3]))
        decide(store, "eve", decision(f"i{k:06d}", ["keep", "exclude"][k % 2]))
        if k % 4 == 0:
            decide(store, "bob", Undo(id=uid()))
        if k % 8 == 0:
            decide(store, "bob", Redo(id=uid()))
    before = snapshot(store)
    store.rebuild()
    assert snapshot(store) == before
    store.verify()


def tamper(store, *statements):
    """Change events as somebody with full access to the database would."""
    with store.database._engine.begin() as connection:
        if store.database.is_sqlite:
            connection.exec_driver_sql("DROP TRIGGER events_no_update")
            connection.exec_driver_sql("DROP TRIGGER events_no_delete")
        else:
            connection.exec_driver_sql("ALTER TABLE events DISABLE TRIGGER events_no_change")
        for statement in statements:
            connection.exec_driver_sql(statement)


@pytest.mark.parametrize(
    ("statements", "message"),
    [
        (["UPDATE events SET after = replace(after, 'keep', 'skip') WHERE seq = 8"], "Event 8 .* was changed"),
        (["UPDATE events SET person = 'eve' WHERE seq = 9"], "Event 9 .* was changed"),
        (["DELETE FROM events WHERE seq = 8"], "event 8 of the review store cannot be found"),
        (["DELETE FROM events WHERE seq IN (7, 8)"], "events 7 to 8 of the review store cannot be found"),
        (["DELETE FROM events WHERE seq = 10"], "ends after 9 events, but the store has recorded 10"),
        (
            [
                "UPDATE events SET seq = 99 WHERE seq = 8",
                "UPDATE events SET seq = 8 WHERE seq = 9",
                "UPDATE events SET seq = 9 WHERE seq = 99",
            ],
            "Event 8 .* was changed",
        ),
        (["DELETE FROM head"], "no head"),
    ],
)
def test_tampering_is_found(store, statements, message):
    decide(store, "bob", *(decision(f"i{k:06d}") for k in range(5)))
    assert store.verify()[0] == 10
    tamper(store, *statements)
    with pytest.raises(StoreDamagedError, match=message):
        store.verify()


def test_a_rewritten_chain_is_found_by_a_hash_noted_elsewhere(store, open_store, tmp_path):
    decide(store, "bob", decision("i000000"))
    _, noted = store.verify()
    decide(store, "bob", decision("i000001"))
    store.verify(expected_head=noted)
    with pytest.raises(StoreDamagedError, match="noted hash"):
        store.verify(expected_head="a" * 64)


@pytest.mark.parametrize(
    ("table", "statement"),
    [
        ("items", "UPDATE items SET label = 'eel' WHERE item_id = 'i000000'"),
        ("opinions", "DELETE FROM opinions"),
        ("actions", "UPDATE actions SET undone = 7"),
        ("people", "UPDATE people SET role = 'lead' WHERE name = 'bob'"),
        ("assignments", "DELETE FROM assignments"),
        ("settings", "UPDATE settings SET value = replace(value, '20', '30') WHERE key = 'rules'"),
    ],
)
def test_a_state_that_the_log_does_not_give_is_found_and_mended(store, table, statement):
    store.team.assign("bob", "class", "cat", by="ann")
    decide(store, "bob", decision("i000000"))
    before = snapshot(store)
    with store.database._engine.begin() as connection:
        connection.exec_driver_sql(statement)
    with pytest.raises(StoreError, match=f"table '{table}' differs from the log in .* labelaudit store rebuild"):
        store.verify()
    store.rebuild()
    store.verify()
    assert snapshot(store) == before


def test_a_store_without_its_head_says_so(store):
    tamper(store, "DELETE FROM head")
    for attempt in (store.head, lambda: decide(store, "bob", decision("i000000"))):
        with pytest.raises(StoreDamagedError, match="lost its head row"):
            attempt()


@pytest.mark.parametrize("statement", ["UPDATE events SET person = 'eve'", "DELETE FROM events"])
def test_the_database_itself_refuses_to_change_events(store, statement):
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), store.database._engine.begin() as connection:
        connection.exec_driver_sql(statement)
