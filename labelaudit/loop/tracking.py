"""Where every batch of an audit is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from labelaudit.batches import BatchRecord, records
from labelaudit.decisions import GOLD, RULING, Verdict
from labelaudit.errors import UsageError
from labelaudit.reviewing import Store, open_store, store_location

if TYPE_CHECKING:
    from labelaudit.audit_folder import Audit

__all__ = ["BatchStatus", "batch_status", "open_reviews", "seconds_per_answer", "settled_items"]


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
    answers, decided, _ = _standing(audit, store)
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


def settled_items(audit: Audit, *, store: str | None = None) -> tuple[frozenset[str], frozenset[str]]:
    """Return the ids of items that no batch should ask for again, and of those with a known answer.

    The first are decided, or are out in a batch of this audit and unanswered.
    """
    answers, decided, gold = _standing(audit, store)
    out: set[str] = set()
    for record in records(audit.path).values() if audit.path is not None else ():
        if record.batch.audit_id == audit.audit_id:
            out |= {item.item_id for item in record.batch.items if not answers.get(item.item_id)}
    return frozenset(decided | out), gold


def seconds_per_answer(audit: Audit, *, store: str | None = None) -> float | None:
    """Return the mean seconds of work on a decision of this audit; None before the first that was timed."""
    opened = open_reviews(audit, store)
    if opened is None:
        return None
    with opened:
        work = [row for row in opened.records.work_done() if row.active_ms]
    decisions = sum(row.decisions for row in work)
    return sum(float(row.active_ms) for row in work) / 1000 / decisions if decisions else None


def _standing(audit: Audit, url: str | None) -> tuple[dict[str, set[str]], set[str], frozenset[str]]:
    """Return who answered each item, which items are decided, and which have a known answer."""
    opened = open_reviews(audit, url)
    if opened is None:
        return {}, set(), frozenset()
    with opened:
        rows = opened.records.standings()
        decided = {row.item_id for row in opened.records.resolved()}
    answers: dict[str, set[str]] = {}
    for row in rows:
        if row.slot not in {GOLD, RULING} and row.verdict != str(Verdict.SKIP):
            answers.setdefault(row.item_id, set()).add(row.slot)
    return answers, decided, frozenset(row.item_id for row in rows if row.slot == GOLD)
