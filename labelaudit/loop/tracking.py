"""Where every batch of an audit is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from labelaudit.batches import BatchRecord, records
from labelaudit.decisions import GOLD, RULING, Status, Verdict
from labelaudit.errors import UsageError
from labelaudit.reviewing import Store, open_store, store_location
from labelaudit.store.records import mean_seconds

if TYPE_CHECKING:
    from labelaudit.audit_folder import Audit

__all__ = ["BatchStatus", "Candidates", "batch_status", "candidates", "open_reviews", "seconds_per_answer"]


@dataclass(frozen=True, kw_only=True)
class BatchStatus:
    """How far a batch is.

    Attributes
    ----------
    record : BatchRecord
        The batch.
    answered, decided : int
        Items with at least one answer that is no skip, and items that are decided.
    waiting : int
        Answered items that are not decided: more opinions are needed, or people disagree.
    people : tuple of str
        Who answered.
    """

    record: BatchRecord
    answered: int
    decided: int
    waiting: int
    people: tuple[str, ...]


def open_reviews(audit: Audit, url: str | None) -> Store | None:
    """Open the reviews of an audit; None if nobody has reviewed anything yet.

    Raises
    ------
    StoreError
        If there are reviews and they cannot be opened.
    """
    location, _ = store_location(audit, url)
    if isinstance(location, Path) and not location.exists():
        return None
    return open_store(audit, store=url)


def batch_status(audit: Audit, *, store: str | None = None) -> list[BatchStatus]:
    """Return how far each batch of a saved audit is, oldest first.

    Raises
    ------
    UsageError
        If the audit is not saved.
    """
    if audit.path is None:
        raise UsageError("This audit is not saved, so it has no batches.", "Save it first: audit.save(PATH)")
    standing = _standing(audit, store)
    answers, decided = standing.answers, standing.decided
    found = []
    for record in records(audit.path).values():
        ids = {item.item_id for item in record.batch.items}
        answered = {item_id for item_id in ids if answers.get(item_id)}
        found.append(
            BatchStatus(
                record=record,
                answered=len(answered),
                decided=len(answered & decided),
                waiting=len(answered - decided),
                people=tuple(sorted({person for item_id in answered for person in answers[item_id]})),
            )
        )
    return found


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """What the reviews and earlier batches of an audit leave to a new batch.

    Attributes
    ----------
    settled : frozenset of str
        Ids of items that are not to be asked for: decided, out, or left to a lead because people disagree.
    out : frozenset of str
        Ids of items that are in a batch and that nobody has answered.
    gold : frozenset of str
        Ids of items with a known answer.
    only : frozenset of str, optional
        Ids of the items of the queue that was asked for.
    suspicion : mapping of str to float
        Suspicion of open items as last scored in the light of decisions; empty if nobody has reviewed anything.
    """

    settled: frozenset[str]
    out: frozenset[str]
    gold: frozenset[str]
    only: frozenset[str] | None
    suspicion: Mapping[str, float]


def candidates(audit: Audit, *, queue: str | None = None, store: str | None = None) -> Candidates:
    """Return which items a new batch may ask for.

    Parameters
    ----------
    audit : Audit
        The audit.
    queue : str, optional
        One of `labelaudit.batches.QUEUES`, to choose from it alone. Items of ``conflicts`` and ``skipped`` have been
        out and may be sent again; those of the others are not sent while they are.
    store : str, optional
        Database URL; default: a SQLite file in the audit folder.
    """
    standing = _standing(audit, store)
    out: set[str] = set()
    for record in records(audit.path).values() if audit.path is not None else ():
        if record.batch.audit_id == audit.audit_id and not record.withdrawn:
            out |= {item.item_id for item in record.batch.items if item.item_id not in standing.answers}
    asked_again = {"conflicts": standing.conflicts, "skipped": standing.skipped - standing.decided}
    again = asked_again.get(queue or "", frozenset())
    return Candidates(
        settled=(standing.decided | out | standing.conflicts) - again,
        out=frozenset(out),
        gold=standing.gold,
        only=again if queue in asked_again else _flagged(audit, queue),
        suspicion=standing.suspicion,
    )


def _flagged(audit: Audit, queue: str | None) -> frozenset[str] | None:
    if queue is None:
        return None
    suspect, ambiguous = (audit.items[name].to_numpy(dtype=bool) for name in ("is_suspect", "is_ambiguous"))
    rows = {"suspects": suspect, "ambiguous": ambiguous, "flagged": suspect | ambiguous}[queue]
    return frozenset(map(str, audit.items.index[rows]))


def seconds_per_answer(audit: Audit, *, store: str | None = None) -> float | None:
    """Return the mean seconds of work on the timed decisions of this audit; None before the first."""
    opened = open_reviews(audit, store)
    if opened is None:
        return None
    with opened:
        return mean_seconds(opened.records.work_done())


class _Standing(NamedTuple):
    """Where items stand, by id; `answers` are who answered each, skips left out."""

    answers: Mapping[str, set[str]] = {}
    decided: frozenset[str] = frozenset()
    conflicts: frozenset[str] = frozenset()
    skipped: frozenset[str] = frozenset()
    gold: frozenset[str] = frozenset()
    suspicion: Mapping[str, float] = {}


def _standing(audit: Audit, url: str | None) -> _Standing:
    opened = open_reviews(audit, url)
    if opened is None:
        return _Standing()
    with opened:
        rows = opened.records.standings()
        decided = {row.item_id for row in opened.records.resolved()}
        others = opened.records.undecided()
        is_ours = opened.binding is not None and opened.binding.audit_id == audit.audit_id
    answers: dict[str, set[str]] = {}
    for row in rows:
        if row.slot not in {GOLD, RULING} and row.verdict != str(Verdict.SKIP):
            answers.setdefault(row.item_id, set()).add(row.slot)
    return _Standing(
        answers=answers,
        decided=frozenset(decided),
        conflicts=frozenset(row.item_id for row in others if row.status == str(Status.CONFLICT)),
        skipped=frozenset(row.item_id for row in rows if row.verdict == str(Verdict.SKIP)),
        gold=frozenset(row.item_id for row in rows if row.slot == GOLD),
        suspicion={row.item_id: row.suspicion for row in others if is_ours and row.suspicion is not None},
    )
