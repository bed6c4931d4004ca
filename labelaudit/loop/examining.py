"""What came back, item by item: which answers count, and what is to be said about the others. No store, no files."""

from __future__ import annotations

import difflib
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from labelaudit.decisions import Decision, Verdict
from labelaudit.domain import Annotation, BatchItem
from labelaudit.errors import did_you_mean
from labelaudit.formats import content_text, names_of_items

if TYPE_CHECKING:
    from labelaudit.batches import BatchRecord

__all__ = ["Examined", "Finding", "examine"]

_VERDICTS = {"ambiguous", "none_fits", "exclude", "skip"}
_SPACE = uuid.UUID("6f0d8f0e-0a43-5a39-9f5b-6c3f3a1d2b11")
_MANGLED = re.compile(r"[+-]?\d+([.,]\d+)?[eE][+-]?\d+|\d{1,4}[-/. ]+\w{1,9}([-/. ]+\d{1,4})?|\d+([.,]0+)?")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something about one answer that people should know.

    Attributes
    ----------
    kind : str
        ``unknown batch``, ``unknown item``, ``unknown label``, ``unknown verdict``, ``several choices``, ``edited``,
        ``empty``, ``skipped``, ``unclear time``, ``duplicate``, ``replaced``, ``refused`` or ``changed since``.
    item_id : str
        The item, as the file names it.
    where : str
        Place in the file.
    message : str
        What was found and what became of it.
    is_recorded : bool
        Whether the answer is recorded all the same.
    """

    kind: str
    item_id: str
    where: str
    message: str
    is_recorded: bool = False


@dataclass(frozen=True, kw_only=True)
class Examined:
    """Answers that can be recorded, in the order of the file, and findings about all others.

    Attributes
    ----------
    decisions : mapping of str to list of (Decision, str)
        By annotator, each with its place in the file.
    findings : list of Finding
        In the order of the file.
    unanswered : list of str
        Ids of items that nobody has answered yet.
    batch_ids : list of str
        Batches that the answers belong to.
    """

    decisions: Mapping[str, list[tuple[Decision, str]]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)
    batch_ids: list[str] = field(default_factory=list)


def examine(
    annotations: Iterable[Annotation],
    records: Mapping[str, BatchRecord],
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
    desk = _Desk(records, only, people, nameless)
    for annotation in annotations:
        desk.take(annotation)
    return desk.done()


@dataclass(frozen=True)
class _Given:
    """An answer that counts so far."""

    decision: Decision
    where: str
    at: int | None


class _Desk:
    def __init__(
        self, records: Mapping[str, BatchRecord], only: str | None, people: Mapping[str, str], nameless: str
    ) -> None:
        self._records, self._only, self._people, self._nameless = records, only, people, nameless
        self._items: dict[str, dict[str, BatchItem]] = {}
        self._names: dict[str, dict[str, str]] = {}
        self._given: dict[tuple[str, str, str], _Given] = {}
        self._findings: list[Finding] = []
        self._open: dict[str, None] = {}

    def take(self, annotation: Annotation) -> None:
        batch_id = annotation.batch_id or self._only
        item = self._item(annotation, batch_id)
        if item is None or batch_id is None:
            return
        if not annotation.is_answered:
            self._open[item.item_id] = None
            return
        record = self._records[batch_id]
        problems = list(_problems(annotation, item, record))
        self._findings += problems
        if all(problem.is_recorded for problem in problems):
            person = self._people.get(annotation.annotator or "", annotation.annotator or self._nameless)
            self._give(person, _decision(annotation, item, batch_id, person), annotation)

    def done(self) -> Examined:
        decisions: dict[str, list[tuple[Decision, str]]] = {}
        for (_, _, person), given in self._given.items():
            decisions.setdefault(person, []).append((given.decision, given.where))
        answered = {item_id for _, item_id, _ in self._given}
        return Examined(
            decisions=decisions,
            findings=self._findings,
            unanswered=[item_id for item_id in self._open if item_id not in answered],
            batch_ids=list(self._items),
        )

    def _find(self, kind: str, annotation: Annotation, message: str, *, is_recorded: bool = False) -> None:
        self._findings.append(_finding(kind, annotation, message, is_recorded=is_recorded))

    def _item(self, annotation: Annotation, batch_id: str | None) -> BatchItem | None:
        """Return the item that is meant, or report why there is none."""
        if batch_id not in self._records or batch_id is None:
            hint = did_you_mean(batch_id or "", self._records).strip()
            self._find("unknown batch", annotation, f"There is no batch {batch_id!r} of this audit. {hint}".strip())
            return None
        if batch_id not in self._items:
            batch = self._records[batch_id].batch
            self._items[batch_id] = {item.item_id: item for item in batch.items}
            self._names[batch_id] = names_of_items(batch)
        name = annotation.item_id
        if name is None:
            self._find("unknown item", annotation, "The id of the item is missing.")
            return None
        item_id = self._names[batch_id].get(name)
        if item_id is None:
            self._find("unknown item", annotation, _no_item(name, batch_id, self._names[batch_id]))
            return None
        return self._items[batch_id][item_id]

    def _give(self, person: str, decision: Decision, annotation: Annotation) -> None:
        key = (decision.batch or "", decision.item_id, person)
        earlier = self._given.get(key)
        given = _Given(decision, annotation.where, annotation.at)
        if earlier is None:
            self._given[key] = given
        elif _same(earlier.decision, decision):
            message = f"{person} gave the same answer as in {earlier.where}; it counts once."
            self._find("duplicate", annotation, message, is_recorded=True)
        else:
            late, early = (given, earlier) if (given.at or 0) >= (earlier.at or 0) else (earlier, given)
            self._given[key] = late
            message = f"{person} answered twice; the later answer ({late.where}) counts, not that in {early.where}."
            self._find("replaced", annotation, message, is_recorded=late is given)


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
        yield _finding("edited", annotation, f"{edited} The answer is about another item and is not recorded.")
    verdict, labels = annotation.verdict, annotation.labels
    unknown = [label for label in labels if label not in record.batch.classes]
    for label in unknown:
        hint = did_you_mean(label, record.batch.classes)
        yield _finding("unknown label", annotation, f"{label!r} is none of the classes. {hint}Nothing is recorded.")
    if verdict is not None and verdict not in _VERDICTS:
        hint = did_you_mean(verdict, sorted(_VERDICTS))
        known = ", ".join(sorted(_VERDICTS))
        yield _finding("unknown verdict", annotation, f"{verdict!r} is no verdict. {hint}Known: {known}.")
    for words in annotation.unclear:
        yield _finding("unclear time", annotation, f"Not understood: {words}. Recorded without it.", is_recorded=True)
    if verdict == "skip":
        yield _finding("skipped", annotation, "Skipped; the item stays open.", is_recorded=True)
    elif verdict is not None and labels and verdict != "ambiguous":
        listed = ", ".join(map(repr, labels))
        yield _finding("several choices", annotation, f"The verdict {verdict!r} and {listed}: only one can hold.")
    elif verdict is None and not labels:
        yield _finding("empty", annotation, "The answer was sent without a choice.")
    elif len(set(labels)) > 1 and not record.batch.several and verdict is None:
        listed = ", ".join(map(repr, labels))
        message = f"{listed}, where one label was asked for; recorded as 'several fit'."
        yield _finding("several choices", annotation, message, is_recorded=True)


def _edited(annotation: Annotation, item: BatchItem) -> str:
    if annotation.content_hash is not None and annotation.content_hash != item.content_hash:
        return "The content hash is not the one that was sent."
    if annotation.content is None or item.image is not None:
        return ""
    sent = content_text(item)
    back, sent = _lines(annotation.content), _lines(sent)
    if back == sent:
        return ""
    same = next((k for k, (one, other) in enumerate(zip(back, sent, strict=False)) if one != other), None)
    begin = max(0, (min(len(back), len(sent)) if same is None else same) - 20)
    return f"The text was edited: …{back[begin : begin + 60]!r} instead of …{sent[begin : begin + 60]!r}."


def _lines(text: str) -> str:
    # Spreadsheets and browsers turn line ends into their own; nobody edits those.
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def _no_item(name: str, batch_id: str, known: Mapping[str, str]) -> str:
    if _MANGLED.fullmatch(name):
        close = [each for each in known if _digits(each) and _digits(each) == _digits(name)]
        likely = f" It may have been {close[0]!r}." if close else ""
        return f"The batch {batch_id} has no item {name!r}. A spreadsheet may have changed the id.{likely}"
    close = difflib.get_close_matches(name, list(known)[:10_000], n=1)
    return f"The batch {batch_id} has no item {name!r}." + (f" Did you mean {close[0]!r}?" if close else "")


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
