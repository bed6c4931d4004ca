"""How fast the review store is, and whether it holds at full count.

    python benchmarks/bench_store.py            latency with eight reviewers, opening queues, one rebuild
    python benchmarks/bench_store.py --full     the same with 1,000,000 events to rebuild, every filter, and longer
    python benchmarks/bench_store.py --full --keep FOLDER     in a folder that stays: the next run goes on there

Two loads are measured with eight processes on one SQLite file (WAL, synchronous=FULL): *paced*, each reviewer decides
once a second as people do, and *saturated*, each decides as fast as the store lets it. A round is `claim` and `decide`
as two calls, and as the one call that the review page makes. The raw commit is what the disk itself costs: one row
appended by one process to an otherwise empty SQLite file with the same settings.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
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
from collections.abc import Iterable, Iterator
from dataclasses import replace
from multiprocessing.synchronize import Barrier
from pathlib import Path

import sqlalchemy as sa

from labelaudit.decisions import Action, Decision, Redo, Rules, Undo, Verdict
from labelaudit.reviewing import open_queue
from labelaudit.store import ORDERS, QUEUES, Binding, Filter, QueueItem, Store, schema

N_ITEMS = 100_000
REVIEWERS = 8
CLASSES = tuple(f"class {k}" for k in range(10))
BINDING = Binding("bench", "0" * 64, CLASSES)
VERDICTS = (Verdict.KEEP, Verdict.AMBIGUOUS, Verdict.RELABEL, Verdict.SKIP)


def queue_items(n: int) -> Iterator[QueueItem]:
    """Yield flagged items in ten classes and four slices, most suspicious first; their ids are in no such order."""
    rng = random.Random(0)
    numbers = random.Random(2).sample(range(n), n)
    for k in range(n):
        given, suggested = rng.sample(CLASSES, 2)
        yield QueueItem(
            item_id=f"item-{numbers[k]:07d}",
            row=numbers[k] + 1,
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


def review(
    place: Path,
    k: int,
    seconds: float,
    pace: float,
    joined: bool,
    all_ready: Barrier,
    out: multiprocessing.Queue[tuple[list[float], float]],
) -> None:
    """Review for a while; report the milliseconds of each round of claim and decide, and of processor time in all."""
    store, rng = Store(place, backups=place.parent), random.Random(k)
    queue = open_queue(store, person=f"reviewer {k}", client=f"client {k}-{uuid.uuid4()}")
    cards = queue.claim(1)
    queue.decide([decision(rng, cards[0].item_id, cards[0].given_label)])
    cards = queue.claim(1)
    all_ready.wait()  # nobody is measured while others still load their modules
    rounds, end, used = [], time.perf_counter() + seconds, time.process_time()
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
    out.put((rounds, (time.process_time() - used) * 1e3))
    store.close()


def measure_load(
    place: Path, seconds: float, pace: float, *, joined: bool, reviewers: int = REVIEWERS
) -> dict[str, float]:
    context = multiprocessing.get_context("spawn")
    out = context.Queue()
    all_ready = context.Barrier(reviewers)
    processes = [
        context.Process(target=review, args=(place, k, seconds, pace, joined, all_ready, out)) for k in range(reviewers)
    ]
    for process in processes:
        process.start()
    reports = [out.get() for _ in processes]
    for process in processes:
        process.join()
    rounds = sorted(value for report, _ in reports for value in report)
    return {
        "rounds": len(rounds),
        "per_second": round(len(rounds) / seconds, 1),
        "p50_ms": round(rounds[len(rounds) // 2], 1),
        "p95_ms": round(rounds[int(len(rounds) * 0.95)], 1),
        "p99_ms": round(rounds[int(len(rounds) * 0.99)], 1),
        "processor_ms_a_round": round(sum(used for _, used in reports) / len(rounds), 2),
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
    connection.execute("CREATE TABLE IF NOT EXISTS t (a)")
    times = []
    for _ in range(400):
        start = time.perf_counter()
        connection.execute("INSERT INTO t VALUES (1)")
        times.append((time.perf_counter() - start) * 1e3)
    connection.close()
    return {"p50_ms": round(statistics.median(times), 2), "p95_ms": round(sorted(times)[380], 2)}


GIVEN, SUGGESTED = (None, CLASSES[3]), (None, CLASSES[4])
KINDS = (None, "wrong_label", "none such")
GROUPS = (None, ("channel", "channel 2"), ("channel", "none such"))
STATES = (None, "open", "decided", "conflict")
VERDICTS_ASKED_FOR = (None, "relabel")
NAMED = (None, tuple(f"item-{k * 97:07d}" for k in range(1000)))


def offered() -> Iterator[tuple[Filter, str]]:
    """Yield every combination of queue, conditions and order; a condition that nothing meets reads most."""
    conditions = itertools.product(QUEUES, GIVEN, SUGGESTED, KINDS, GROUPS, STATES, VERDICTS_ASKED_FOR, NAMED, ORDERS)
    for queue, given, suggested, kind, group, status, verdict, item_ids, order in conditions:
        asked = {"given_label": given, "suggested_label": suggested, "kind": kind, "status": status, "verdict": verdict}
        yield Filter(queue=queue, group=group, item_ids=item_ids, **asked), order


def measure_opening(place: Path, every: int) -> dict[str, object]:
    """Milliseconds to open a queue and show its counts and first page, over each `every`-th combination offered.

    What took more than 60 ms is asked again, twice, and the least counts: on a shared machine that separates the work
    from waiting for a core. Processor time stands beside.
    """
    found = []
    with Store(place, backups=place.parent) as store:
        for wanted, order in itertools.islice(offered(), 0, None, every):
            wall, used = opening(store, wanted, order)
            for _ in range(2 if wall > 60 else 0):
                again = opening(store, wanted, order)
                wall, used = min(wall, again[0]), min(used, again[1])
            found.append((wall, used, wanted, order))
    found.sort(key=lambda row: row[0], reverse=True)
    walls, processor = [row[0] for row in found], [row[1] for row in found]
    return {
        "combinations": len(found),
        "worst_ms": [f"{row[0]:.0f} ({row[1]:.0f} of processor time): {_told(*row[2:])}" for row in found[:8]],
        "median_ms": round(statistics.median(walls), 1),
        "p99_ms": round(walls[len(walls) // 100], 1),
        "over_100_ms": sum(wall > 100 for wall in walls),
        "worst_processor_ms": round(max(processor), 1),
        "over_100_processor_ms": sum(value > 100 for value in processor),
    }


def opening(store: Store, wanted: Filter, order: str) -> tuple[float, float]:
    """Return the milliseconds of one opening: wall and processor time."""
    start, used = time.perf_counter(), time.process_time()
    queue = open_queue(store, wanted, order, person="lead", client="bench")
    queue.counts()
    queue.page(limit=50)
    return (time.perf_counter() - start) * 1e3, (time.process_time() - used) * 1e3


def _told(wanted: Filter, order: str) -> str:
    asked = {name: value for name, value in vars(wanted).items() if value is not None}
    if wanted.item_ids is not None:
        asked["item_ids"] = f"{len(wanted.item_ids):,} items"
    return f"{asked} by {order}"


def fill_with_events(place: Path, n: int) -> None:
    """Bring the log to `n` events by way of the store, each decided against the tables as they were just then.

    Eight people go through the queue in its order, in outboxes of 10,000, as long as it takes. Nine items of ten need
    eight opinions; on the others later ones are refused. Some decisions are taken back, some of these brought back, a
    lead adjudicates, known answers are set, and one decision in fifty has a note of its own.
    """
    rng = random.Random(1)
    with Store(place, backups=place.parent) as store:
        store.team.set_rules(Rules(opinions=REVIEWERS, overlap=0.9), by="lead")
        rounds = itertools.product(range(0, N_ITEMS, 10_000), range(REVIEWERS))
        for start, k in itertools.cycle(rounds):
            left = n - _events_in(store)
            if left <= 0:
                return
            batch = outbox(rng, range(start, start + 10_000))[:left]
            store.decide(batch, person=f"reviewer {k}", client="fill")
            if k == REVIEWERS - 1:
                _lead(store, rng, start, left - len(batch))


def outbox(rng: random.Random, items: Iterable[int]) -> list[Decision | Undo | Redo]:
    batch: list[Decision | Undo | Redo] = []
    for k in items:
        made = decision(rng, f"item-{k:07d}", None)
        batch.append(replace(made, note=f"note {rng.random()}") if k % 50 == 7 else made)
        if k % 1000 == 998:
            batch += [Undo(id=str(uuid.uuid4())) for _ in range(3)] + [Redo(id=str(uuid.uuid4())) for _ in range(2)]
    return batch


def _lead(store: Store, rng: random.Random, start: int, left: int) -> None:
    for action, places in ((Action.ADJUDICATE, (11, 37)), (Action.GOLD, (59,))):
        items = [k for k in range(start, start + 10_000) if k % 100 in places][: max(left, 0)]
        made = [replace(decision(rng, f"item-{k:07d}", None), verdict=Verdict.AMBIGUOUS, labels=()) for k in items]
        store.decide(made, person="lead", client="fill", action=action)
        left -= len(made)


def _events_in(store: Store) -> int:
    return store.database.read(lambda connection: int(connection.scalar(sa.select(schema.head.c.seq)) or 0))


def measure_rebuild(place: Path) -> dict[str, object]:
    """Seconds to rebuild from nothing but the events, then over full tables, and whether all rows are what they were.

    The tables as decisions have written them one by one are copied to a database beside the store before, and compared
    with it row by row, column by column.
    """
    with Store(place, backups=place.parent) as store:
        count = _events_in(store)
        copy = _copied(place)
        found: dict[str, object] = {"events": count}
        for what in ("from nothing", "over full tables"):
            if what == "from nothing":
                store.database.write(_forget)
                found["rows that differ when forgotten"] = _differences(place, copy)
            start, used = time.perf_counter(), time.process_time()
            store.rebuild()
            found[f"rebuild {what}, s"] = round(time.perf_counter() - start, 1)
            found[f"rebuild {what}, processor s"] = round(time.process_time() - used, 1)
            differing = _differences(place, copy)
            found[f"rebuilt {what}"] = "EQUAL" if not any(differing.values()) else f"UNEQUAL: {differing}"
        found["rows"] = _sizes(copy)
        start, used = time.perf_counter(), time.process_time()
        store.verify()
        found["verify, s"] = round(time.perf_counter() - start, 1)
        found["verify, processor s"] = round(time.process_time() - used, 1)
    return found


PROJECTED = ("items", "opinions", "actions", "people", "assignments", "settings")


def _copied(place: Path) -> Path:
    copy = place.with_name("before.sqlite")
    copy.unlink(missing_ok=True)
    with contextlib.closing(sqlite3.connect(place)) as connection:
        connection.execute("ATTACH ? AS before", (str(copy),))
        for name in PROJECTED:
            connection.execute(f"CREATE TABLE before.{name} AS SELECT * FROM main.{name}")
        connection.commit()
    return copy


def _differences(place: Path, copy: Path) -> dict[str, int]:
    """Count the rows of each table that are in one of the databases only."""
    found = {}
    with contextlib.closing(sqlite3.connect(place)) as connection:
        connection.execute("ATTACH ? AS before", (str(copy),))
        for name in PROJECTED:
            rows = [f"SELECT * FROM {side}.{name}" for side in ("main", "before")]
            sizes = [connection.execute(f"SELECT count(*) FROM ({query})").fetchone()[0] for query in rows]
            lost = connection.execute(f"SELECT count(*) FROM ({rows[1]} EXCEPT {rows[0]})").fetchone()[0]
            # Rows have a key, so none is there twice: as many rows and none lost means the same rows.
            found[name] = lost + abs(sizes[0] - sizes[1])
    return found


def _sizes(copy: Path) -> dict[str, int]:
    with contextlib.closing(sqlite3.connect(copy)) as connection:
        return {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in PROJECTED}


def _forget(connection: sa.Connection) -> None:
    """Empty what is projected, so that a rebuild finds nothing done."""
    connection.execute(sa.delete(schema.opinions))
    connection.execute(sa.delete(schema.actions))
    nothing = {"needed": 1, "given_opinions": 0, "status": "open", "verdict": None, "label": None, "version": 0}
    connection.execute(sa.update(schema.items).values(nothing))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="1,000,000 events and longer loads")
    parser.add_argument("--only", choices=["load", "open", "rebuild"], help="one part only")
    parser.add_argument("--out", type=Path, help="write the numbers as JSON")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="work in this folder and leave the store there")
    arguments = parser.parse_args()
    seconds = 30.0 if arguments.full else 8.0
    results: dict[str, object] = {
        "machine": f"{os.cpu_count()} cores, {platform.platform()}, SQLite {sqlite3.sqlite_version}",
        "load_average": os.getloadavg()[0],
    }
    with tempfile.TemporaryDirectory(prefix="labelaudit-bench-") as name:
        folder = arguments.keep or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        start = time.perf_counter()
        place = make_store(folder)
        results["first_opening_s"] = round(time.perf_counter() - start, 1)
        results["raw_commit"] = measure_raw_commit(folder)
        if arguments.only in {None, "load"}:
            results |= measure_loads(place, seconds)
        if arguments.only in {None, "open"}:
            results["open_queue"] = measure_opening(place, 1 if arguments.full else 29)
        if arguments.only in {None, "rebuild"}:
            start = time.perf_counter()
            fill_with_events(place, 1_000_000 if arguments.full else 50_000)
            results["filled_in_s"] = round(time.perf_counter() - start, 1)
            results["rebuild"] = measure_rebuild(place)
    results["load_average_after"] = os.getloadavg()[0]
    for key, value in results.items():
        print(f"{key}: {value}")
    if arguments.out:
        arguments.out.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
