"""Filters, orders and pages; on SQLite and on a real Postgres."""

from __future__ import annotations

import pytest

from labelaudit.errors import UnknownNameError, UsageError
from labelaudit.store import Filter, repository
from tests.store.acting import SUSPECTS, claim, decide, decision, snapshot
from tests.store.conftest import filled


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


def test_a_queue_names_as_many_items_as_a_statement_takes(store):
    named = (*(f"no item {i}" for i in range(29_999)), "i000003")
    assert [card.item_id for card in store.page(Filter(queue="all", item_ids=named), "suspicion", person="ann")] == [
        "i000003"
    ]
    with pytest.raises(UsageError, match="30,001 items; at most 30,000"):
        Filter(item_ids=(*named, "i000004"))


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


def test_two_that_rescore_at_once_leave_one_order(store, open_store, monkeypatch):
    """The second rescores between two pieces of the first, so that each has written over some of the other's places."""
    other = open_store()
    one_way = {f"i{k:06d}": k / 30 for k in range(30)}
    another = {f"i{k:06d}": (k * 7 % 30) / 60 for k in range(30)}
    waiting = [lambda: other.rescore(another)]
    monkeypatch.setattr(repository, "_RESCORED_AT_ONCE", 10)
    monkeypatch.setattr(repository.time, "sleep", lambda _: waiting.pop()() if waiting else None)
    store.rescore(one_way)
    seen = store.page(SUSPECTS, "suspicion", person="ann", limit=1)
    while page := store.page(SUSPECTS, "suspicion", person="ann", after=seen[-1].item_id, limit=1):
        seen += page
    assert len({card.item_id for card in seen}) == 30
    assert seen == sorted(seen, key=lambda card: (-card.suspicion, card.item_id))
