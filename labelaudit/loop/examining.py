"""What came back, item by item: which answers count, and what is to be said about the others. No store, no files."""

from __future__ import annotations

import difflib
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from labelaudit.decisions import Decision, Verdict
from labelaudit.domain import Annotation, Batch, BatchItem
from labelaudit.errors import did_you_mean
from labelaudit.formats import content_text, names_of_items
from labelaudit.loop.answers import Answers, Given
from labelaudit.loop.findings import Finding, Findings

if TYPE_CHECKING:
    from labelaudit.batches import BatchRecord

__all__ = ["Examined", "examine"]

_VERDICTS = ("ambiguous", "exclude", "none_fits", "skip")
_SPACE = uuid.UUID("6f0d8f0e-0a43-5a39-9f5b-6c3f3a1d2b11")
_MANGLED = re.compile(r"[+-]?\d+([.,]\d+)?[eE][+-]?\d+|\d{1,4}[-/. ]+\w{1,9}([-/. ]+\d{1,4})?|\d+([.,]0+)?")

_HINTS = 100
"""Unknown items for which a similar one is looked for: each search takes a while."""


@dataclass(frozen=True, kw_only=True)
class Examined:
    """What a file of answers is about, beside the answers and findings themselves.

    Attributes
    ----------
    unanswered : list of str
        Ids of items of the file without an answer that counts: untouched, skipped, or with answers that say nothing.
    batch_ids : list of str
        Batches that the answers belong to.
    """

    unanswered: list[str]
    batch_ids: list[str]


def examine(
    annotations: Iterable[Annotation],
    records: Mapping[str, BatchRecord],
    answers: Answers,
    findings: Findings,
    *,
    only: str | None,
    people: Mapping[str, str],
    nameless: str,
) -> Examined:
    """Sort answers into those that can be recorded and those that cannot.

    Parameters
    ----------
    annotations : iterable of Annotation
        From the file; read once, in order.
    records : mapping of str to BatchRecord
        Known batches by id.
    answers : Answers
        Gets those that can be recorded.
    findings : Findings
        Gets what is to be said about single answers, in the order of the file.
    only : str, optional
        The batch of answers whose format carries no batch id.
    people : mapping of str to str
        Names of annotators here, by how the file names them.
    nameless : str
        Who answered where the file does not say.

    Returns
    -------
    Examined
    """
    desk = _Desk(records, answers, findings, only=only, people=people, nameless=nameless)
    for annotation in annotations:
        desk.take(annotation)
    return desk.done()


class _Desk:
    def __init__(
        self,
        records: Mapping[str, BatchRecord],
        answers: Answers,
        findings: Findings,
        *,
        only: str | None,
        people: Mapping[str, str],
        nameless: str,
    ) -> None:
        self._records, self._answers, self._findings = records, answers, findings
        self._only, self._people, self._nameless = only, people, nameless
        self._batches: dict[str, _Known] = {}
        self._seen: dict[str, bool] = {}  # whether anybody has answered it

    def take(self, annotation: Annotation) -> None:
        batch_id = annotation.batch_id or self._only
        item = self._item(annotation, batch_id)
        if item is None or batch_id is None:
            return
        self._seen.setdefault(item.item_id, False)
        if not annotation.is_answered:
            return
        record = self._records[batch_id]
        problems = list(_problems(annotation, item, record))
        for problem in problems:
            self._findings.add(problem)
        if all(problem.is_recorded for problem in problems):
            person = self._people.get(annotation.annotator or "", annotation.annotator or self._nameless)
            decision = _decision(annotation, item, record.batch.batch_id, person)
            self._seen[item.item_id] |= decision.verdict is not Verdict.SKIP
            self._give(person, decision, annotation)

    def done(self) -> Examined:
        return Examined(
            unanswered=[item_id for item_id, is_answered in self._seen.items() if not is_answered],
            batch_ids=list(self._batches),
        )

    def _find(self, kind: str, annotation: Annotation, message: str, *, is_recorded: bool = False) -> None:
        self._findings.add(_finding(kind, annotation, message, is_recorded=is_recorded))

    def _item(self, annotation: Annotation, batch_id: str | None) -> BatchItem | None:
        """Return the item that is meant, or report why there is none."""
        if batch_id not in self._records or batch_id is None:
            hint = _hint(batch_id or "", tuple(self._records)).strip()
            self._find("unknown batch", annotation, f"There is no batch {batch_id!r} of this audit. {hint}".strip())
            return None
        if batch_id not in self._batches:
            self._batches[batch_id] = _Known(self._records[batch_id].batch)
        known, name = self._batches[batch_id], annotation.item_id
        if name is None:
            self._find("unknown item", annotation, "The id of the item is missing.")
            return None
        item = known.item(name)
        if item is None:
            hint = known.hint(name) if self._findings.counts["unknown item"] < _HINTS else ""
            self._find("unknown item", annotation, f"The batch {batch_id} has no item {name!r}.{hint}")
        return item

    def _give(self, person: str, decision: Decision, annotation: Annotation) -> None:
        earlier, given = self._answers.get(person, decision), Given(decision, annotation.where)
        if earlier is None:
            self._answers.put(person, given)
        elif _same(earlier.decision, decision):
            message = f"{person} gave the same answer as in {earlier.where}; it counts once."
            self._find("duplicate", annotation, message, is_recorded=True)
        else:
            is_later = (decision.answered_at or 0) >= (earlier.decision.answered_at or 0)
            late, early = (given, earlier) if is_later else (earlier, given)
            if is_later:
                self._answers.put(person, given)
            message = f"{person} answered twice; the later answer ({late.where}) counts, not that in {early.where}."
            self._find("replaced", annotation, message, is_recorded=is_later)


class _Known:
    """The items of a batch by every name under which they may come back."""

    def __init__(self, batch: Batch) -> None:
        self._items = {item.item_id: item for item in batch.items}
        self._names = names_of_items(batch)

    def item(self, name: str) -> BatchItem | None:
        return self._items.get(self._names.get(name, ""))

    def hint(self, name: str) -> str:
        """Say which item may be meant by an unknown name."""
        if _MANGLED.fullmatch(name):
            likely = next((each for each in self._items if _digits(each) and _digits(each) == _digits(name)), None)
            return " A spreadsheet may have changed the id." + (f" It may have been {likely!r}." if likely else "")
        close = difflib.get_close_matches(name, list(self._names)[:10_000], n=1)
        return f" Did you mean {close[0]!r}?" if close else ""


@lru_cache(1_000)
def _hint(name: str, known: tuple[str, ...]) -> str:
    """Say which name may be meant; the same mistake comes often."""
    return did_you_mean(name, known)


def _same(one: Decision, other: Decision) -> bool:
    return (one.verdict, sorted(one.labels), one.note) == (other.verdict, sorted(other.labels), other.note)


def _finding(kind: str, annotation: Annotation, message: str, *, is_recorded: bool = False) -> Finding:
    return Finding(
        kind=kind,
        item_id=annotation.item_id or "",
        where=annotation.where,
        message=message,
        is_recorded=is_recorded,
    )


def _problems(annotation: Annotation, item: BatchItem, record: BatchRecord) -> Iterator[Finding]:
    edited = _edited(annotation, item)
    if edited:
        yield _finding("edited", annotation, f"{edited} An answer to another text is not recorded.")
    verdict, labels = annotation.verdict, annotation.labels
    unknown = [label for label in labels if label not in record.batch.classes]
    for label in unknown:
        hint = _hint(label, record.batch.classes)
        yield _finding("unknown label", annotation, f"{label!r} is none of the classes. {hint}Not recorded.")
    if verdict is not None and verdict not in _VERDICTS:
        known = ", ".join(_VERDICTS)
        yield _finding(
            "unknown verdict",
            annotation,
            f"{verdict!r} is no verdict. {_hint(verdict, _VERDICTS)}Known: {known}. Not recorded.",
        )
    for words in annotation.unclear:
        yield _finding("unclear time", annotation, f"Not understood: {words}. Recorded without it.", is_recorded=True)
    if verdict == "skip":
        yield _finding("skipped", annotation, "Skipped; the item stays open.", is_recorded=True)
    elif verdict is not None and labels and verdict != "ambiguous":
        listed = ", ".join(map(repr, labels))
        yield _finding(
            "several choices", annotation, f"The verdict {verdict!r} and {listed}: only one can hold. Not recorded."
        )
    elif verdict is None and not labels:
        yield _finding("empty", annotation, "The answer has neither a label nor a verdict; the item stays open.")
    elif len(set(labels)) > 1 and not record.batch.several and verdict is None:
        listed = ", ".join(map(repr, labels))
        message = f"{listed}, where one label was asked for; recorded as 'several fit'."
        yield _finding("several choices", annotation, message, is_recorded=True)


def _edited(annotation: Annotation, item: BatchItem) -> str:
    if annotation.content_hash is not None and annotation.content_hash != item.content_hash:
        return "The content hash is not the one that was sent: the item came back with another content."
    if annotation.content is None or item.image is not None:
        return ""
    sent = content_text(item)
    back, sent = _lines(annotation.content), _lines(sent)
    if back == sent:
        return ""
    same = next((k for k, (one, other) in enumerate(zip(back, sent, strict=False)) if one != other), None)
    begin = max(0, (min(len(back), len(sent)) if same is None else same) - 20)
    return f"The text came back changed: …{back[begin : begin + 60]!r}, where …{sent[begin : begin + 60]!r} was sent."


def _lines(text: str) -> str:
    # Spreadsheets and browsers turn line ends into their own; nobody edits those.
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def _digits(text: str) -> str:
    """Return a number as a spreadsheet would understand it; empty if it would not."""
    try:
        return repr(float(text.replace(",", ".")))
    except ValueError:
        return ""


def _decision(annotation: Annotation, item: BatchItem, batch_id: str, person: str) -> Decision:
    labels = tuple(dict.fromkeys(annotation.labels))
    if annotation.verdict is not None:
        verdict, labels, note = Verdict(annotation.verdict), (), annotation.note
        if annotation.labels and verdict is Verdict.AMBIGUOUS:
            # The verdict holds; what was chosen beside it is kept in words.
            note = "; ".join(filter(None, [note, f"chosen: {' | '.join(annotation.labels)}"]))
    elif len(labels) == 1:
        # Also where it is the label that was sent: the store, which knows the label of today, makes a keep of it.
        verdict, note = Verdict.RELABEL, annotation.note
    else:
        verdict, note = Verdict.SEVERAL_FIT, annotation.note
    return Decision(
        id=_own_id(annotation, item, batch_id, person),
        item_id=item.item_id,
        verdict=verdict,
        labels=labels,
        note=note,
        active_ms=round((annotation.seconds or 0) * 1000),
        content_hash=item.content_hash,
        batch=batch_id,
        answered_at=annotation.at,
    )


def _own_id(annotation: Annotation, item: BatchItem, batch_id: str, person: str) -> str:
    """Return an id that follows from the answer: the same file brings the same decisions, a changed answer new ones."""
    parts = (
        batch_id,
        item.item_id,
        person,
        *sorted(annotation.labels),
        annotation.verdict or "",
        annotation.note,
        str(annotation.at or ""),
    )
    return str(uuid.uuid5(_SPACE, "\x1f".join(parts)))
