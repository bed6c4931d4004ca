"""The random check on the page, without a browser: what is sent is blind, and what comes back counts as looks."""

from __future__ import annotations

import json

import pytest

from labelaudit.loop import CheckQueue, CheckSheet, ask_again, check_standing, start_check
from labelaudit.reviewing import Decision, Filter, Verdict, new_id, open_queue
from labelaudit.ui.check_exchange import CheckExchange
from labelaudit.ui.exchange import Exchange
from labelaudit.ui.workbench import Workbench
from tests.ui.conftest import decisions
from tests.ui.test_exchange import decide, message

DRAWN = 12


@pytest.fixture
def bench(audit_folder) -> Workbench:
    bench = Workbench(str(audit_folder))
    bench.enter("ann")
    start_check(bench.audit, DRAWN)
    yield bench
    bench.store.close()


def at_check(bench: Workbench, person: str = "ann") -> CheckExchange:
    """Sit down at the check as it is now."""
    bench.forget()
    return CheckExchange(bench=bench, person=person, may_judge=True, filter=Filter(), order="chance", view="check")


def look(card, label: str, **more):
    return decide(card, "relabel", labels=[label], check=card["check"], **more)


def given(bench: Workbench) -> dict[str, str]:
    return bench.audit.items["given_label"].to_dict()


def answer_all(bench: Workbench, person: str, wrong: int = 0, client: str = "tab") -> list[str]:
    """Answer all that waits for a person, the first `wrong` of it with another class; return the items."""
    exchange, seen = at_check(bench, person), []
    labels, classes = given(bench), bench.audit.classes
    answer = exchange.answer(message(client=client), last_view="check")
    while answer["hand"]:
        for card in answer["cards"]:
            label = labels[card["item_id"]]
            other = classes[(classes.index(label) + 1) % len(classes)]
            seen.append(card["item_id"])
            command = look(card, other if len(seen) <= wrong else label)
            answer = exchange.answer(message([command], len(seen) + 1, client), last_view="check")
            assert {outcome["status"] for outcome in answer["outcomes"]} == {"acknowledged"}
    return seen


def test_nothing_that_is_sent_tells_the_label_or_what_is_suspected(bench):
    answer = at_check(bench).answer(message(knows=False), last_view=None)
    drawn = bench.sheet.item_ids
    assert answer["hand"] == list(drawn[:6])
    assert answer["progress"]["total"] == DRAWN
    assert len({json.dumps(card["classes"]) for card in answer["cards"]}) == 1
    for card in answer["cards"]:
        assert card["given_label"] is card["suggested_label"] is card["suggested_probability"] is card["kind"] is None
        assert not card["reasons"]
        assert not card["scores"]
        assert not card["groups"]
        assert not card["neighbors"]
        assert not card["notice"]
        assert all(entry["p"] is None for entry in card["classes"])
        assert not any(cell["why"] for cell in card["content"].get("cells", ()))


def test_answers_count_as_looks_and_the_count_comes_at_the_end(bench, audit_folder):
    exchange = at_check(bench)
    first = exchange.answer(message(), last_view="check")
    assert "wrong" not in json.dumps(first["progress"])
    assert answer_all(bench, "ann", wrong=2) == list(bench.sheet.item_ids)
    last = at_check(bench).answer(message(seq=9), last_view="check")
    assert last["cards"] == []
    assert "Wrong labels: about" in " ".join(last["empty"]["lines"])
    standing = check_standing(bench.audit)
    assert (standing.summary.answered, standing.people) == (DRAWN, ("ann",))
    verdicts = [event.after for event in decisions(audit_folder)]
    assert sum('"relabel"' in after for after in verdicts) == 2, "the label it has is a keep, though nobody saw it"
    assert all('"blind": true' in after or '"blind":true' in after for after in verdicts)


def test_two_people_share_a_check_and_each_item_is_asked_for_once(bench):
    ann = at_check(bench).answer(message(client="a"), last_view="check")["hand"]
    bob = at_check(bench, "bob").answer(message(client="b"), last_view="check")["hand"]
    assert sorted(ann + bob) == sorted(bench.sheet.item_ids)
    exchange = at_check(bench, "bob")
    third = exchange.answer(message(client="c"), last_view="check")
    assert third["hand"] == []
    assert f"{DRAWN} items on the screens of others" in " ".join(third["empty"]["lines"])
    assert third["progress"]["lines"] == []


def test_who_decided_on_an_item_before_is_not_asked_and_told_so(bench):
    judged = bench.sheet.item_ids[3]
    queue = open_queue(bench.store, Filter(queue="all"), person="ann")
    click = Decision(id=new_id(), item_id=judged, verdict=Verdict.KEEP)
    queue.decide([click]).raise_refused()
    queue.undo(click.id)  # the suggestion was in sight all the same
    queue.release()
    assert judged not in answer_all(bench, "ann")
    answer = at_check(bench).answer(message(seq=40), last_view="check")
    assert "1 item left to somebody else: you decided on them before" in " ".join(answer["empty"]["lines"])
    assert answer["empty"]["title"] == "Nothing of the random check is left for you."
    assert answer_all(bench, "bob", client="b") == [judged]
    assert check_standing(bench.audit).summary.answered == DRAWN


def test_a_count_without_what_people_have_met_says_that_it_is_likely_too_low(bench):
    queue = open_queue(bench.store, Filter(queue="all"), person="ann")
    met = bench.sheet.item_ids[:3]
    queue.decide([Decision(id=new_id(), item_id=item_id, verdict=Verdict.KEEP) for item_id in met]).raise_refused()
    exchange = at_check(bench)
    card = exchange.answer(message(), last_view="check")["cards"][0]
    exchange.answer(message([look(card, given(bench)[card["item_id"]])], 2), last_view="check")
    assert check_standing(bench.audit).summary.passed_over == 0, "most of what is missing nobody has met"
    answer_all(bench, "ann")
    summary = check_standing(bench.audit).summary
    assert summary.passed_over == 3
    assert "likely too low: 3 without an answer were decided on elsewhere" in summary.errors_in_words
    answer_all(bench, "bob", client="b")
    assert "too low" not in check_standing(bench.audit).summary.errors_in_words


def test_skips_leave_an_item_to_somebody_else(bench):
    exchange = at_check(bench)
    card = exchange.answer(message(), last_view="check")["cards"][0]
    skip = decide(card, "skip", check=card["check"])
    assert card["item_id"] not in exchange.answer(message([skip], 2), last_view="check")["hand"]
    answer_all(bench, "ann")
    assert answer_all(bench, "bob", client="b") == [card["item_id"]]


def test_second_looks_go_to_somebody_else(bench):
    answer_all(bench, "ann", wrong=1)
    standing = check_standing(bench.audit)
    ask_again(bench.audit)
    assert answer_all(bench, "ann") == []
    said = " ".join(at_check(bench).answer(message(seq=90), last_view="check")["empty"]["lines"])
    assert f"{len(standing.to_look_again)} items that you answered or skipped left to somebody else" in said
    assert set(answer_all(bench, "bob", client="b")) == set(standing.to_look_again)
    assert check_standing(bench.audit).summary.looked_at_twice == len(standing.to_look_again)
    progress = at_check(bench, "bob").answer(message(seq=92, client="b"), last_view="check")["progress"]
    assert progress["decided"] == progress["total"] == DRAWN + len(standing.to_look_again)
    final = at_check(bench, "bob").answer(message(seq=91, client="b"), last_view="check")
    assert final["empty"]["title"] == "The random check is finished."


def test_only_what_was_judged_blind_is_a_look_whatever_queue_is_open_when_it_arrives(bench):
    card = at_check(bench).answer(message(client="gone"), last_view="check")["cards"][0]
    suspects = Exchange(bench=bench, person="ann", may_judge=True, filter=Filter(), order="suspicion", view="")
    label = given(bench)[card["item_id"]]
    orphans = [{"client": "gone", "commands": [look(card, label)]}]
    answer = suspects.answer({**message(client="new"), "orphans": orphans}, last_view=None)
    assert [outcome["status"] for outcome in answer["outcomes"]] == ["acknowledged"]
    assert check_standing(bench.audit).summary.answered == 1
    plain = [decide(card) for card in answer["cards"][:2]]
    at_check(bench).answer({**message(client="other"), "orphans": [{"client": "new", "commands": plain}]}, last_view="")
    assert check_standing(bench.audit).summary.answered == 1


def test_a_check_that_does_not_ask_for_the_item_is_refused(bench):
    outside = next(item for item in given(bench) if item not in bench.sheet.item_ids)
    forged = {"item_id": outside, "version": None, "content_hash": bench.audit.items.loc[outside, "content_hash"]}
    for batch in (bench.sheet.batch_id, "b-forged"):
        command = decide(forged, check=batch)
        outcome = at_check(bench).answer(message([command]), last_view="check")["outcomes"][0]
        assert (outcome["status"], outcome["message"]) == ("refused", "the item is not in that random check")


def test_an_item_that_a_lead_settles_is_no_longer_asked_for(bench):
    settled = bench.sheet.item_ids[0]
    queue = open_queue(bench.store, Filter(queue="all"), person="ann")
    queue.adjudicate([Decision(id=new_id(), item_id=settled, verdict=Verdict.AMBIGUOUS)]).raise_refused()
    assert settled not in answer_all(bench, "bob")


def test_without_a_check_the_page_says_what_one_is_for(audit_folder):
    bench = Workbench(str(audit_folder))
    bench.enter("ann")
    answer = at_check(bench).answer(message(knows=False), last_view=None)
    assert answer["empty"]["title"] == "No random check has been drawn yet."
    assert answer["hand"] == []
    assert answer["progress"]["total"] == 0
    bench.store.close()


def test_what_somebody_else_holds_is_left_out_and_what_is_held_besides_goes_back(bench):
    sheet = CheckSheet.of(bench.audit)
    ann = CheckQueue.over(bench.queue("ann", "a", Filter(queue="all"), "chance"), sheet)
    bench.queue("ann", "a", Filter(queue="suspects"), "suspicion").claim(4)
    assert [card.item_id for card in ann.claim(3)] == list(sheet.item_ids[:3])
    free = bench.queue("bob", "b", Filter(queue="suspects"), "suspicion").claim(4)
    assert {card.status for card in free} == {"open"}
    bob = CheckQueue.over(bench.queue("bob", "b2", Filter(queue="all"), "chance"), sheet)
    assert not {card.item_id for card in bob.claim(3)} & set(sheet.item_ids[:3])
    assert [card.item_id for card in ann.claim(3)] == list(sheet.item_ids[:3]), "asking again gives the same"
