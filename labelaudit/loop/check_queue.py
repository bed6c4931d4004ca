"""The random check of an audit as people answer it on the page: blind, each item by whoever has not judged it before.

The batch is the same as the one that goes out to another tool: answers of both count together, and say by the batch
that they bring what they were given as.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from labelaudit.batches import BatchRecord, choosing, keep_record
from labelaudit.errors import UsageError
from labelaudit.loop.checking import draw_random_check, draw_second_looks
from labelaudit.loop.looks import AGAIN, CHECK, check_record, records_of
from labelaudit.reviewing import Answer, Card, Filter, Queue, Verdict
from labelaudit.store import Command

if TYPE_CHECKING:
    from labelaudit.audit_folder import Audit

__all__ = ["ON_PAGE", "CheckQueue", "CheckSheet", "Waiting", "ask_again", "start_check"]

ON_PAGE = "page"
"""Stands for the format of a batch that was written for no other tool."""


@dataclass(frozen=True, kw_only=True)
class CheckSheet:
    """What the random check of an audit asks for.

    Attributes
    ----------
    batch_id : str
        The check; empty if none was drawn.
    item_ids : tuple of str
        Items drawn, in random order.
    again : frozenset of str
        Those of them that somebody else is to look at as well.
    batch_ids : frozenset of str
        The check and its second looks: answers to any of these are looks.
    drawn : mapping of str to frozenset of str
        Items of all checks that were ever drawn from the audit, by batch.
    """

    batch_id: str
    item_ids: tuple[str, ...]
    again: frozenset[str]
    batch_ids: frozenset[str]
    drawn: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, audit: Audit) -> CheckSheet:
        """Read it from the batches of a saved audit.

        Raises
        ------
        UsageError
            If the audit is not saved.
        AuditFolderError
            If the record of a batch is damaged.
        """
        known = records_of(audit)
        checks = {name: record for name, record in known.items() if CHECK in record.options}
        drawn = {name: frozenset(item.item_id for item in each.batch.items) for name, each in checks.items()}
        record = check_record(audit, known)
        if record is None:
            return cls(batch_id="", item_ids=(), again=frozenset(), batch_ids=frozenset(), drawn=drawn)
        own = record.batch.batch_id
        seconds = [
            each.batch for each in known.values() if each.options.get(AGAIN, {}).get("of") == own and not each.withdrawn
        ]
        return cls(
            batch_id=own,
            item_ids=tuple(item.item_id for item in record.batch.items),
            again=frozenset(item.item_id for batch in seconds for item in batch.items),
            batch_ids=frozenset({own, *(batch.batch_id for batch in seconds)}),
            drawn=drawn,
        )

    @property
    def version(self) -> str:
        """Changes with what is asked for."""
        return f"{self.batch_id}+{len(self.batch_ids)}"


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """Items of a random check that have not as many answers as are asked for.

    Attributes
    ----------
    mine : tuple of str
        Those that the person may answer: first those that nobody has, in the order of the check.
    answered : int
        Those that the person has answered or skipped; they wait for a look of somebody else.
    seen : int
        Those that the person has decided on elsewhere, with the suggestion in sight: no answer of theirs is blind.
    """

    mine: tuple[str, ...]
    answered: int
    seen: int


@dataclass(frozen=True, kw_only=True)
class CheckQueue(Queue):
    """A random check as one person at one client answers it.

    Attributes
    ----------
    sheet : CheckSheet
        What is asked for.
    """

    sheet: CheckSheet

    @classmethod
    def over(cls, queue: Queue, sheet: CheckSheet) -> CheckQueue:
        """Return the check as the person and client of `queue` see it."""
        only = Filter(queue="all", item_ids=sheet.item_ids)
        return cls(
            store=queue.store, person=queue.person, client=queue.client, filter=only, order="chance", sheet=sheet
        )

    def waiting(self) -> Waiting:
        """Return what waits for answers now."""
        sheet, records = self.sheet, self.store.records
        if not sheet.item_ids:
            return Waiting(mine=(), answered=0, seen=0)
        bound = self.store.binding
        answers = records.answers_to(sheet.batch_ids, sheet.item_ids, audit_id="" if bound is None else bound.audit_id)
        said = {item_id: answers.get(item_id, {}) for item_id in sheet.item_ids}
        looks = {name: sum(opinion.verdict is not Verdict.SKIP for opinion in by.values()) for name, by in said.items()}
        ruled = records.adjudicated(sheet.item_ids)
        waits = [name for name in said if looks[name] < 1 + (name in sheet.again) and name not in ruled]
        seen = records.judged_by(self.person, sheet.item_ids, besides=sheet.batch_ids)
        mine = [name for name in waits if self.person not in said[name] and name not in seen]
        return Waiting(
            mine=tuple(sorted(mine, key=lambda name: looks[name] > 0)),
            answered=sum(self.person in said[name] for name in waits),
            seen=sum(self.person not in said[name] and name in seen for name in waits),
        )

    def claim(self, n: int) -> list[Card]:
        """Fill the client's hand up to `n` items that wait for the person, and return them all.

        Raises
        ------
        DecisionRefusedError
            If the person may not judge.
        """
        return self.store.claim_named(self.waiting().mine, n, person=self.person, client=self.client)

    def decide(self, batch: Sequence[Command], *, then_claim: int = 0) -> Answer:
        """Record an outbox, then fill the hand: what waits follows from what was recorded."""
        answer = super().decide(batch)
        return replace(answer, cards=tuple(self.claim(then_claim))) if then_claim else answer


def start_check(audit: Audit, size: int, *, store: str | None = None) -> BatchRecord:
    """Draw the random check of a saved audit that has none, to be answered on the page.

    Raises
    ------
    UsageError
        If the audit has a check already, or no item can be drawn.
    """
    with choosing(_folder(audit)):
        batch, options = draw_random_check(audit, size, store=store)
        return keep_record(_folder(audit), batch, format=ON_PAGE, written=(), options=options)


def ask_again(audit: Audit, *, store: str | None = None) -> BatchRecord:
    """Ask on the page for second looks at the random check of a saved audit.

    Raises
    ------
    UsageError
        If there is no check, or nothing to look at again.
    """
    with choosing(_folder(audit)):
        batch, options = draw_second_looks(audit, store=store)
        return keep_record(_folder(audit), batch, format=ON_PAGE, written=(), options=options)


def _folder(audit: Audit) -> str:
    if audit.path is None:
        raise UsageError("This audit is not saved, so it has no random check.", "Save it first: audit.save(PATH)")
    return str(audit.path)
