"""Many writers, and processes and servers killed in the middle of their work: nothing lost, nothing twice."""

from __future__ import annotations

import os
import random
import uuid
from collections import Counter
from pathlib import Path

import pytest
import sqlalchemy as sa

from labelaudit.decisions import Decision, Undo, Verdict
from labelaudit.errors import StoreUnavailableError
from labelaudit.store import Filter, schema
from tests.store.conftest import filled
from tests.store.processes import Child, opened, pause, run_all

QUEUE = (Filter(), "suspicion")


def full_count(location, full, part):
    """The full count on SQLite; on Postgres, where a round takes longer, only if LABELAUDIT_FULL_COUNTS is set."""
    return full if isinstance(location, Path) or os.environ.get("LABELAUDIT_FULL_COUNTS") else part


def decided_ids(store):
    """Ids of all events of decisions, as often as they are there."""
    query = sa.select(schema.events.c.id).where(schema.events.c.action == "decide")
    return Counter(store.database.read(lambda connection: list(connection.scalars(query))))


def outbox(rng, item_ids):
    return [
        Decision(
            id=str(uuid.UUID(int=rng.getrandbits(128), version=4)),
            item_id=item_id,
            verdict=rng.choice([Verdict.KEEP, Verdict.AMBIGUOUS, Verdict.EXCLUDE]),
        )
        for item_id in item_ids
    ]


def make_store(location, tmp_path, n):
    store = opened(location, tmp_path)
    filled(store, n)
    store.close()  # children open their own: no connection survives a fork


def check(location, tmp_path, acknowledged):
    """Every acknowledged decision is there once, the chain is whole and the state follows from it."""
    with opened(location, tmp_path) as store:
        found = decided_ids(store)
        assert set(acknowledged) <= found.keys()
        assert set(found.values()) <= {1}
        store.verify()
        return found


def claim_and_decide_all(location, tmp_path, client, hand):
    def work(say):
        store = opened(location, tmp_path, patience=120)
        rng = random.Random(client)
        cards = store.claim(*QUEUE, hand, person="bob", client=client)
        while cards:
            say(" ".join(card.item_id for card in cards))
            batch = outbox(rng, [card.item_id for card in cards])
            outcomes, cards = store.decide(batch, person="bob", client=client, then_claim=(*QUEUE, hand))
            assert all(outcome.status == "acknowledged" for outcome in outcomes), outcomes

    return work


@pytest.mark.slow
def test_32_clients_never_share_an_item(location, tmp_path):
    n = full_count(location, 20_000, 4_000)
    make_store(location, tmp_path, n)
    said = run_all([claim_and_decide_all(location, tmp_path, f"client {k}", 50) for k in range(32)])
    claimed = Counter(item for lines in said for line in lines for item in line.split())
    assert len(claimed) == n
    assert set(claimed.values()) == {1}
    assert len(check(location, tmp_path, [])) == n


def decide_for_ever(location, tmp_path, seed):
    def work(say):
        store = opened(location, tmp_path, patience=60)
        rng = random.Random(seed)
        store.claim(*QUEUE, 3, person="bob", client=f"client {seed}")
        say("ready")
        while True:
            cards = store.claim(*QUEUE, 3, person="bob", client=f"client {seed}")
            batch = outbox(rng, [card.item_id for card in cards])
            outcomes, _ = store.decide([*batch, batch[0]], person="bob", client=f"client {seed}")
            assert [outcome.status for outcome in outcomes] == ["acknowledged"] * 3 + ["known"], outcomes
            say(" ".join(decision.id for decision in batch))

    return work


@pytest.mark.slow
def test_no_kill_at_any_moment_loses_an_acknowledged_decision(location, tmp_path):
    kills = full_count(location, 300, 80)
    make_store(location, tmp_path, 20_000)
    rng = random.Random(0)
    acknowledged, busy, latest = [], 0, 0.05
    for seed in range(kills):
        child = Child(decide_for_ever(location, tmp_path, seed))
        child.wait_for_line()
        pause(rng.uniform(0, latest))
        batches = [line.split() for line in child.kill()[1:]]
        acknowledged += [found for batch in batches for found in batch]
        busy += bool(batches)
        # Aim at the first few transactions, however fast this machine is now.
        latest *= 0.9 if len(batches) > 1 else 1.1
    assert busy > kills / 5
    check(location, tmp_path, acknowledged)


def send(location, tmp_path, batch, client):
    def work(say):
        store = opened(location, tmp_path, patience=60)
        store.claim(*QUEUE, 1, person="eve", client="warm up")
        say("sending")
        outcomes, _ = store.decide(batch, person="bob", client=client)
        say(" ".join(outcome.status for outcome in outcomes))

    return work


@pytest.mark.slow
def test_an_outbox_whose_server_was_killed_is_whole_or_absent_and_can_be_sent_again(location, tmp_path):
    make_store(location, tmp_path, 3_000)
    rng = random.Random(1)
    kills = full_count(location, 100, 40)
    sent, cut_short, latest = [], 0, 0.05
    for k in range(kills):
        batch = outbox(rng, [f"i{2999 - i:06d}" for i in range(25 * k, 25 * (k + 1))])
        child = Child(send(location, tmp_path, batch, f"client {k}"))
        child.wait_for_line()
        pause(rng.uniform(0, latest))
        answered = len(child.kill()) > 1
        cut_short += not answered
        # Aim at the time that a batch takes here and now.
        latest = latest * 0.9 if answered else latest * 1.1
        with opened(location, tmp_path, patience=60) as store:
            there = decided_ids(store).keys() & {decision.id for decision in batch}
            assert len(there) in ({25} if answered else {0, 25})
            outcomes, _ = store.decide(batch, person="bob", client=f"client {k} again")
            expected = "known" if there else "acknowledged"
            assert {outcome.status for outcome in outcomes} == {expected}
        sent += [decision.id for decision in batch]
    assert kills / 5 < cut_short < kills  # kills met batches before, in and after the transaction
    assert len(check(location, tmp_path, sent)) == len(sent)


def write_through_an_outage(location, tmp_path, writer, n):
    def work(say):
        store = opened(location, tmp_path, patience=1)
        rng = random.Random(writer)
        for k in range(n):
            batch = outbox(rng, [f"i{writer * n + k:06d}"])
            outages = 0
            while True:
                try:
                    outcomes, _ = store.decide(batch, person="bob", client=f"client {writer}")
                    break
                except StoreUnavailableError:
                    outages += 1
                    pause(0.05)
            assert outcomes[0].status in {"acknowledged", "known"}, outcomes
            say(f"{batch[0].id} {outages}")

    return work


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_postgres_may_go_away_and_come_back_under_eight_writers(postgres, tmp_path, mode):
    location, n = postgres.new_store(), 60
    make_store(location, tmp_path, 8 * n)
    children = [Child(write_through_an_outage(location, tmp_path, writer, n)) for writer in range(8)]
    for child in children:
        child.wait_for_line()
    postgres.stop(mode)
    pause(1.5)
    postgres.start()
    lines = [line.split() for child in children for line in child.join()]
    assert len(lines) == 8 * n
    assert any(int(outages) for _, outages in lines)  # the outage was longer than the patience of a writer
    assert len(check(location, tmp_path, [found for found, _ in lines])) == 8 * n


def test_writers_that_meet_wait_for_each_other(location, tmp_path):
    make_store(location, tmp_path, 200)
    said = run_all([claim_and_decide_all(location, tmp_path, f"client {k}", 5) for k in range(4)])
    claimed = Counter(item for lines in said for line in lines for item in line.split())
    assert len(claimed) == 200
    assert set(claimed.values()) == {1}
    check(location, tmp_path, [])


def test_a_kill_between_answer_and_arrival_is_harmless(location, tmp_path):
    make_store(location, tmp_path, 50)
    batch = outbox(random.Random(2), ["i000000", "i000001"])
    back = Undo(id=str(uuid.uuid4()))

    def work(say):
        with opened(location, tmp_path) as store:
            store.decide([*batch, back], person="bob", client="tab")
        say("done")

    Child(work).join()
    with opened(location, tmp_path) as store:
        outcomes, _ = store.decide([*batch, back], person="bob", client="tab")
        assert {outcome.status for outcome in outcomes} == {"known"}
        assert store.count(Filter()).decided == 1
