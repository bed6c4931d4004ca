"""Answers of annotators become reviews: all that can be, each once, and the rest is listed by name."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from labelaudit.batches import BatchRecord, records
from labelaudit.errors import ReadError, UnknownNameError, UsageError
from labelaudit.formats import FORMATS, Format
from labelaudit.loop.answers import Answers, Given
from labelaudit.loop.examining import examine
from labelaudit.loop.findings import Finding, Findings
from labelaudit.loop.tracking import open_reviews
from labelaudit.reviewing import Filter, Queue, Role, Store, Verdict, open_queue

if TYPE_CHECKING:
    from labelaudit.audit_folder import Audit

__all__ = ["Imported", "import_answers"]


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What became of a file of answers.

    Attributes
    ----------
    recorded, known : int
        Answers recorded now (or that would be), and those recorded by an earlier import.
    findings : tuple of Finding
        What is to be said about single answers: the first `AT_HAND` of each kind, in the order of the file.
    counts : mapping of str to int
        How many findings of each kind there are in all, most frequent first.
    findings_table : Path, optional
        CSV with all findings; None where `findings` has them all.
    unanswered : tuple of str
        Items of the file without an answer that counts; skips and empty answers do not.
    people : mapping of str to int
        Answers of each annotator.
    added : tuple of str
        Annotators who were new and became reviewers.
    batch_ids : tuple of str
        Batches that the answers belong to.
    is_dry : bool
        Whether nothing was recorded.
    """

    recorded: int
    known: int
    findings: tuple[Finding, ...]
    counts: Mapping[str, int]
    findings_table: Path | None
    unanswered: tuple[str, ...]
    people: Mapping[str, int]
    added: tuple[str, ...]
    batch_ids: tuple[str, ...]
    is_dry: bool


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
    findings: str | os.PathLike[str] | None = None,
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
        Look, and record nothing.
    findings : path-like, optional
        CSV to write all findings to; default: ``<path>.findings.csv``, where there are more than `AT_HAND` of a kind.
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
    OutputError
        If the table of findings cannot be written, or there is no room to set the answers aside.
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
    with Answers() as answers, Findings(_table_of(source, findings), always=findings is not None) as found:
        examined = examine(
            form.read(source, audit.classes),
            known,
            answers,
            found,
            only=only,
            people=people or {},
            nameless=annotator or person,
        )
        outcome = _foreseen(audit, answers, found, store) if dry_run else _record(audit, answers, found, person, store)
        return Imported(
            recorded=outcome.recorded,
            known=outcome.known,
            findings=tuple(found.first),
            counts=dict(found.counts.most_common()),
            findings_table=found.table,
            unanswered=tuple(examined.unanswered),
            people=answers.people(),
            added=outcome.added,
            batch_ids=tuple(examined.batch_ids),
            is_dry=dry_run,
        )


def _table_of(source: Path, wanted: str | os.PathLike[str] | None) -> Path:
    if wanted is not None:
        if os.path.realpath(wanted) == os.path.realpath(source):
            raise UsageError(f"{wanted} is the file of answers itself.", "Name another place for --findings.")
        return Path(wanted)
    named = source if source.name else source.absolute()
    return named.with_name(f"{named.name}.findings.csv")


def _batch_of(known: Mapping[str, BatchRecord], form: Format, wanted: str | None) -> str | None:
    """Return the batch of answers that name none; None if every answer must name its own."""
    if not known:
        raise UsageError("This audit has no batch.", "Write one first with: labelaudit batch AUDIT")
    if wanted is not None:
        if wanted not in known:
            raise UnknownNameError.among("batch", wanted, known)
        return wanted
    fitting = [batch_id for batch_id, record in known.items() if record.format == form.name and not record.withdrawn]
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


class _Outcome(NamedTuple):
    recorded: int
    known: int
    added: tuple[str, ...]


def _record(audit: Audit, answers: Answers, findings: Findings, person: str, url: str | None) -> _Outcome:
    queue = open_queue(audit, Filter(queue="all"), person=person, store=url)
    try:
        added = _add_people(queue, answers.people())
        recorded = known = 0
        standing = _Standing(queue.store)
        for name, batch_id, given in answers.blocks():
            # One client a batch: claims of its browser tabs are their own business.
            outcomes = replace(queue, person=name, client=batch_id).decide([each.decision for each in given]).outcomes
            for each, outcome in zip(given, outcomes, strict=True):
                recorded += outcome.status == "acknowledged"
                known += outcome.status == "known"
                if outcome.status == "refused":
                    findings.add(_finding_of(each, "refused", outcome.message))
                elif outcome.status == "known":
                    _note_change(findings, standing, name, each)
        return _Outcome(recorded, known, added)
    finally:
        queue.close()


def _add_people(queue: Queue, names: Iterable[str]) -> tuple[str, ...]:
    known = {person.name for person in queue.store.team.people()}
    new = tuple(name for name in names if name not in known)
    for name in new:
        queue.store.team.set_person(name, Role.REVIEWER, by=queue.person)
    return new


class _Standing:
    """What each person holds of each item now; read when somebody first asks."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @cached_property
    def _outcomes(self) -> dict[tuple[str, str], str]:
        return {(row.slot, row.item_id): row.outcome for row in self._store.records.standings()}

    def of(self, person: str, item_id: str) -> str | None:
        return self._outcomes.get((person, item_id))


def _note_change(findings: Findings, standing: _Standing, person: str, given: Given) -> None:
    """Name an answer of an earlier import that the person, or an undo, has changed since: importing keeps that."""
    decision = given.decision
    now = standing.of(person, decision.item_id)
    meant = decision.labels[0] if decision.verdict is Verdict.RELABEL else f"<{decision.verdict}>"
    if now != meant:
        what = "took it back" if now is None else f"changed it to {now}"
        findings.add(_finding_of(given, "changed since", f"{person} {what} since. That stands."))


def _finding_of(given: Given, kind: str, message: str) -> Finding:
    return Finding(kind=kind, item_id=given.decision.item_id, where=given.where, message=message)


def _foreseen(audit: Audit, answers: Answers, findings: Findings, url: str | None) -> _Outcome:
    """Say what recording would do, but for what only the store can refuse."""
    names = answers.people()
    opened = open_reviews(audit, url)
    if opened is None:
        return _Outcome(len(answers), 0, tuple(names))
    with opened:
        people = {person.name for person in opened.team.people()}
        standing, known = _Standing(opened), 0
        for name, _, given in answers.blocks():
            there = opened.records.known(each.decision.id for each in given)
            known += len(there)
            for each in given:
                if each.decision.id in there:
                    _note_change(findings, standing, name, each)
    return _Outcome(len(answers) - known, known, tuple(name for name in names if name not in people))
