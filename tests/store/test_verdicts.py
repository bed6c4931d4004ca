"""Decisions count once and can be taken back without limit; on SQLite and on a real Postgres."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from labelaudit.decisions import Redo, Undo
from labelaudit.store import Filter
from tests.store.acting import SUSPECTS, claim, decide, decision, state_of, uid
from tests.store.conftest import filled
from tests.store.processes import opened, run_all

# -- decisions


def test_a_repeated_click_is_one_decision(store):
    click = decision("i000000", "relabel", "dog")
    outcomes = decide(store, "bob", click, click)
    assert [outcome.status for outcome in outcomes] == ["acknowledged", "known"]
    assert decide(store, "bob", click)[0].status == "known"
    assert len(store.records.history(viewer="ann", item_id="i000000")) == 1


def test_answers_to_a_batch_are_told_from_what_was_decided_otherwise(store):
    answers = [decision("i000000", "relabel", "dog", batch="b-1"), decision("i000001", batch="b-1")]
    decide(store, "bob", *answers, decision("i000002"), decision("i000003", batch="b-2"))
    decide(store, "eve", decision("i000000", batch="b-1"))
    decide(store, "bob", decision("i000000", "keep"))  # on the page, with the suggestion in sight
    named = [f"i{k:06d}" for k in range(10)]
    found = store.records.answers_to({"b-1"}, named, audit_id="audit-1")
    said = {item_id: {person: str(opinion.verdict) for person, opinion in by.items()} for item_id, by in found.items()}
    assert said == {"i000000": {"bob": "relabel", "eve": "keep"}, "i000001": {"bob": "keep"}}
    assert found["i000000"]["bob"].labels == ("dog",)
    decide(store, "bob", Undo(id=uid(), target=answers[1].id))
    assert list(store.records.answers_to({"b-1"}, named, audit_id="audit-1")) == ["i000000"]
    decide(store, "bob", Redo(id=uid()))
    assert list(store.records.answers_to({"b-1"}, named, audit_id="audit-1")) == ["i000000", "i000001"]
    assert store.records.answers_to({"b-1"}, named, audit_id="another") == {}
    assert list(store.records.answers_to({"b-1", "b-2"}, named[2:], audit_id="audit-1")) == ["i000003"]


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


def test_of_two_leads_who_take_the_same_decision_back_one_does(store, location, tmp_path):
    store.team.set_person("eve", "lead", by="ann")
    clicks = [decision(f"i{k:06d}") for k in range(20)]
    decide(store, "bob", *clicks)
    store.close()

    def take_back(name):
        def work(say):
            with opened(location, tmp_path) as again:
                for click in clicks:
                    say(decide(again, name, Undo(id=uid(), target=click.id))[0].code or "done")

        return work

    said = run_all([take_back("ann"), take_back("eve")])
    assert all(sorted(answers) == ["done", "nothing"] for answers in zip(*said, strict=True))
    assert store.count(SUSPECTS).decided == 0
    store.verify()


def test_redo_is_refused_once_somebody_else_decided(store):
    decide(store, "bob", decision("i000000"), Undo(id=uid()))
    store.release("bob")
    decide(store, "eve", decision("i000000", "exclude"))
    assert decide(store, "bob", Redo(id=uid()))[0].code == "decided"
