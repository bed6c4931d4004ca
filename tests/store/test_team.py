"""Overlap, adjudication, known answers, parts and roles; on SQLite and on a real Postgres."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from labelaudit.decisions import Action, Redo, Rules, Undo
from labelaudit.errors import DecisionRefusedError, UnknownNameError
from labelaudit.store import Filter
from tests.store.acting import SUSPECTS, claim, decide, decision, state_of, uid
from tests.store.conftest import BINDING, queue_items

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
    known = {who: {row.item_id for row in store.records.resolved(viewer=who)} for who in ("ann", "bob", "eve", "vic")}
    assert known["ann"] == known["bob"] == known["eve"] | {"i000020"} != known["eve"] == known["vic"]


def test_a_known_answer_that_was_taken_back_and_brought_again_stays_unknown_to_reviewers(store):
    decide(store, "ann", decision("i000020", "relabel", "dog"), action=Action.GOLD)
    decide(store, "ann", Undo(id=uid()), Redo(id=uid()))
    assert len(store.records.history(viewer="ann", item_id="i000020")) == 3
    assert store.records.history(viewer="eve", item_id="i000020") == []


def test_known_answers_that_are_set_late_come_one_by_one(store):
    store.team.set_rules(Rules(gold_every=3), by="ann")
    decide(store, "bob", *(decision(f"i{k:06d}") for k in range(12)))
    golden = {f"i{k:06d}" for k in range(20, 25)}
    decide(store, "ann", *(decision(item_id, "ambiguous") for item_id in sorted(golden)), action=Action.GOLD)
    seen = []
    for _ in range(7):
        card = claim(store, "bob", 1)[0]
        seen.append(card.item_id in golden)
        decide(store, "bob", decision(card.item_id))
    assert seen == [True, False, False, True, False, False, True]


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
    for field, value, message in (
        ("clas", "cat", "Did you mean 'class'"),
        ("class", "cta", "Did you mean 'cat'"),
        ("slice:channel", "chatt", "No item of this audit is in the slice 'chatt' of 'channel'"),
        ("slice:chanel", "chat", "No item of this audit"),
    ):
        with pytest.raises(UnknownNameError, match=message):
            store.team.assign("bob", field, value, by="ann")
    assert store.team.assignments() == []
    for rules in (Rules(opinions=0), Rules(opinions=2**40), Rules(gold_every=2**70), Rules(overlap=float("nan"))):
        with pytest.raises(DecisionRefusedError, match="cannot be followed"):
            store.team.set_rules(rules, by="ann")
