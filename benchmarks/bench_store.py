"""How fast the review store is, and whether it holds at full count.

    python benchmarks/bench_store.py            latency with eight reviewers, opening queues, one rebuild
    python benchmarks/bench_store.py --full     the same with 1,000,000 events to rebuild, and longer

Two loads are measured with eight processes on one SQLite file (WAL, synchronous=FULL): *paced*, each reviewer decides
once a second as people do, and *saturated*, each decides as fast as the store lets it. A round is `claim` and `decide`
as two calls, and as the one call that the review page makes. The raw commit is what the disk itself costs: one row
appended by one process to an otherwise empty SQLite file with the same settings.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import random
import sqlite3
import statistics
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from labelaudit.decisions import Decision, Redo, Undo, Verdict
from labelaudit.reviewing import open_queue
from labelaudit.store import Binding, Filter, QueueItem, Store, schema

N_ITEMS = 100_000
REVIEWERS = 8
CLASSES = tuple(f"class {k}" for k in range(10))
BINDING = Binding("bench", "0" * 64, CLASSES)
VERDICTS = (Verdict.KEEP, Verdict.AMBIGUOUS, Verdict.RELABEL, Verdict.SKIP)


def queue_items(n: int) -> Iterator[QueueItem]:
    """Yield flagged items in ten classes and four slices."""
    rng = random.Random(0)
    for k in range(n):
        given, suggested = rng.sample(CLASSES, 2)
        yield QueueItem(
            item_id=f"item-{k:07d}",
            row=k + 1,
            content_hash=f"{k:032x}",
            given_label=given,
            suggested_label=suggested,
            suggested_probability=0.9,
            suspicion=1 - k / n,
            ambiguity=rng.random(),
            is_suspect=True,
            is_ambiguous=k % 5 == 0,
            kind="wrong_label",
            suspicion_rank=k + 1,
            ambiguity_rank=None,
            groups=(("channel", f"channel {k % 4}"),),
        )


def make_store(folder: Path, n: int = N_ITEMS) -> Path:
    """Make a store of `n` flagged items and eight reviewers."""
    place = folder / "store.sqlite"
    with Store(place, backups=folder) as store:
        store.team.enter("lead")
        store.bind(BINDING, queue_items(n), person="lead")
        for k in range(REVIEWERS):
            store.team.set_person(f"reviewer {k}", "reviewer", by="lead")
    return place


def decision(rng: random.Random, item_id: str, given: str | None) -> Decision:
    verdict = rng.choice(VERDICTS)
    labels = (rng.choice([name for name in CLASSES if name != given]),) if verdict is Verdict.RELABEL else ()
    return Decision(id=str(uuid.uuid4()), item_id=item_id, verdict=verdict, labels=labels, active_ms=3_000)


def review(place: Path, k: int, seconds: float, pace: float, joined: bool, out: multiprocessing.Queue) -> None:  # type: ignore[type-arg]
    """Review for a while; report the milliseconds of each round of claim and decide."""
    store, rng = Store(place, backups=place.parent), random.Random(k)
    queue = open_queue(store, person=f"reviewer {k}", client=f"client {k}-{uuid.uuid4()}")
    cards = queue.claim(1)
    queue.decide([decision(rng, cards[0].item_id, cards[0].given_label)])
    cards = queue.claim(1)
    rounds, end = [], time.perf_counter() + seconds
    time.sleep(rng.uniform(0, pace))
    while time.perf_counter() < end:
        start = time.perf_counter()
        batch = [decision(rng, cards[0].item_id, cards[0].given_label)]
        if joined:
            cards = list(queue.decide(batch, then_claim=1).cards)
        else:
            queue.decide(batch)
            cards = queue.claim(1)
        rounds.append((time.perf_counter() - start) * 1e3)
        time.sleep(max(0.0, pace * rng.uniform(0.5, 1.5) - (time.perf_counter() - start)) if pace else 0)
    store.close()
    out.put(rounds)


def measure_load(
    place: Path, seconds: float, pace: float, *, joined: bool, reviewers: int = REVIEWERS
) -> dict[str, float]:
    context = multiprocessing.get_context("spawn")
    out = context.Queue()
    processes = [context.Process(target=review, args=(place, k, seconds, pace, joined, out)) for k in range(reviewers)]
    for process in processes:
        process.start()
    rounds = sorted(value for _ in processes for value in out.get())
    for process in processes:
        process.join()
    return {
        "rounds": len(rounds),
        "per_second": round(len(rounds) / seconds, 1),
        "p50_ms": round(rounds[len(rounds) // 2], 1),
        "p95_ms": round(rounds[int(len(rounds) * 0.95)], 1),
        "p99_ms": round(rounds[int(len(rounds) * 0.99)], 1),
    }


def measure_loads(place: Path, seconds: float) -> dict[str, object]:
    found: dict[str, object] = {}
    for label, pace in (("paced", 1.0), ("saturated", 0.0)):
        for joined in (False, True):
            what = f"{label}, {'one call' if joined else 'claim + decide'}"
            found[what] = measure_load(place, seconds, pace, joined=joined)
    found["saturated, one reviewer"] = measure_load(place, seconds / 2, 0.0, joined=False, reviewers=1)
    return found


def measure_raw_commit(folder: Path) -> dict[str, float]:
    connection = sqlite3.connect(folder / "raw.sqlite", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE t (a)")
    times = []
    for _ in range(400):
        start = time.perf_counter()
        connection.execute("INSERT INTO t VALUES (1)")
        times.append((time.perf_counter() - start) * 1e3)
    connection.close()
    return {"p50_ms": round(statistics.median(times), 2), "p95_ms": round(sorted(times)[380], 2)}


FILTERS = {
    "suspects": Filter(),
    "ambiguous": Filter(queue="ambiguous"),
    "all": Filter(queue="all"),
    "class": Filter(given_label=CLASSES[3]),
    "pair": Filter(given_label=CLASSES[3], suggested_label=CLASSES[4]),
    "slice": Filter(group=("channel", "channel 2")),
    "slice of a pair": Filter(given_label=CLASSES[3], suggested_label=CLASSES[4], group=("channel", "channel 2")),
    "kind": Filter(kind="wrong_label"),
    "decided": Filter(status="decided"),
    "verdict": Filter(queue="all", verdict="relabel"),
    "conflicts": Filter(queue="conflicts"),
    "skipped": Filter(queue="skipped"),
    "1,000 named items": Filter(queue="all", item_ids=tuple(f"item-{k * 97:07d}" for k in range(1000))),
}


def measure_opening(place: Path) -> dict[str, float]:
    """Milliseconds to open a queue and show its counts and first page; the median of five, in the worst order."""
    found = {}
    with Store(place, backups=place.parent) as store:
        for name, wanted in FILTERS.items():
            worst = 0.0
            for order in ("suspicion", "ambiguity", "chance"):
                times = []
                for _ in range(5):
                    start = time.perf_counter()
                    queue = open_queue(store, wanted, order, person="lead", client="bench")
                    queue.counts()
                    queue.page(limit=50)
                    times.append((time.perf_counter() - start) * 1e3)
                worst = max(worst, statistics.median(times))
            found[name] = round(worst, 1)
    return found


def fill_with_events(place: Path, n: int) -> None:
    """Append `n` events by way of the store: decisions of eight people on all items, some undone and redone."""
    rng = random.Random(1)
    with Store(place, backups=place.parent) as store:
        for number in range(0, n, 10_000):
            person = f"reviewer {number // 10_000 % REVIEWERS}"
            batch: list[Decision | Undo | Redo] = []
            for k in range(min(10_000, n - number)):
                if k % 1000 == 998:
                    batch.append(Undo(id=str(uuid.uuid4())))
                elif k % 1000 == 999:
                    batch.append(Redo(id=str(uuid.uuid4())))
                else:
                    batch.append(decision(rng, f"item-{rng.randrange(N_ITEMS):07d}", None))
            store.decide(batch, person=person, client="fill")


def measure_rebuild(place: Path) -> dict[str, object]:
    """Seconds to rebuild from nothing but the events, and whether the tables are what they were."""
    with Store(place, backups=place.parent) as store:
        before = _tables(store)
        store.database.write(_forget)
        start, used = time.perf_counter(), time.process_time()
        store.rebuild()
        seconds, used = time.perf_counter() - start, time.process_time() - used
        same = _tables(store) == before
        start = time.perf_counter()
        count, _ = store.verify()
        verifying = time.perf_counter() - start
    return {
        "events": count,
        "rebuild_s": round(seconds, 1),
        "rebuild_processor_s": round(used, 1),
        "equal": same,
        "verify_s": round(verifying, 1),
    }


def _forget(connection: sa.Connection) -> None:
    """Empty what is projected, so that a rebuild finds nothing done."""
    connection.execute(sa.delete(schema.opinions))
    connection.execute(sa.delete(schema.actions))
    nothing = {"needed": 1, "given_opinions": 0, "status": "open", "verdict": None, "label": None, "version": 0}
    connection.execute(sa.update(schema.items).values(nothing))


def _tables(store: Store) -> dict[str, set[tuple[object, ...]]]:
    tables = (schema.items, schema.opinions, schema.actions, schema.people, schema.assignments, schema.settings)

    def read(connection: sa.Connection) -> dict[str, set[tuple[object, ...]]]:
        return {table.name: set(map(tuple, connection.execute(sa.select(table)))) for table in tables}

    return store.database.read(read)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="1,000,000 events and longer loads")
    parser.add_argument("--only", choices=["load", "open", "rebuild"], help="one part only")
    parser.add_argument("--out", type=Path, help="write the numbers as JSON")
    arguments = parser.parse_args()
    seconds = 30.0 if arguments.full else 8.0
    results: dict[str, object] = {
        "machine": f"{os.cpu_count()} cores, {platform.platform()}, SQLite {sqlite3.sqlite_version}",
        "load_average": os.getloadavg()[0],
    }
    with tempfile.TemporaryDirectory(prefix="labelaudit-bench-") as name:
        folder = Path(name)
        start = time.perf_counter()
        place = make_store(folder)
        results["first_opening_s"] = round(time.perf_counter() - start, 1)
        results["raw_commit"] = measure_raw_commit(folder)
        if arguments.only in {None, "load"}:
            results |= measure_loads(place, seconds)
        if arguments.only in {None, "open"}:
            results["open_queue_ms"] = measure_opening(place)
        if arguments.only in {None, "rebuild"}:
            fill_with_events(place, 1_000_000 if arguments.full else 50_000)
            results["rebuild"] = measure_rebuild(place)
    results["load_average_after"] = os.getloadavg()[0]
    for key, value in results.items():
        print(f"{key}: {value}")
    if arguments.out:
        arguments.out.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
