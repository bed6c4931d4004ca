"""Answers of annotators become reviews: all that can be, each once, and the rest is listed by name."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from labelaudit.batches import BatchRecord, records
from labelaudit.errors import ReadError, StoreError, UnknownNameError, UsageError
from labelaudit.formats import FORMATS, Format
from labelaudit.loop.examining import Examined, Finding, examine
from labelaudit.reviewing import Filter, Queue, Role, Verdict, open_queue, open_store

if TYPE_CHECKING:
    from labelaudit.audit_folder import Audit
    from labelaudit.decisions import Decision

__all__ = ["Imported", "import_answers"]


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What became of a file of answers.

    Attributes
    ----------
    recorded, known : int
        Answers recorded now (or that would be), and those recorded by an earlier import.
    findings : tuple of Finding
        What is to be said about single answers, in the order of the file.
    unanswered : tuple of str
        Items that nobody has answered yet.
    people : mapping of str to int
        Answers of each annotator.
    added : tuple of str
        Annotators who were new and became reviewers.
    batch_ids : tuple of str
        Batches that the answers belong to.
    is_dry : bool
        Whether nothing was written.
    """

    recorded: int
    known: int
    findings: tuple[Finding, ...]
    unanswered: tuple[str, ...]
    people: Mapping[str, int]
    added: tuple[str, ...]
    batch_ids: tuple[str, ...]
    is_dry: bool

    def counts(self) -> dict[str, int]:
        """Return the number of findings of each kind, most frequent first."""
        return dict(Counter(finding.kind for finding in self.findings).most_common())


def import_answers(
    audit: Audit,
    path: str | os.PathLike[str],
    format: str,
    *,
    person: str,
    batch_id: str | None = None,
    people: Mapping[str, str] | None = None,
    annotator: str | None = None,
    dry_run: bool = False,
    store: str | None = None,
) -> Imported:
    """Record the answers in a file that an annotation tool exported.

    A broken file records nothing. Importing a file again changes nothing, also after an interruption. Opinions of
    several people on an item stay separate; where they differ, the item waits for a lead.

    Parameters
    ----------
    audit : Audit
        The audit that the batch was chosen from, saved.
    path : path-like
        The export.
    format : str
        One of `labelaudit.formats.FORMATS`.
    person : str
        Who imports; a lead, where annotators are new.
    batch_id : str, optional
        The batch, where the format does not carry it; default: the only one written in that format.
    people : mapping of str to str, optional
        Names of annotators here, by how the file names them.
    annotator : str, optional
        Who answered, where the file does not say; default: `person`.
    dry_run : bool
        Look, and write nothing.
    store : str, optional
        Database URL; default: a SQLite file in the audit folder.

    Returns
    -------
    Imported

    Raises
    ------
    UsageError
        If the audit has no batch, or it is not clear which one is meant.
    ReadError
        If the file is missing, broken, or of another tool.
    StoreError
        If the store is of another audit or cannot be written.
    DecisionRefusedError
        If new annotators are to be added by somebody who is no lead.
    """
    if audit.path is None:
        raise UsageError("This audit is not saved, so it has no batches.", "Save it first: audit.save(PATH)")
    known = records(audit.path)
    form = FORMATS.get(format)
    only = _batch_of(known, form, batch_id)
    source = Path(path)
    if not source.exists():
        raise ReadError(f"There is no file or folder {source}.", "Check the path.")
    examined = examine(
        form.read(source, audit.classes), known, only=only, people=people or {}, nameless=annotator or person
    )
    if dry_run:
        return _foreseen(audit, examined, store)
    queue = open_queue(audit, Filter(queue="all"), person=person, store=store)
    try:
        added = _add_people(queue, examined)
        return _recorded(queue, examined, added)
    finally:
        queue.close()


def _batch_of(known: Mapping[str, BatchRecord], form: Format, wanted: str | None) -> str | None:
    """Return the batch of answers that name none; None if every answer must name its own."""
    if not known:
        raise UsageError("This audit has no batch.", "Write one first with: labelaudit batch AUDIT")
    if wanted is not None:
        if wanted not in known:
            raise UnknownNameError.among("batch", wanted, known)
        return wanted
    fitting = [batch_id for batch_id, record in known.items() if record.format == form.name]
    if len(fitting) == 1:
        return fitting[0]
    carries = all("tags" in carried for carried in form.carries.values())
    if not carries and len(fitting) > 1:
        raise UsageError(
            f"There are {len(fitting)} batches in the format {form.name}, and its answers may not say to which they "
            "belong.",
            f"Name it with --batch: {', '.join(fitting)}.",
        )
    return None


def _add_people(queue: Queue, examined: Examined) -> tuple[str, ...]:
    known = {person.name for person in queue.store.team.people()}
    new = tuple(name for name in examined.decisions if name not in known)
    for name in new:
        queue.store.team.set_person(name, Role.REVIEWER, by=queue.person)
    return new


def _recorded(queue: Queue, examined: Examined, added: Sequence[str]) -> Imported:
    recorded = known = 0
    findings = list(examined.findings)
    for name, given in examined.decisions.items():
        decisions = [decision for decision, _ in given]
        # One client a batch: claims of its browser tabs are their own business.
        outcomes = replace(queue, person=name, client=decisions[0].batch or "import").decide(decisions).outcomes
        recorded += sum(outcome.status == "acknowledged" for outcome in outcomes)
        known += sum(outcome.status == "known" for outcome in outcomes)
        findings += [
            Finding(kind="refused", item_id=decision.item_id, where=where, message=outcome.message)
            for (decision, where), outcome in zip(given, outcomes, strict=True)
            if outcome.status == "refused"
        ]
        settled = [pair for pair, outcome in zip(given, outcomes, strict=True) if outcome.status == "known"]
        findings += _overtaken(queue, name, settled)
    return _summary(examined, recorded, known, findings, added=added, is_dry=False)


def _overtaken(queue: Queue, person: str, given: Sequence[tuple[Decision, str]]) -> list[Finding]:
    """Name the answers of earlier imports that the person, or an undo, has changed since: importing keeps that."""
    if not given:
        return []
    standing = {row.item_id: row for row in queue.store.records.standings() if row.slot == person}
    found = []
    for decision, where in given:
        row = standing.get(decision.item_id)
        meant = decision.labels[0] if decision.verdict is Verdict.RELABEL else f"<{decision.verdict}>"
        if row is None or row.outcome != meant:
            message = (
                f"{person} {'took it back' if row is None else f'changed it to {row.outcome}'} since. That stands."
            )
            found.append(Finding(kind="changed since", item_id=decision.item_id, where=where, message=message))
    return found


def _foreseen(audit: Audit, examined: Examined, url: str | None) -> Imported:
    try:
        with open_store(audit, store=url) as opened:
            people = {person.name for person in opened.team.people()}
            lead = next((person.name for person in opened.team.people() if person.role is Role.LEAD), "")
            events = {event.id for event in opened.records.history(viewer=lead)} if lead else set()
    except StoreError:
        people, events = set(), set()
    ids = [decision.id for given in examined.decisions.values() for decision, _ in given]
    known = sum(each in events for each in ids)
    added = tuple(name for name in examined.decisions if name not in people)
    return _summary(examined, len(ids) - known, known, examined.findings, added=added, is_dry=True)


def _summary(
    examined: Examined, recorded: int, known: int, findings: Sequence[Finding], *, added: Sequence[str], is_dry: bool
) -> Imported:
    return Imported(
        recorded=recorded,
        known=known,
        findings=tuple(findings),
        unanswered=tuple(examined.unanswered),
        people={name: len(given) for name, given in examined.decisions.items()},
        added=tuple(added),
        batch_ids=tuple(examined.batch_ids),
        is_dry=is_dry,
    )
