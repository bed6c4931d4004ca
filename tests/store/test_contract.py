"""What a store promises, on SQLite and on a real Postgres."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace

import pytest
import sqlalchemy as sa

from labelaudit.decisions import LEASE_MS, Action, Decision, Redo, Rules, Undo, Verdict
from labelaudit.errors import DecisionRefusedError, StoreDamagedError, StoreError, UnknownNameError
from labelaudit.store import Binding, Filter, Store, schema
from tests.store.conftest import BINDING, CLASSES, filled, queue_items

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


# -- claims


def test_an_item_is_on_one_screen_only(store):
    bob, eve = claim(store, "bob", 6), claim(store, "eve", 6)
    assert [card.item_id for card in bob] == [f"i{k:06d}" for k in range(6)]
    assert not {card.item_id for card in bob} & {card.item_id for card in eve}


def test_asking_again_gives_the_same_hand_and_other_tabs_get_other_items(store):
    first = claim(store, "bob", 4, client="tab 1")
    assert [c.item_id for c in claim(store, "bob", 4, client="tab 1")] == [c.item_id for c in first]
    second = claim(store, "bob", 4, client="tab 2")
    assert not {card.item_id for card in first} & {card.item_id for card in second}


def test_a_decision_in_the_outbox_makes_room_in_the_hand(store):
    cards = claim(store, "bob", 3)
    outcomes, hand = store.decide(
        [decision(cards[0].item_id)], person="bob", client="bob", then_claim=(SUSPECTS, "suspicion", 3)
    )
    assert outcomes[0].status == "acknowledged"
    assert [card.item_id for card in hand] == ["i000001", "i000002", "i000003"]


def test_an_expired_lease_goes_to_the_next_and_a_renewed_one_does_not(open_store):
    now = [1_000_000_000_000]
    store = filled(open_store(clock=lambda: now[0]))
    claim(store, "bob", 2)
    now[0] += LEASE_MS - 1
    store.renew("bob")
    now[0] += LEASE_MS - 1
    assert claim(store, "eve", 1)[0].item_id == "i000002"
    now[0] += 1
    assert "i000000" in [card.item_id for card in claim(store, "eve", 3)]


def test_a_late_decision_counts_if_nobody_took_the_item(open_store):
    now = [1_000_000_000_000]
    store = filled(open_store(clock=lambda: now[0]))
    mine, taken = claim(store, "bob", 2)
    now[0] += LEASE_MS + 1
    decide(store, "eve", decision(taken.item_id, "ambiguous"))
    late = decide(store, "bob", decision(mine.item_id), decision(taken.item_id))
    assert [outcome.status for outcome in late] == ["acknowledged", "refused"]
    assert late[1].code == "decided"


def test_a_clock_that_jumps_back_neither_blocks_items_nor_turns_history_round(open_store):
    now = [1_000_000_000_000]
    store = filled(open_store(clock=lambda: now[0]))
    claim(store, "bob", 1)
    decide(store, "bob", decision("i000009"))
    now[0] -= 3_600_000
    assert claim(store, "eve", 1)[0].item_id == "i000000"
    decide(store, "eve", decision("i000000"))
    times = [event.at for event in reversed(store.records.history(viewer="ann"))]
    assert times == sorted(times)
    store.verify()


def test_released_items_go_back(store):
    claim(store, "bob", 3)
    assert store.release("bob", ["i000001"]) == 1
    assert claim(store, "eve", 1)[0].item_id == "i000001"
    assert store.release("bob") == 2


# -- decisions


def test_a_repeated_click_is_one_decision(store):
    click = decision("i000000", "relabel", "dog")
    outcomes = decide(store, "bob", click, click)
    assert [outcome.status for outcome in outcomes] == ["acknowledged", "known"]
    assert decide(store, "bob", click)[0].status == "known"
    assert len(store.records.history(viewer="ann", item_id="i000000")) == 1


def test_an_id_stands_for_one_decision_only(store):
    click = decision("i000000")
    decide(store, "bob", click)
    assert decide(store, "bob", replace(click, item_id="i000001"))[0].code == "reused"
    assert decide(store, "eve", click)[0].code == "reused"


def test_an_outbox_is_answered_decision_by_decision(store):
    claim(store, "eve", 1)
    outcomes = decide(
        store,
        "bob",
        decision("i000000"),
        decision("i000001", "relabel", "fox"),
        decision("nowhere"),
        decision("i000002", content_hash="something else"),
        decision("i000003", version=7),
        decision("i000004", "exclude"),
    )
    assert [outcome.code for outcome in outcomes] == ["claimed", "invalid", "gone", "changed", "changed", ""]
    assert store.count(SUSPECTS).decided == 1


@pytest.mark.parametrize(
    ("verdict", "labels", "label"),
    [
        ("keep", (), "cat"),
        ("relabel", ("eel",), "eel"),
        ("ambiguous", (), None),
        ("several_fit", ("cat", "dog"), None),
        ("none_fits", ("fox",), None),
        ("exclude", (), None),
    ],
)
def test_every_verdict_is_kept_with_its_note(store, verdict, labels, label):
    decide(store, "bob", decision("i000000", verdict, *labels, note="why: “ü”\n;"))
    card = state_of(store, "i000000")
    assert (card.status, card.verdict, card.label) == ("decided", verdict, label)
    event = json.loads(store.records.history(viewer="ann", item_id="i000000")[0].after)
    assert (event["labels"], event["note"]) == (list(labels), "why: “ü”\n;")


def test_a_skipped_item_goes_to_somebody_else_and_can_be_found_again(store):
    decide(store, "bob", decision("i000000", "skip"))
    assert claim(store, "bob", 1)[0].item_id == "i000001"
    assert claim(store, "eve", 1)[0].item_id == "i000000"
    skipped = Filter(queue="skipped")
    assert store.count(skipped, person="bob").total == 1
    store.release("eve")
    assert claim(store, "bob", 1, filter=skipped, client="tab 2")[0].item_id == "i000000"


def test_a_changed_mind_replaces_the_opinion(store):
    decide(store, "bob", decision("i000000", "keep"))
    assert decide(store, "bob", decision("i000000", "relabel", "dog"))[0].status == "acknowledged"
    assert state_of(store, "i000000").label == "dog"


def test_an_id_that_is_none_is_refused(store):
    for bad in ("", "x" * 65, "new\nline", "ü"):
        assert decide(store, "bob", replace(decision("i000000"), id=bad))[0].code == "invalid"


def test_an_empty_outbox_is_fine(store):
    assert store.decide([], person="bob", client="bob") == ([], [])


# -- undo and redo


def test_undo_and_redo_walk_through_all_decisions_across_restarts(open_store):
    store = filled(open_store())
    decide(store, "bob", *(decision(f"i{k:06d}", "ambiguous") for k in range(5)))
    store = open_store()
    undone = [decide(store, "bob", Undo(id=uid()))[0].item_ids for _ in range(5)]
    assert undone == [(f"i{k:06d}",) for k in (4, 3, 2, 1, 0)]
    assert decide(store, "bob", Undo(id=uid()))[0].code == "nothing"
    assert store.count(SUSPECTS).decided == 0
    store = open_store()
    redone = [decide(store, "bob", Redo(id=uid()))[0].item_ids for _ in range(5)]
    assert redone == undone[::-1]
    assert decide(store, "bob", Redo(id=uid()))[0].code == "nothing"
    assert store.count(SUSPECTS).decided == 5
    store.verify()


def test_a_new_decision_ends_redo(store):
    decide(store, "bob", decision("i000000"), Undo(id=uid()), decision("i000001"))
    assert decide(store, "bob", Redo(id=uid()))[0].code == "nothing"


def test_undo_brings_the_earlier_opinion_back(store):
    first = decision("i000000", "relabel", "dog")
    decide(store, "bob", first, decision("i000000", "exclude"), Undo(id=uid()))
    assert state_of(store, "i000000").label == "dog"
    assert decide(store, "bob", Undo(id=uid(), target=first.id))[0].status == "acknowledged"
    assert state_of(store, "i000000").status == "open"


def test_an_undone_item_stays_on_the_screen(store):
    card = claim(store, "bob", 1)[0]
    decide(store, "bob", decision(card.item_id), Undo(id=uid()))
    assert claim(store, "eve", 1)[0].item_id != card.item_id
    assert decide(store, "bob", decision(card.item_id, "exclude"))[0].status == "acknowledged"


def test_a_decision_under_a_later_one_cannot_be_undone_first(store):
    first = decision("i000000")
    decide(store, "bob", first, decision("i000000", "exclude"))
    assert decide(store, "bob", Undo(id=uid(), target=first.id))[0].code == "changed"


def test_a_bulk_action_is_undone_and_redone_as_one(store):
    bulk = uid()
    decide(store, "bob", *(decision(f"i{k:06d}", "relabel", "dog", bulk=bulk) for k in (0, 3, 6)), decision("i000009"))
    decide(store, "bob", Undo(id=uid()))
    assert len(decide(store, "bob", Undo(id=uid()))[0].item_ids) == 3
    assert store.count(SUSPECTS).decided == 0
    assert len(decide(store, "bob", Redo(id=uid()))[0].item_ids) == 3
    store.verify()


def test_a_resent_undo_is_one_undo(store):
    decide(store, "bob", decision("i000000"), decision("i000001"))
    back = Undo(id=uid())
    assert [o.status for o in decide(store, "bob", back, back)] == ["acknowledged", "known"]
    assert decide(store, "bob", back)[0].status == "known"
    assert store.count(SUSPECTS).decided == 1


def test_only_a_lead_takes_back_what_somebody_else_decided(store):
    click = decision("i000000")
    decide(store, "bob", click)
    assert decide(store, "eve", Undo(id=uid(), target=click.id))[0].code == "forbidden"
    assert decide(store, "ann", Undo(id=uid(), target=click.id))[0].status == "acknowledged"
    assert decide(store, "bob", Redo(id=uid()))[0].code == "nothing"
    assert decide(store, "ann", Redo(id=uid()))[0].status == "acknowledged"
    assert state_of(store, "i000000").status == "decided"


def test_redo_is_refused_once_somebody_else_decided(store):
    decide(store, "bob", decision("i000000"), Undo(id=uid()))
    store.release("bob")
    decide(store, "eve", decision("i000000", "exclude"))
    assert decide(store, "bob", Redo(id=uid()))[0].code == "decided"


# -- overlap, adjudication, gold, parts


def test_overlap_asks_several_people_blindly_and_conflicts_go_to_a_lead(store):
    store.team.set_rules(Rules(opinions=2), by="ann")
    assert claim(store, "bob", 1)[0].item_id == claim(store, "eve", 1)[0].item_id == "i000000"
    assert claim(store, "ann", 1)[0].item_id == "i000001"
    decide(store, "bob", decision("i000000", "relabel", "dog"))
    assert store.records.history(viewer="eve", item_id="i000000") == []
    assert len(store.records.history(viewer="vic", item_id="i000000")) == 1
    decide(store, "eve", decision("i000000", "keep"))
    assert len(store.records.history(viewer="eve", item_id="i000000")) == 2
    assert state_of(store, "i000000").status == "conflict"
    conflicts = Filter(queue="conflicts")
    with pytest.raises(DecisionRefusedError, match="reviewer"):
        claim(store, "bob", 1, filter=conflicts, client="tab 2")
    assert claim(store, "ann", 1, filter=conflicts, client="tab 2")[0].item_id == "i000000"
    ruling = decision("i000000", "relabel", "eel")
    assert decide(store, "bob", ruling, action=Action.ADJUDICATE)[0].code == "forbidden"
    assert decide(store, "ann", ruling, action=Action.ADJUDICATE)[0].status == "acknowledged"
    assert (state_of(store, "i000000").status, state_of(store, "i000000").label) == ("decided", "eel")
    assert decide(store, "bob", decision("i000000"))[0].code == "decided"
    store.verify()


def test_changed_rules_look_at_judged_items_again(store):
    decide(store, "bob", decision("i000000"))
    store.team.set_rules(Rules(opinions=2), by="ann")
    assert store.count(SUSPECTS).decided == 0
    assert claim(store, "eve", 1)[0].item_id == "i000000"
    store.team.set_rules(Rules(), by="ann")
    assert store.count(SUSPECTS).decided == 1
    store.verify()


def test_gold_items_come_in_between_and_do_not_give_themselves_away(store):
    store.team.set_rules(Rules(gold_every=3), by="ann")
    assert decide(store, "bob", decision("i000020"), action=Action.GOLD)[0].code == "forbidden"
    decide(store, "ann", decision("i000020", "relabel", "dog"), action=Action.GOLD)
    seen = []
    for _ in range(6):
        card = claim(store, "bob", 1)[0]
        assert (card.status, card.verdict, card.label) == ("open", None, None)
        seen.append(card.item_id)
        decide(store, "bob", decision(card.item_id))
    assert seen.count("i000020") == 1
    assert state_of(store, "i000020").label == "dog"
    page = store.page(Filter(queue="all", item_ids=("i000020",)), "suspicion", person="eve")
    assert (page[0].status, page[0].label) == ("open", None)
    assert all(event.action != "gold" for event in store.records.history(viewer="eve"))


def test_people_with_parts_are_shown_only_these(store):
    store.team.assign("bob", "class", "eel", by="ann")
    store.team.assign("eve", "slice:channel", "chat", by="ann")
    assert {card.given_label for card in claim(store, "bob", 8)} | {"eel"} == {"dog", "eel"}
    assert {int(card.item_id[1:]) % 4 for card in claim(store, "eve", 4)} == {0}
    store.team.assign("bob", "class", "eel", assigned=False, by="ann")
    assert store.team.assignments() == [("eve", "slice:channel", "chat")]


def test_blind_first_is_recorded_by_the_store_not_by_the_page(store):
    store.team.set_rules(Rules(blind_first=True), by="ann")
    card = claim(store, "bob", 1)[0]
    assert card.blind
    decide(store, "bob", decision(card.item_id, "keep"), decision(card.item_id, "relabel", "dog"))
    blind = [json.loads(event.after)["blind"] for event in store.records.history(viewer="ann", item_id=card.item_id)]
    assert blind == [False, True]


# -- people


def test_the_first_person_leads_and_nobody_else_comes_in_alone(store):
    assert store.team.enter("ann").role == "lead"
    with pytest.raises(DecisionRefusedError, match=r"Unknown person 'bobb'. Did you mean 'bob'"):
        store.team.enter("bobb")
    with pytest.raises(DecisionRefusedError, match="Unknown person"):
        decide(store, "bobb", decision("i000000"))


def test_roles_hold_inside_the_store(store):
    assert decide(store, "vic", decision("i000000"))[0].code == "forbidden"
    for attempt in (
        lambda: claim(store, "vic", 1),
        lambda: store.team.set_person("joe", "lead", by="bob"),
        lambda: store.team.set_rules(Rules(opinions=5), by="bob"),
        lambda: store.team.assign("bob", "class", "cat", by="eve"),
        lambda: store.bind(replace(BINDING, audit_id="other"), queue_items(3), person="bob"),
    ):
        with pytest.raises(DecisionRefusedError, match="may not do that"):
            attempt()


def test_who_left_cannot_decide_and_the_last_lead_cannot_leave(store):
    store.team.set_person("bob", "reviewer", active=False, by="ann")
    assert decide(store, "bob", decision("i000000"))[0].code == "forbidden"
    with pytest.raises(DecisionRefusedError, match="no longer active"):
        store.team.enter("bob")
    with pytest.raises(DecisionRefusedError, match="only lead"):
        store.team.set_person("ann", "reviewer", by="ann")


@pytest.mark.parametrize("name", ["", " bob", "*gold", "a\nb", "x" * 101])
def test_names_that_cannot_be_are_refused(store, name):
    with pytest.raises(DecisionRefusedError):
        store.team.set_person(name, "reviewer", by="ann")


def test_unknown_roles_parts_and_rules_are_refused(store):
    with pytest.raises(UnknownNameError, match="Did you mean 'reviewer'"):
        store.team.set_person("joe", "reviwer", by="ann")
    with pytest.raises(UnknownNameError):
        store.team.assign("bob", "clas", "cat", by="ann")
    with pytest.raises(DecisionRefusedError):
        store.team.set_rules(Rules(opinions=0), by="ann")


# -- queues


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        (Filter(queue="suspects"), range(15)),
        (Filter(queue="ambiguous"), range(0, 30, 5)),
        (Filter(queue="flagged"), [*range(15), 15, 20, 25]),
        (Filter(queue="all", given_label="cat"), range(0, 30, 3)),
        (Filter(queue="all", given_label="cat", suggested_label="eel"), []),
        (Filter(queue="all", group=("channel", "chat")), range(0, 30, 4)),
        (Filter(queue="all", kind="wrong_label"), range(1, 30, 2)),
        (Filter(queue="all", status="decided"), [2]),
        (Filter(queue="all", verdict="exclude"), [2]),
        (Filter(queue="all", item_ids=("i000007", "i000003")), [3, 7]),
    ],
)
def test_filters(open_store, filter, expected):
    store = filled(open_store(), suspects=0.5)
    decide(store, "bob", decision("i000002", "exclude"))
    page = store.page(filter, "suspicion", person="ann", limit=100)
    assert [int(card.item_id[1:]) for card in page] == list(expected)
    assert store.count(filter).total == len(page)


@pytest.mark.parametrize("order", ["suspicion", "ambiguity", "chance"])
def test_pages_follow_on_one_another_without_gap_or_repetition(store, order):
    seen, after = [], None
    while page := store.page(Filter(queue="all"), order, person="ann", after=after, limit=7):
        seen += [card.item_id for card in page]
        after = seen[-1]
    assert sorted(seen) == [f"i{k:06d}" for k in range(30)]


def test_a_page_after_no_item_is_refused(store):
    with pytest.raises(UnknownNameError):
        store.page(SUSPECTS, "suspicion", person="ann", after="nowhere")


def test_rescoring_changes_the_order_and_nothing_else(store):
    decide(store, "bob", decision("i000001", "exclude"))
    before = snapshot(store)
    store.rescore({"i000029": 2.0, "i000000": 0.0})
    assert claim(store, "bob", 1)[0].item_id == "i000029"
    after = snapshot(store)
    assert {name: rows for name, rows in after.items() if name != "items"} == {
        name: rows for name, rows in before.items() if name != "items"
    }
    store.verify()


# -- the log


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


def test_a_state_that_the_log_does_not_give_is_found_and_mended(store):
    decide(store, "bob", decision("i000000"))
    with store.database._engine.begin() as connection:
        connection.execute(sa.update(schema.items).where(schema.items.c.item_id == "i000000").values(label="eel"))
    with pytest.raises(StoreError, match="table 'items' differ from the log"):
        store.verify()
    store.rebuild()
    store.verify()


@pytest.mark.parametrize("statement", ["UPDATE events SET person = 'eve'", "DELETE FROM events"])
def test_the_database_itself_refuses_to_change_events(store, statement):
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), store.database._engine.begin() as connection:
        connection.exec_driver_sql(statement)


# -- the next audit


def test_decisions_carry_over_to_a_grown_data_set(store):
    decide(
        store,
        "bob",
        decision("i000000", "relabel", "dog"),
        decision("i000001", "keep"),
        decision("i000002", "exclude"),
        decision("i000003", "ambiguous"),
        decision("i000004", "keep"),
    )
    later = {item.item_id: item for item in queue_items(40)}
    later["i000000"] = replace(later["i000000"], given_label="dog")  # the decided label was applied
    later["i000002"] = replace(later["i000002"], content_hash="edited")
    later["renamed"] = replace(later.pop("i000003"), item_id="renamed")
    later["i000004"] = replace(later["i000004"], given_label="eel")  # somebody chose a third label
    done = store.bind(Binding("audit-2", "e" * 64, CLASSES), later.values(), person="ann")
    assert (done.kept, done.set_aside) == (3, 2)
    decided = store.page(Filter(queue="all", status="decided"), "suspicion", person="ann")
    assert {card.item_id: card.verdict for card in decided} == {
        "i000000": "relabel",
        "i000001": "keep",
        "renamed": "ambiguous",
    }
    store.verify()
    assert decide(store, "bob", Undo(id=uid()))[0].item_ids == ("renamed",)
    store.rebuild()
    store.verify()


def test_binding_again_changes_nothing(store):
    decide(store, "bob", decision("i000000"))
    before = snapshot(store)
    store.bind(BINDING, queue_items(30), person="bob")
    assert snapshot(store) == before


# -- copies


def test_the_log_goes_out_and_comes_back(store, tmp_path):
    decide(store, "bob", decision("i000000", "relabel", "dog"), Undo(id=uid()), decision("i000001"))
    count = store.export(tmp_path / "log.jsonl")
    lines = (tmp_path / "log.jsonl").read_text().splitlines()
    assert count == len(lines) == store.verify()[0]
    assert json.loads(lines[-1])["after"]["verdict"] == "keep"
    with Store(tmp_path / "again.sqlite", backups=tmp_path) as again:
        assert again.restore(tmp_path / "log.jsonl") == count
        again.bind(BINDING, queue_items(30), person="ann")
        assert again.verify() == store.verify()
        assert snapshot(again) == snapshot(store)
        with pytest.raises(StoreError, match="holds decisions already"):
            again.restore(tmp_path / "log.jsonl")


def test_a_broken_log_is_refused_with_its_line(store, tmp_path):
    store.export(tmp_path / "log.jsonl")
    lines = (tmp_path / "log.jsonl").read_text().splitlines()
    (tmp_path / "log.jsonl").write_text("\n".join([*lines[:2], lines[2][:-5], *lines[3:]]))
    with Store(tmp_path / "again.sqlite", backups=tmp_path) as again:
        with pytest.raises(StoreDamagedError, match=r"log.jsonl, line 3"):
            again.restore(tmp_path / "log.jsonl")
        assert again.verify()[0] == 0


@pytest.mark.parametrize("target", ["sqlite", "postgres"])
def test_a_store_moves_to_another_database(store, target, tmp_path, request):
    decide(store, "bob", *(decision(f"i{k:06d}", "exclude") for k in range(7)), Undo(id=uid()))
    claim(store, "eve", 3)
    location = tmp_path / "moved.sqlite" if target == "sqlite" else request.getfixturevalue("postgres").new_store()
    with Store(location, backups=tmp_path) as moved:
        store.copy_to(moved)
        assert moved.verify() == store.verify()
        assert snapshot(moved) == snapshot(store)
        assert claim(moved, "bob", 1)[0].item_id == "i000006"
        with pytest.raises(StoreError, match="holds decisions already"):
            store.copy_to(moved)


def test_a_backup_is_made_while_others_write_and_can_be_opened(store, tmp_path):
    decide(store, "bob", decision("i000000"))
    first, second = store.backup(tmp_path / "copies"), store.backup(tmp_path / "copies")
    assert first != second
    decide(store, "bob", decision("i000001"))
    if first.suffix == ".sqlite":
        with Store(first, backups=tmp_path) as copy:
            assert copy.count(SUSPECTS).decided == 1
            copy.verify()
    else:
        with Store(tmp_path / "copy.sqlite", backups=tmp_path) as copy:
            assert copy.restore(first) == store.verify()[0] - 1
