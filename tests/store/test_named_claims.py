"""Items that are given out by name: those of a random check."""

from __future__ import annotations

import pytest

from labelaudit.decisions import Action, Undo
from labelaudit.errors import DecisionRefusedError
from labelaudit.store import Filter
from tests.store.acting import decide, decision, uid

NAMES = [f"i{k:06d}" for k in (7, 3, 9, 1)]


def named(store, person="bob", client="b", n=3, names=NAMES):
    return [card.item_id for card in store.claim_named(names, n, person=person, client=client)]


def test_the_first_named_items_are_given_out_in_their_order_and_blind(store):
    cards = store.claim_named(NAMES, 3, person="bob", client="b")
    assert [card.item_id for card in cards] == NAMES[:3]
    assert all(card.blind and card.status == "open" for card in cards)
    assert named(store) == NAMES[:3], "asking again gives the same"
    assert named(store, "eve", "e") == NAMES[3:], "never two screens at once"


def test_what_was_decided_is_given_out_as_if_it_were_not(store):
    decide(store, "eve", decision(NAMES[0], "relabel", "dog"))
    store.decide([decision(NAMES[1])], person="ann", client="a", action=Action.GOLD)
    cards = store.claim_named(NAMES, 2, person="bob", client="b")
    assert [(card.item_id, card.status, card.verdict, card.label) for card in cards] == [
        (name, "open", None, None) for name in NAMES[:2]
    ]
    answer = decision(NAMES[0], "relabel", "dog", batch="b-1")
    assert decide(store, "bob", answer)[0].status == "acknowledged"


def test_what_the_client_holds_besides_goes_back(store):
    held = store.claim(Filter(), "suspicion", 2, person="bob", client="b")
    assert named(store, names=NAMES[:1]) == NAMES[:1]
    again = store.claim(Filter(), "suspicion", 2, person="eve", client="e")
    assert [card.item_id for card in again] == [card.item_id for card in held]


def test_viewers_are_given_nothing(store):
    store.team.set_person("vic", "viewer", by="ann")
    with pytest.raises(DecisionRefusedError):
        named(store, "vic", "v")


def test_who_has_met_an_item_is_remembered_after_an_undo_and_for_each_way_to_judge(store):
    click = decision(NAMES[0])
    decide(store, "bob", click, decision(NAMES[1], batch="b-1"), decision(NAMES[2], batch="b-2"))
    outcome = store.decide([decision(NAMES[3])], person="ann", client="a", action=Action.ADJUDICATE)[0][0]
    assert outcome.status == "acknowledged"
    decide(store, "bob", Undo(id=uid(), target=click.id))
    assert store.records.judged_by("bob", NAMES, besides={"b-1"}) == {NAMES[0], NAMES[2]}
    assert store.records.judged_by("ann", NAMES, besides={"b-1"}) == {NAMES[3]}
    assert store.records.adjudicated(NAMES) == {NAMES[3]}
