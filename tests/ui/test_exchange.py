"""The server's half of the card, without a browser."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest

from labelaudit.batches import keep_record
from labelaudit.errors import UsageError
from labelaudit.formats import FORMATS, write_batch
from labelaudit.loop import draw_random_check
from labelaudit.reviewing import Filter, new_id, open_store
from labelaudit.ui.exchange import Exchange
from labelaudit.ui.filters import View, view_of
from labelaudit.ui.workbench import Workbench
from tests.ui.conftest import decisions, verdicts


@pytest.fixture
def exchange(audit_folder) -> Exchange:
    bench = Workbench(str(audit_folder))
    bench.enter("ann")
    yield Exchange(bench=bench, person="ann", may_judge=True, filter=Filter(), order="suspicion", view="")
    bench.store.close()


def message(commands: list[dict[str, Any]] = (), seq: int = 1, client: str = "tab", **more: Any) -> dict[str, Any]:
    return {"client": client, "nonce": "n", "seq": seq, "commands": list(commands), "orphans": [], "want": 6,
            "have": [], "knows": True, **more}  # fmt: skip


def decide(card: dict[str, Any], verdict: str = "keep", **more: Any) -> dict[str, Any]:
    return {"type": "decide", "id": new_id(), "item_id": card["item_id"], "verdict": verdict, "labels": [], "note": "",
            "active_ms": 900, "version": card["version"], "content_hash": card["content_hash"], **more}  # fmt: skip


def test_the_first_message_brings_a_hand_of_cards(exchange):
    answer = exchange.answer(message(knows=False), last_view=None)
    assert len(answer["hand"]) == 6
    assert [card["item_id"] for card in answer["cards"]] == answer["hand"]
    assert answer["classes"] == list(exchange.bench.audit.classes)
    assert answer["progress"]["total"] == 150


def test_a_random_check_stands_above_the_card_and_a_broken_record_keeps_nobody_away(exchange, audit_folder, tmp_path):
    assert "No stopping certificate: a queue" in exchange.answer(message(), last_view=None)["progress"]["certificate"]
    batch, options = draw_random_check(exchange.bench.audit, 30)
    written = write_batch(batch, FORMATS.get("jsonl"), tmp_path / "check.jsonl")
    record = keep_record(audit_folder, batch, format="jsonl", written=written, options=options)
    exchange.bench.forget()
    answer = exchange.answer(message(seq=2), last_view="")
    assert "no interval yet; 0 of 30" in answer["progress"]["certificate"]
    (audit_folder / "batches" / f"{record.batch.batch_id}.json").write_text("{")
    exchange.bench.forget()
    assert exchange.answer(message(seq=3), last_view="")["hand"] == answer["hand"]


def test_only_cards_that_the_browser_lacks_are_sent(exchange):
    first = exchange.answer(message(), last_view=None)
    answer = exchange.answer(message([decide(first["cards"][0])], 2, have=first["hand"]), last_view="")
    assert answer["hand"][:5] == first["hand"][1:]
    assert [card["item_id"] for card in answer["cards"]] == answer["hand"][5:]


def test_a_page_opened_anew_counts_what_was_decided_just_before(exchange):
    first = exchange.answer(message(knows=False), last_view=None)
    assert first["progress"]["decided"] == 0
    exchange.answer(message([decide(card) for card in first["cards"][:3]], 2), last_view="")
    assert exchange.answer(message(seq=1, knows=False), last_view=None)["progress"]["decided"] == 3


def test_an_outbox_sent_again_changes_nothing(exchange, audit_folder):
    first = exchange.answer(message(), last_view=None)
    outbox = [decide(card) for card in first["cards"][:3]]
    for seq in (2, 3):
        answer = exchange.answer(message(outbox, seq), last_view="")
        assert {outcome["status"] for outcome in answer["outcomes"]} == {"acknowledged" if seq == 2 else "known"}
    assert len(decisions(audit_folder)) == 3


@pytest.mark.parametrize(
    "broken",
    [{}, {"id": "x"}, {"id": "x", "type": "drop"}, {"id": "x", "type": "decide"}, [], None, 7,
     {"id": "x", "type": "decide", "item_id": "i", "verdict": "burn", "labels": [], "note": "", "active_ms": 1,
      "version": 0, "content_hash": ""}],
)  # fmt: skip
def test_what_is_no_command_is_refused_and_the_rest_recorded(exchange, audit_folder, broken):
    first = exchange.answer(message(), last_view=None)
    answer = exchange.answer(message([broken, decide(first["cards"][0])], 2), last_view="")
    assert [outcome["status"] for outcome in answer["outcomes"]] == ["refused", "acknowledged"]
    assert len(decisions(audit_folder)) == 1


def test_the_outbox_of_a_closed_tab_is_recorded_in_its_name_and_its_claims_come_back(exchange, audit_folder):
    gone = exchange.answer(message(client="gone"), last_view=None)
    orphan = {"client": "gone", "commands": [decide(gone["cards"][0], "ambiguous")]}
    answer = exchange.answer(message(orphans=[orphan]), last_view=None)
    assert verdicts(audit_folder) == {gone["hand"][0]: ("ambiguous", "[]")}
    assert answer["hand"][:5] == gone["hand"][1:]


def test_another_queue_gives_the_claims_of_the_first_back(exchange):
    first = exchange.answer(message(), last_view=None)
    other = replace(exchange, filter=Filter(queue="ambiguous"), order="ambiguity", view="queue=ambiguous")
    answer = other.answer(message([decide(first["cards"][0])], 2), last_view="")
    assert answer["outcomes"][0]["status"] == "acknowledged"
    free = replace(exchange, person="bob").answer(message(client="bobs"), last_view=None)
    assert set(first["hand"][1:]) - set(answer["hand"]) <= set(free["hand"])


def test_a_link_shows_its_item_first_whatever_its_state(exchange):
    items = exchange.bench.audit.items
    wanted = str(items.index[-1])
    answer = replace(exchange, visit=wanted).answer(message(), last_view=None)
    assert answer["visiting"] == wanted
    assert wanted in [card["item_id"] for card in answer["cards"]]
    assert wanted in answer["hand"]
    card = next(card for card in answer["cards"] if card["item_id"] == wanted)
    exchange.answer(message([decide(card, "exclude")], 2), last_view="")
    again = replace(exchange, visit=wanted).answer(message(seq=3, client="other"), last_view=None)
    shown = next(card for card in again["cards"] if card["item_id"] == wanted)
    assert shown["notice"] == "Already decided: exclude."
    assert replace(exchange, visit="nobody").answer(message(seq=4), last_view="")["visiting"] is None


def test_an_undo_without_a_named_decision_says_which_item_came_back(exchange):
    first = exchange.answer(message(), last_view=None)
    exchange.answer(message([decide(first["cards"][0])], 2), last_view="")
    answer = exchange.answer(message([{"type": "undo", "id": new_id(), "target": None}], 3), last_view="")
    assert answer["outcomes"][0]["focus"] == first["hand"][0]
    assert first["hand"][0] in answer["hand"]


def test_viewers_see_cards_and_decide_nothing(exchange, audit_folder):
    viewer = replace(exchange, person="vic", may_judge=False)
    first = viewer.answer(message(), last_view=None)
    assert first["cards"]
    answer = viewer.answer(message([decide(first["cards"][0])], 2), last_view="")
    assert answer["outcomes"][0]["status"] == "refused"
    assert decisions(audit_folder) == []


def test_the_queue_of_skipped_items_counts_what_is_left_in_it(exchange):
    first = exchange.answer(message(), last_view=None)
    assert first["progress"]["left"] is None
    exchange.answer(message([decide(card, "skip") for card in first["cards"][:3]], 2), last_view="")
    skipped = replace(exchange, filter=Filter(queue="skipped"), view="queue=skipped")
    again = skipped.answer(message(seq=3), last_view="")
    assert again["progress"]["left"] == 3
    skipped.answer(message([decide(again["cards"][0])], 4), last_view="queue=skipped")
    exchange.bench.forget()
    assert skipped.answer(message(seq=5), last_view="queue=skipped")["progress"]["left"] == 2


def test_an_address_of_another_queue_brings_its_items_also_after_a_reload(exchange):
    first = exchange.answer(message(), last_view=None)
    other = replace(exchange, filter=Filter(queue="ambiguous"), order="ambiguity", view="queue=ambiguous")
    turned = other.answer(message(seq=2, held=exchange.view), last_view=None)
    fresh = other.bench.queue("ann", "tab", other.filter, other.order).page(limit=6)
    assert turned["hand"] == [card.item_id for card in fresh]
    assert turned["hand"] != first["hand"]
    assert other.answer(message(seq=3, held=other.view), last_view=None)["hand"] == turned["hand"]


def test_an_empty_and_a_finished_queue_say_what_comes_next(exchange):
    nothing = replace(exchange, filter=Filter(queue="skipped"), view="queue=skipped").answer(message(), last_view=None)
    assert nothing["empty"]["title"] == "Nothing that you skipped is waiting."
    one = str(exchange.bench.audit.items.index[0])
    single = replace(exchange, filter=Filter(queue="all", item_ids=(one,)), view="one")
    first = single.answer(message(seq=2), last_view="queue=skipped")
    exchange.bench.forget()
    done = single.answer(message([decide(first["cards"][0], "none_fits")], 3), last_view="one")
    assert done["hand"] == []
    assert done["empty"]["title"] == "This queue is finished."
    assert "1 item decided; 1 wrong label found." in done["empty"]["lines"]


def learn():
    """Wait until the queue has learned what it is learning."""
    for thread in threading.enumerate():
        if thread.name == "rescore":
            thread.join(60)
            assert not thread.is_alive()


def test_skips_teach_nothing(exchange):
    answer, seq = exchange.answer(message(want=24), last_view=None), 1
    while seq < 31:
        seq += 1
        answer = exchange.answer(message([decide(answer["cards"][0], "skip")], seq, want=24), last_view="")
    learn()
    assert exchange.bench.learned == 0
    (ann,) = exchange.bench.statistics(exchange.bench.queue("ann", "page", Filter(), "suspicion")).people
    assert (ann.decisions, ann.accepted_shown.whole) == (30, 0)


def test_the_queue_learns_after_twenty_five_decisions(exchange, audit_folder):
    seq = 1
    answer = exchange.answer(message(want=24), last_view=None)
    while seq < 27:
        seq += 1
        answer = exchange.answer(message([decide(answer["cards"][0])], seq, want=24), last_view="")
    learn()
    assert exchange.bench.learned >= 25
    with open_store(audit_folder) as store:
        cards = store.page(Filter(status="open"), "suspicion", person="ann", limit=500)
    before = exchange.bench.audit.items["suspicion"]
    assert any(abs(card.suspicion - before[card.item_id]) > 1e-6 for card in cards)


def test_views_go_to_the_address_and_back():
    view = View(preset="duplicates", given="a", slice="channel=e=mail", order="chance")
    again, problems = view_of(view.parameters(), ("a", "b"))
    assert again == view
    assert problems == []
    assert view.filter.group == ("channel", "e=mail")
    assert view.filter.kind == "duplicate_conflict"
    broken, problems = view_of({"queue": "nope", "given": "zz", "order": "up", "slice": "x"}, ("a",))
    assert broken == View()
    assert len(problems) == 2


def test_a_lead_who_settles_sees_who_said_what(exchange, audit_folder):
    with open_store(audit_folder) as store:
        store.team.set_rules(replace(store.team.rules(), opinions=2, overlap=1.0), by="ann")
    first = exchange.answer(message(), last_view=None)["cards"][0]
    exchange.answer(message([decide(first)], 2), last_view="")
    bob = replace(exchange, person="bob")
    theirs = bob.answer(message(client="bobs"), last_view=None)["cards"][0]
    assert theirs["item_id"] == first["item_id"]
    assert theirs["notice"] == ""  # a second opinion is of no use if it knows the first
    label = first["suggested_label"]
    bob.answer(message([decide(theirs, "relabel", labels=[label], note="see § 3")], 2, client="bobs"), last_view="")
    settling = replace(exchange, filter=Filter(queue="conflicts"), view="queue=conflicts")
    (card,) = settling.answer(message(client="desk"), last_view=None)["cards"]
    assert card["notice"] == f"ann: keep; bob: relabel {label} (“see § 3”)"


def disputed(exchange: Exchange, audit_folder) -> str:
    """Let ann and bob disagree on the first item, and return it."""
    with open_store(audit_folder) as store:
        store.team.set_rules(replace(store.team.rules(), opinions=2, overlap=1.0), by="ann")
    first = exchange.answer(message(client="anns"), last_view=None)["cards"][0]
    exchange.answer(message([decide(first)], 2, client="anns"), last_view="")
    bob = replace(exchange, person="bob")
    theirs = bob.answer(message(client="bobs"), last_view=None)["cards"][0]
    bob.answer(message([decide(theirs, "ambiguous")], 2, client="bobs"), last_view="")
    return first["item_id"]


def test_what_a_lead_says_of_a_disagreement_settles_it_and_can_be_taken_back(exchange, audit_folder):
    item_id = disputed(exchange, audit_folder)
    settling = replace(exchange, filter=Filter(queue="conflicts"), view="queue=conflicts")
    answer = settling.answer(message(client="desk", knows=False), last_view=None)
    (card,) = answer["cards"]
    assert answer["progress"]["left"] == 1
    assert card["settles"] is True
    command = decide(card, settles=True)
    answer = settling.answer(message([command], 2, client="desk"), last_view="queue=conflicts")
    assert [outcome["status"] for outcome in answer["outcomes"]] == ["acknowledged"]
    assert answer["hand"] == []
    assert answer["empty"]["title"] == "There is no disagreement."
    with open_store(audit_folder) as store:
        assert store.records.decided()[item_id].opinion.verdict == "keep"
        assert store.records.adjudicated([item_id]) == {item_id}
    undo = {"type": "undo", "id": new_id(), "target": command["id"]}
    answer = settling.answer(message([undo], 3, client="desk"), last_view="queue=conflicts")
    assert answer["hand"] == [item_id]
    again = decide(card, "ambiguous", settles=True)  # as it was on the screen before
    answer = settling.answer(message([again], 4, client="desk"), last_view="queue=conflicts")
    assert [outcome["status"] for outcome in answer["outcomes"]] == ["acknowledged"]


def test_what_waits_elsewhere_is_not_said_to_be_finished(exchange, audit_folder):
    disputed(exchange, audit_folder)
    settling = replace(exchange, filter=Filter(queue="conflicts"), view="queue=conflicts")
    assert settling.answer(message(client="desk"), last_view=None)["hand"]
    other = settling.answer(message(client="another window"), last_view=None)
    assert other["empty"]["title"] == "Nothing is free for you right now."
    assert other["empty"]["lines"][0].startswith("1 item of this queue is open, but on the screens of others")


def test_only_leads_settle_whatever_a_browser_sends(exchange, audit_folder):
    item_id = disputed(exchange, audit_folder)
    bob = replace(exchange, person="bob", filter=Filter(queue="conflicts"), view="queue=conflicts", may_judge=False)
    answer = bob.answer(message(client="bobs", seq=3), last_view=None)
    assert [card["item_id"] for card in answer["cards"]] == [item_id]
    assert "a lead settles it" in answer["cards"][0]["notice"]
    forged = decide(answer["cards"][0], settles=True, version=None)
    (outcome,) = bob.answer(message([forged], 4, client="bobs"), last_view="queue=conflicts")["outcomes"]
    assert outcome["status"] == "refused"
    assert "bob is a reviewer" in outcome["message"]


@pytest.mark.parametrize("number", [float("inf"), float("-inf"), float("nan"), "many", None, 1e400, [1]])
@pytest.mark.parametrize("name", ["active_ms", "version"])
def test_a_forged_number_in_a_decision_is_refused_and_the_others_are_recorded(exchange, name, number):
    first = exchange.answer(message(), last_view=None)
    one, two = first["cards"][:2]
    if name == "version" and number is None:
        number = float("inf")  # no version at all may be sent
    answer = exchange.answer(message([decide(one, **{name: number}), decide(two)], 2), last_view="")
    assert [outcome["status"] for outcome in answer["outcomes"]] == ["refused", "acknowledged"]
    assert "this is no decision" in answer["outcomes"][0]["message"]


@pytest.mark.parametrize(
    "forged",
    [
        {"seq": float("nan")}, {"seq": float("inf")}, {"seq": "x"}, {"want": float("inf")}, {"have": 5},
        {"commands": 5}, {"orphans": [5]}, {"orphans": [{}]}, {"orphans": [{"client": "tab", "commands": 3}]},
    ],
)  # fmt: skip
def test_a_message_that_no_card_sends_is_an_error_in_words_and_does_nothing(exchange, forged):
    first = exchange.answer(message(), last_view=None)
    with pytest.raises(UsageError, match="cannot be read"):
        exchange.answer({**message([decide(first["cards"][0])], 2), **forged}, last_view="")
    assert exchange.answer(message(seq=3, knows=False), last_view="")["progress"]["decided"] == 0


def test_work_on_an_item_is_never_negative_nor_endless(exchange):
    first = exchange.answer(message(), last_view=None)
    sent = [decide(card, active_ms=ms) for card, ms in zip(first["cards"], (-5_000, 10**30), strict=False)]
    answer = exchange.answer(message(sent, 2), last_view="")
    assert [outcome["status"] for outcome in answer["outcomes"]] == ["acknowledged"] * 2
    times = [event.active_ms for event in exchange.bench.queue("ann", "page", Filter(), "suspicion").history(limit=2)]
    assert min(times) == 0
    assert max(times) <= 86_400_000
