"""From an audit to its queue and back."""

from __future__ import annotations

import pandas as pd
import pytest

from labelaudit.audit_folder import Audit
from labelaudit.config import AuditConfig
from labelaudit.decisions import Decision, Rules, Verdict
from labelaudit.errors import DecisionRefusedError, StoreError, UnknownNameError, UsageError
from labelaudit.reviewing import (
    Filter,
    carry_over,
    check_carry_over,
    check_reviews,
    new_id,
    open_queue,
    open_store,
    queue_items,
)

CLASSES = ("cat", "dog")


def make_audit(n=12, *, contents=None, given=None, names=None) -> Audit:
    """An audit whose numbers nobody needs here."""
    names = names or [f"t{k:03d}" for k in range(n)]
    given = given or ["cat" if k % 2 else "dog" for k in range(n)]
    items = pd.DataFrame(
        {
            "row": range(1, n + 1),
            "content_hash": contents or [f"c{k}" for k in range(n)],
            "given_label": pd.array(given, dtype="string"),
            "suggested_label": ["dog" if label == "cat" else "cat" for label in given],
            "suggested_probability": 0.9,
            "suspicion": pd.array([None if k == n - 1 else 1 - k / n for k in range(n)], dtype="Float64"),
            "ambiguity": 0.5,
            "is_suspect": [k < n // 2 for k in range(n)],
            "is_ambiguous": [k % 3 == 0 for k in range(n)],
            "rank": pd.array([None if k == n - 1 else k + 1 for k in range(n)], dtype="Int64"),
            "ambiguity_rank": range(1, n + 1),
            "kind": pd.array(["wrong_label" if k < n // 2 else None for k in range(n)], dtype="string"),
            "status": "assessed",
            "reasons": "",
            "preview": "",
            "group:channel": ["mail", "chat"] * (n // 2),
        },
        index=pd.Index(names, name="id"),
    )
    return Audit(
        items=items,
        classes=CLASSES,
        config=AuditConfig(),
        fingerprint=f"{n}{given}{contents}",
        provenance={},
        health={},
        statistics={},
    )


@pytest.fixture
def audit(tmp_path):
    return make_audit().save(tmp_path / "pets.audit")


def decision(item_id, verdict=Verdict.KEEP, *labels, **changes):
    return Decision(id=new_id(), item_id=item_id, verdict=verdict, labels=labels, **changes)


def test_the_first_to_open_a_queue_leads_it(audit):
    queue = open_queue(audit, person="ann")
    assert queue.counts().total == 6
    assert [card.item_id for card in queue.claim(2)] == ["t000", "t001"]
    queue.decide([decision("t000", Verdict.RELABEL, "cat")]).raise_refused()
    assert queue.progress().precision == 1
    queue.close()
    with pytest.raises(DecisionRefusedError, match=r"with --as NAME.* A lead adds people"):
        open_queue(audit.path, person="bob")


def test_nulls_of_the_audit_arrive_as_none(audit):
    items = list(queue_items(audit.items))
    assert (items[-1].suspicion, items[-1].suspicion_rank, items[-1].kind) == (None, None, None)
    assert (items[0].suspicion, items[0].suspicion_rank, items[0].row) == (1.0, 1, 1)
    assert items[1].groups == (("channel", "chat"),)
    queue = open_queue(audit, Filter(queue="all"), person="ann")
    assert queue.page(limit=50)[-1].item_id == "t011"
    queue.close()


def test_an_outbox_is_answered_with_the_next_cards(audit):
    queue = open_queue(audit, person="ann")
    hand = queue.claim(3)
    answer = queue.decide([decision(card.item_id) for card in hand], then_claim=3)
    assert [outcome.status for outcome in answer.outcomes] == ["acknowledged"] * 3
    assert [card.item_id for card in answer.cards] == ["t003", "t004", "t005"]
    assert queue.undo().item_ids == ("t002",)
    assert queue.redo().item_ids == ("t002",)
    assert queue.history(limit=1)[0].action == "redo"
    queue.close()


def test_another_view_of_the_queue_gives_back_what_the_first_one_held(audit):
    queue = open_queue(audit, person="ann")
    queue.claim(6)
    other = queue.where(Filter(queue="all", group=("channel", "chat")), "chance")
    assert len(other.claim(99)) == 6
    queue.close()


def test_refusals_can_be_raised(audit):
    queue = open_queue(audit, person="ann")
    with pytest.raises(DecisionRefusedError, match="no class 'fox'"):
        queue.decide([decision("t000"), decision("t001", Verdict.RELABEL, "fox")]).raise_refused()
    queue.close()


def test_a_store_of_another_audit_is_refused(audit, tmp_path):
    open_queue(audit, person="ann").close()
    later = make_audit(14).save(audit.path)
    with pytest.raises(StoreError, match="labelaudit store carry"):
        open_queue(later, person="ann")
    done = carry_over(later, later, person="ann")
    assert (done.kept, done.set_aside) == (0, 0)
    open_queue(later, person="ann").close()


def test_decisions_go_along_to_the_audit_of_grown_data(audit, tmp_path):
    queue = open_queue(audit, person="ann")
    queue.decide([decision("t000", Verdict.RELABEL, "cat"), decision("t001"), decision("t002", Verdict.EXCLUDE)])
    queue.close()
    contents = [f"c{k}" for k in range(14)]
    contents[2] = "edited"
    given = ["cat" if k % 2 or k == 0 else "dog" for k in range(14)]
    later = make_audit(14, contents=contents, given=given).save(tmp_path / "later.audit")
    done = carry_over(audit, later, person="ann")
    assert (done.kept, done.set_aside) == (2, 1)
    queue = open_queue(later, Filter(queue="all"), person="ann")
    assert queue.counts().decided == 2
    assert "t000" not in {card.item_id for card in queue.claim(99)}
    queue.store.verify()
    queue.close()
    with pytest.raises(StoreError, match="holds decisions already"):
        carry_over(audit, later, person="ann")
    with pytest.raises(StoreError, match="another folder"):
        check_carry_over(audit, later, person="ann")


def test_only_a_lead_takes_decisions_along(audit, tmp_path):
    queue = open_queue(audit, person="ann")
    queue.store.team.set_person("bob", "reviewer", by="ann")
    queue.close()
    later = make_audit(14).save(tmp_path / "later.audit")
    for other in ("bob", "nobody"):
        with pytest.raises(DecisionRefusedError):
            carry_over(audit, later, person=other)
        with pytest.raises(DecisionRefusedError):
            check_carry_over(audit, tmp_path / "none yet", person=other)
    check_carry_over(audit, tmp_path / "none yet", person="ann")
    check_carry_over(audit, audit, person="ann")
    check_carry_over(later, audit, person="bob")  # there are no reviews to take along
    assert not (tmp_path / "later.audit" / "reviews").exists()
    assert carry_over(audit, later, person="ann").kept == 0


def test_carrying_over_goes_on_after_an_interruption(audit, tmp_path):
    queue = open_queue(audit, person="ann")
    queue.decide([decision("t001")])
    later = make_audit(14).save(tmp_path / "later.audit")
    with open_store(later, create=True) as copied:
        queue.store.copy_to(copied)
    queue.close()
    check_carry_over(audit, later, person="ann")
    assert carry_over(audit, later, person="ann").kept == 1


def test_an_audit_made_again_of_the_same_data_keeps_every_decision(audit, tmp_path):
    queue = open_queue(audit, person="ann")
    queue.decide([decision("t001"), decision("t002", Verdict.SKIP)]).raise_refused()
    queue.close()
    same = make_audit().save(tmp_path / "again.audit")
    assert same.audit_id == audit.audit_id
    done = carry_over(audit, same, person="ann")
    assert (done.kept, done.set_aside) == (2, 0)


def test_a_database_goes_on_with_the_next_audit(audit, tmp_path):
    url = f"sqlite:///{tmp_path}/team.sqlite"
    queue = open_queue(audit, person="ann", store=url)
    queue.decide([decision("t001"), decision("t002", Verdict.EXCLUDE)]).raise_refused()
    queue.store.team.set_person("bob", "reviewer", by="ann")
    queue.close()
    with pytest.raises(DecisionRefusedError):
        check_carry_over(audit, tmp_path / "none yet", person="bob", store=url)
    assert check_carry_over(audit, tmp_path / "none yet", person="ann", store=url)
    later = make_audit(14).save(tmp_path / "later.audit")
    assert carry_over(audit, later, person="ann", store=url).kept == 2
    assert carry_over(later, later, person="ann", store=url).kept == 2, "doing it again changes nothing"
    check_reviews(later, store=url)
    queue = open_queue(later, Filter(queue="all"), person="ann", store=url)
    assert queue.counts().decided == 2
    queue.store.verify()
    queue.close()
    with pytest.raises(StoreError, match="labelaudit store carry"):
        check_reviews(audit, store=url)
    with pytest.raises(StoreError, match="and the earlier audit is"):
        carry_over(audit, later, person="ann", store=url)
    (tmp_path / "x").mkdir()
    again = make_audit(16).save(later.path)  # in its place
    assert carry_over(tmp_path / "x" / ".." / "later.audit", again, person="ann", store=url).kept == 2


def test_who_has_the_earlier_audit_open_decides_on_nothing_of_the_later(audit, tmp_path):
    url = f"sqlite:///{tmp_path}/team.sqlite"
    queue = open_queue(audit, person="ann", store=url)
    queue.claim(3)
    later = make_audit(contents=["edited", *(f"c{k}" for k in range(1, 12))]).save(tmp_path / "later.audit")
    carry_over(audit, later, person="ann", store=url)
    for ask in (lambda: queue.claim(3), lambda: queue.decide([decision("t000")]), queue.page, queue.undo):
        with pytest.raises(StoreError, match="has gone on with the audit"):
            ask()
    queue.close()
    queue = open_queue(later, person="ann", store=url)
    assert queue.progress().counts.decided == 0
    queue.close()


def test_decisions_in_a_folder_go_along_into_an_empty_database(audit, tmp_path):
    url = f"sqlite:///{tmp_path}/team.sqlite"
    queue = open_queue(audit, person="ann")
    queue.decide([decision("t001")]).raise_refused()
    queue.close()
    later = make_audit(14).save(tmp_path / "later.audit")
    assert check_carry_over(audit, later, person="ann", store=url)
    assert carry_over(audit, later, person="ann", store=url).kept == 1
    check_reviews(later, store=url)
    assert not (tmp_path / "later.audit" / "reviews").exists()


def test_places_that_cannot_be(audit, tmp_path):
    with pytest.raises(UsageError, match="not saved"):
        open_queue(make_audit(), person="ann")
    with pytest.raises(StoreError, match="no reviews"):
        open_store(audit)
    with pytest.raises(StoreError, match="no audit folder"):
        open_store(tmp_path / "nowhere.audit", create=True)
    with pytest.raises(UnknownNameError, match="Did you mean 'suspects'"):
        Filter(queue="suspect")
    with pytest.raises(UnknownNameError, match="Did you mean 'suspicion'"):
        open_queue(audit, order="suspicon", person="ann")


def test_statistics_say_who_agrees_and_who_is_anchored(audit):
    lead = open_queue(audit, Filter(queue="all"), person="ann")
    team = lead.store.team
    for name in ("bob", "eve"):
        team.set_person(name, "reviewer", by="ann")
    team.set_rules(Rules(opinions=2, blind_first=True), by="ann")
    bob = open_queue(lead.store, Filter(queue="all"), person="bob")
    eve = open_queue(lead.store, Filter(queue="all"), person="eve")
    lead.set_gold([decision("t000", Verdict.RELABEL, "cat")]).raise_refused()
    bob.claim(6)
    bob.decide([decision(f"t{k:03d}", Verdict.KEEP, active_ms=2_000) for k in range(6)])
    bob.decide([decision("t001", Verdict.RELABEL, "dog", active_ms=1_000)])
    team.set_rules(Rules(opinions=2), by="ann")
    eve.claim(6)
    eve.decide(
        [decision("t000", Verdict.RELABEL, "cat", active_ms=500)]
        + [decision(f"t{k:03d}", Verdict.KEEP, active_ms=500) for k in range(1, 5)]
        + [decision("t005", Verdict.SKIP)]
    )
    found = lead.statistics()
    people = {one.person: one for one in found.people}
    assert (people["bob"].decisions, people["eve"].decisions) == (7, 6)
    assert people["bob"].seconds_per_decision == pytest.approx(13 / 7)
    assert people["eve"].seconds_per_decision == pytest.approx(0.5)  # how long the skip took is not known
    assert (people["bob"].gold.part, people["eve"].gold.part, people["eve"].gold.whole) == (0, 1, 1)
    assert (people["bob"].accepted_blind.part, people["bob"].accepted_blind.whole) == (0, 5)
    assert (people["eve"].accepted_shown.part, people["eve"].accepted_shown.whole) == (1, 5)  # not the skip
    assert people["bob"].common == people["eve"].common == 5
    assert people["bob"].kappa == people["eve"].kappa
    assert -1 <= found.alpha < 1
    assert {each.given_label: each.decisions for each in found.classes} == {"cat": 7, "dog": 6}
    with pytest.raises(DecisionRefusedError, match="statistics are for leads"):
        bob.statistics()
    lead.close()


def test_statistics_name_who_always_takes_the_suggestion_and_of_whom_it_cannot_be_told(tmp_path):
    lead = open_queue(make_audit(60).save(tmp_path / "many.audit"), Filter(queue="all"), person="ann")
    other = {"cat": "dog", "dog": "cat"}
    given = {f"t{k:03d}": "cat" if k % 2 else "dog" for k in range(60)}
    names = list(given)
    for name in ("bob", "eve"):
        lead.store.team.set_person(name, "reviewer", by="ann")
    known = [
        decision(name, Verdict.KEEP) if k % 4 < 2 else decision(name, Verdict.RELABEL, other[given[name]])
        for k, name in enumerate(names[:40])
    ]
    lead.set_gold(known).raise_refused()
    bob, eve = (open_queue(lead.store, Filter(queue="all"), person=name) for name in ("bob", "eve"))
    bob.decide([decision(name, Verdict.RELABEL, other[given[name]]) for name in names[:40]]).raise_refused()
    eve.decide([decision(name) for name in names[40:]]).raise_refused()
    found = lead.statistics()
    assert {one.person: str(one.one_sided) for one in found.people} == {
        "bob": "takes suggestions",
        "eve": "cannot be told",
    }
    first, second = found.one_sided_notes()
    assert first.startswith("bob takes suggestions: took 20 of 20 suggestions known to be wrong")
    assert second.startswith("Of eve it cannot be told who always takes the suggestion, or always keeps the label")
    lead.close()
