"""The rules of reviewing, without a database: verdicts, roles, leases, opinions, and what follows from them.

Everything here is a pure function of its arguments. The store keeps what these rules decide; no page and no command
repeats a rule.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from labelaudit.errors import did_you_mean
from labelaudit.verdicts import Action, Role, Status, Verdict, calls_wrong, may

__all__ = [
    "GOLD",
    "LEASE_HORIZON_MS",
    "LEASE_MS",
    "RULING",
    "Action",
    "Decision",
    "ItemState",
    "Opinion",
    "Redo",
    "Refusal",
    "Resolution",
    "Role",
    "Rules",
    "Status",
    "Undo",
    "Verdict",
    "active_milliseconds",
    "admit",
    "carries_over",
    "check_opinion",
    "is_storable",
    "may",
    "opinions_needed",
    "outcome",
    "resolve",
]

LEASE_MS = 300_000
"""How long a claim lasts without a sign of life, in milliseconds."""

LEASE_HORIZON_MS = 2 * LEASE_MS
"""A lease that seems to end later than this from now was made before the clock was set back, and counts as over.

Otherwise it would block its item for as long as the clock jumped. Small corrections leave it alone.
"""

IDLE_MS = 60_000
"""A pause longer than this is no work on the item."""

RULING = "*ruling"
"""Slot of a lead's adjudication among the opinions on an item."""

GOLD = "*gold"
"""Slot of a known answer among the opinions on an item."""

_NOTE_CHARACTERS = 10_000


@dataclass(frozen=True, kw_only=True)
class Opinion:
    """One person's judgement of one item.

    Attributes
    ----------
    verdict : Verdict
        The judgement.
    labels : tuple of str
        The new label (relabel), the labels that fit (several_fit; optional), or a new class (none_fits; optional).
    note : str
        Free text.
    given_label : str or None
        The label that was judged; None if the item had none.
    """

    verdict: Verdict
    labels: tuple[str, ...] = ()
    note: str = ""
    given_label: str | None = None

    @property
    def label(self) -> str | None:
        """The label the item should have after this opinion; None where it names no single one."""
        if self.verdict is Verdict.KEEP:
            return self.given_label
        return self.labels[0] if self.verdict is Verdict.RELABEL else None

    @property
    def calls_wrong(self) -> bool | None:
        """Whether it calls the judged label wrong, None if it does not say; of several that fit it may be none."""
        if self.verdict is Verdict.SEVERAL_FIT and self.labels:
            return self.given_label not in self.labels
        return calls_wrong(self.verdict)

    def as_dict(self) -> dict[str, Any]:
        """Return the opinion as plain values, the form in which events carry it."""
        return {
            "verdict": str(self.verdict),
            "labels": list(self.labels),
            "note": self.note,
            "given_label": self.given_label,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Make an opinion of what :meth:`as_dict` returned; other keys are left alone."""
        return cls(
            verdict=Verdict(values["verdict"]),
            labels=tuple(values["labels"]),
            note=values["note"],
            given_label=values["given_label"],
        )


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What a client asks to have recorded.

    Attributes
    ----------
    id : str
        UUID made by the client, so that a repeated click or a resend is one decision.
    item_id : str
        The item.
    verdict, labels, note
        As in :class:`Opinion`.
    active_ms : int
        Milliseconds of work on the item; see :func:`active_milliseconds`.
    version : int, optional
        Version of the item that was on the screen. Without a claim on the item, another version is refused.
    content_hash : str, optional
        Content that was on the screen; other content is refused.
    bulk : str, optional
        Shared by the decisions of one bulk action, which are undone together.
    batch : str, optional
        Batch in which another tool gave the item to this person. The batch stands for a claim: nobody's answer is
        refused because others answered too.
    answered_at : int, optional
        When the person decided, in milliseconds since the epoch, where that was before it is recorded here.
    settles : bool
        Whether a lead settles the item by it, whatever opinions there are, instead of giving one.
    """

    id: str
    item_id: str
    verdict: Verdict
    labels: tuple[str, ...] = ()
    note: str = ""
    active_ms: int = 0
    version: int | None = None
    content_hash: str | None = None
    bulk: str | None = None
    batch: str | None = None
    answered_at: int | None = None
    settles: bool = False


@dataclass(frozen=True, kw_only=True)
class Undo:
    """Take back a decision: the one (or the whole bulk action) that `target` names, else the person's last one."""

    id: str
    target: str | None = None


@dataclass(frozen=True, kw_only=True)
class Redo:
    """Bring back what the person undid last, unless they have decided something new since."""

    id: str


@dataclass(frozen=True)
class Refusal:
    """Why something was not recorded: a `code` for programs and a `message` for people.

    Codes: ``gone``, ``changed``, ``claimed``, ``decided``, ``invalid``, ``forbidden``, ``nothing``, ``reused``.
    """

    code: str
    message: str


@dataclass(frozen=True)
class Rules:
    """How a team reviews, set by a lead.

    Attributes
    ----------
    opinions : int
        How many people judge an item in the overlap.
    overlap : float
        Share of items in the overlap, 0..1; the others need one opinion.
    blind_first : bool
        Hide the suggestion until the reviewer has chosen.
    gold_every : int
        One in so many items that a person is shown has a known answer; 0 for never.
    """

    opinions: int = 1
    overlap: float = 1.0
    blind_first: bool = False
    gold_every: int = 20


def opinions_needed(item_id: str, rules: Rules) -> int:
    """Return how many opinions an item needs; which items are in the overlap depends on nothing but their ids."""
    if rules.opinions <= 1 or rules.overlap >= 1:
        return rules.opinions
    digest = hashlib.blake2b(item_id.encode("utf-8", "surrogatepass"), digest_size=8, person=b"overlap").digest()
    return rules.opinions if int.from_bytes(digest, "big") < rules.overlap * 2**64 else 1


@dataclass(frozen=True)
class Resolution:
    """What the opinions on an item amount to; `opinion` is the one that holds, None unless decided."""

    status: Status
    opinion: Opinion | None = None


def outcome(opinion: Opinion) -> str:
    """Return what an opinion comes to, for comparing opinions: a label, or the verdict in angle brackets.

    Examples
    --------
    >>> outcome(Opinion(verdict=Verdict.KEEP, given_label="refund"))
    'refund'
    >>> outcome(Opinion(verdict=Verdict.AMBIGUOUS, given_label="refund"))
    '<ambiguous>'
    """
    label = opinion.label
    return label if label is not None else f"<{opinion.verdict}>"


def resolve(opinions: Mapping[str, Opinion], needed: int) -> Resolution:
    """Combine the opinions on an item, by slot (a person's name, :data:`RULING` or :data:`GOLD`).

    A ruling holds over a known answer, and both over everything else. A skip is no opinion. With fewer than `needed`
    the item is open; if all agree it is decided; any disagreement is a conflict that a lead adjudicates, whatever the
    majority, because a two-to-one vote on a hard item is the case that adjudication is for.
    """
    for slot in (RULING, GOLD):
        if slot in opinions:
            return Resolution(Status.DECIDED, opinions[slot])
    counted = [opinion for _, opinion in sorted(opinions.items(), key=_slot) if opinion.verdict is not Verdict.SKIP]
    if len(counted) < max(needed, 1):
        return Resolution(Status.OPEN)
    same = len({_meant(opinion) for opinion in counted}) == 1
    return Resolution(Status.DECIDED, counted[0]) if same else Resolution(Status.CONFLICT)


def _meant(opinion: Opinion) -> tuple[str, tuple[str, ...]]:
    """Return what opinions must share to agree: a label, whatever label stood there when it was said, or all labels."""
    return outcome(opinion), () if opinion.label is not None else tuple(sorted(opinion.labels))


def _slot(pair: tuple[str, Opinion]) -> str:
    return pair[0]


def check_opinion(  # noqa: PLR0911 -- a list of rules reads best as guards
    opinion: Opinion, classes: Sequence[str] | frozenset[str]
) -> Opinion | Refusal:
    """Check an opinion against the classes and bring it into its normal form.

    A relabel to the label the item already has is a keep.

    Returns
    -------
    Opinion or Refusal
        The opinion as it is to be recorded, or why it cannot be.
    """
    labels, given = opinion.labels, opinion.given_label
    if len(opinion.note) > _NOTE_CHARACTERS:
        return Refusal("invalid", f"The note has {len(opinion.note)} characters; at most {_NOTE_CHARACTERS} are kept.")
    if not is_storable((opinion.note, *labels)):
        return Refusal("invalid", "A note or label contains characters that no database can store.")
    unknown = [label for label in labels if label not in classes]
    match opinion.verdict:
        case Verdict.RELABEL if len(labels) != 1:
            return Refusal("invalid", f"A relabel names exactly one label, but {len(labels)} were given.")
        case Verdict.RELABEL | Verdict.SEVERAL_FIT if unknown:
            hint = did_you_mean(unknown[0], sorted(classes))
            return Refusal("invalid", f"There is no class {unknown[0]!r}. {hint}".rstrip())
        case Verdict.RELABEL if labels[0] == given:
            return Opinion(verdict=Verdict.KEEP, note=opinion.note, given_label=given)
        case Verdict.SEVERAL_FIT if labels and len(set(labels)) < 2:
            return Refusal("invalid", "Name at least two different labels that fit, or none.")
        case Verdict.NONE_FITS if len(labels) > 1 or (labels and not unknown):
            return Refusal("invalid", "With 'none fits' name one new class, or nothing.")
        case Verdict.KEEP | Verdict.AMBIGUOUS | Verdict.EXCLUDE | Verdict.SKIP if labels:
            return Refusal("invalid", f"The verdict '{opinion.verdict}' takes no label.")
        case Verdict.KEEP if given is None:
            return Refusal("invalid", "The item has no label to keep; choose a class.")
    return opinion


def is_storable(texts: Iterable[str]) -> bool:
    """Tell whether every database takes these texts: none with a NUL, no half of a character (lone surrogate)."""
    return not any(character == "\0" or "\ud800" <= character <= "\udfff" for text in texts for character in text)


@dataclass(frozen=True, kw_only=True)
class ItemState:
    """An item as the rules see it.

    Attributes
    ----------
    item_id, content_hash, given_label, suggested_label
        From the audit.
    version : int
        Number of the last event on the item; 0 before the first.
    needed : int
        Opinions it needs.
    opinions : mapping of slot to Opinion
        What stands.
    """

    item_id: str
    content_hash: str
    given_label: str | None
    suggested_label: str | None = None
    version: int = 0
    needed: int = 1
    opinions: Mapping[str, Opinion] = field(default_factory=dict)


def admit(  # noqa: PLR0911 -- a list of rules reads best as guards
    item: ItemState | None, decision: Decision, person: str, *, holds_claim: bool, claimed_by: Sequence[str] = ()
) -> Refusal | None:
    """Say why `person` may not give the opinion `decision` on `item`, or None if they may.

    Parameters
    ----------
    item : ItemState or None
        None if there is no such item.
    decision : Decision
        What is asked for.
    person : str
        Who asks.
    holds_claim : bool
        Whether the asking client has a live claim on the item.
    claimed_by : sequence of str
        People with live claims of other clients on it.
    """
    if item is None:
        return Refusal("gone", f"The item {decision.item_id!r} is not in this audit.")
    if decision.content_hash is not None and decision.content_hash != item.content_hash:
        return Refusal("changed", f"The content of the item {item.item_id!r} is not what was on the screen.")
    if not holds_claim and decision.version is not None and decision.version != item.version:
        return Refusal("changed", f"The item {item.item_id!r} was decided on by somebody since it was shown.")
    if RULING in item.opinions:
        return Refusal("decided", f"A lead has adjudicated the item {item.item_id!r}.")
    if holds_claim or decision.batch is not None or person in item.opinions or GOLD in item.opinions:
        return None
    given = sum(opinion.verdict is not Verdict.SKIP for opinion in item.opinions.values())
    if given >= item.needed:
        return Refusal("decided", f"The item {item.item_id!r} already has the opinions it needs.")
    if given + len(claimed_by) >= item.needed:
        people = ", ".join(sorted(set(claimed_by)))
        return Refusal(
            "claimed",
            f"The item {item.item_id!r} is on the screen of {people}, and free again five minutes after they leave it.",
        )
    return None


def carries_over(resolved: Opinion | None, judged_label: str | None, now_given: str | None) -> bool:
    """Say whether opinions on an item of unchanged content still hold in a later audit.

    They do while the item has the label that was judged, or the one that was decided on; if somebody gave it a third
    one, the question is a new one.
    """
    return now_given == judged_label or (resolved is not None and resolved.label == now_given)


def active_milliseconds(signs: Iterable[tuple[int, bool]]) -> int:
    """Add up the time that a person worked on an item.

    Parameters
    ----------
    signs : iterable of (int, bool)
        Signs of life in ascending order: milliseconds, and whether the page was visible from then on.

    Returns
    -------
    int
        Milliseconds between signs, without hidden spans and without pauses of more than 60 s.

    Examples
    --------
    >>> active_milliseconds([(0, True), (4_000, True), (90_000, True), (91_000, False), (95_000, True), (96_000, True)])
    6000
    """
    total = 0
    previous: tuple[int, bool] | None = None
    for at, visible in signs:
        if previous is not None and previous[1] and 0 < at - previous[0] <= IDLE_MS:
            total += at - previous[0]
        previous = (at, visible)
    return total
