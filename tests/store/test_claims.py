"""Claims: one screen for each item, leases that end, clocks that jump; on SQLite and on a real Postgres."""

from __future__ import annotations

import pytest

from labelaudit.decisions import LEASE_MS, Undo
from tests.store.acting import SUSPECTS, claim, decide, decision, uid
from tests.store.conftest import filled


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


@pytest.mark.parametrize("jump", [-3_600_000, -LEASE_MS - 1, -LEASE_MS, 0, LEASE_MS - 1, LEASE_MS, 3_600_000])
def test_a_lease_holds_from_five_minutes_before_it_was_made_to_its_end(open_store, jump):
    now = [1_000_000_000_000]
    store = filled(open_store(clock=lambda: now[0]))
    claim(store, "bob", 1)
    now[0] += jump
    is_live = -LEASE_MS <= jump < LEASE_MS
    assert claim(store, "eve", 1)[0].item_id == ("i000001" if is_live else "i000000")


def test_no_item_is_on_two_screens_after_the_clock_was_set_back(open_store):
    now = [1_000_000_000_000]
    store = filled(open_store(clock=lambda: now[0]))
    decide(store, "ann", decision("i000029"))
    now[0] -= 3_600_000
    on_screens = [card.item_id for card in claim(store, "bob", 2)]
    _, hand = store.decide([decision("i000028")], person="ann", client="ann", then_claim=(SUSPECTS, "suspicion", 2))
    on_screens += [card.item_id for card in hand]
    decide(store, "ann", decision("i000027"), Undo(id=uid()))
    on_screens += [card.item_id for card in claim(store, "eve", 23)]
    assert sorted([*on_screens, "i000027"]) == [f"i{k:06d}" for k in range(28)]


def test_what_others_take_while_one_waits_for_the_turn_is_passed_over(store, monkeypatch):
    looked_up = store._look_ahead

    def slowly(hand):
        ahead = looked_up(hand)
        monkeypatch.undo()
        claim(store, "eve", 30 if hand.client == "late" else 3)
        return ahead

    monkeypatch.setattr(store, "_look_ahead", slowly)
    assert [card.item_id for card in claim(store, "bob", 2)] == ["i000003", "i000004"]
    monkeypatch.setattr(store, "_look_ahead", slowly)
    assert claim(store, "bob", 2, client="late") == []


def test_items_beyond_those_looked_up_are_found_too(store, monkeypatch):
    monkeypatch.setattr(store, "_look_ahead", lambda _hand: ["i000000", "i000001", "gone"])
    claim(store, "eve", 1)
    assert [card.item_id for card in claim(store, "bob", 3)] == ["i000001", "i000002", "i000003"]


def test_released_items_go_back(store):
    claim(store, "bob", 3)
    assert store.release("bob", ["i000001"]) == 1
    assert claim(store, "eve", 1)[0].item_id == "i000001"
    assert store.release("bob") == 2
