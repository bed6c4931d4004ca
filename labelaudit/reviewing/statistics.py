"""What reviews say about reviewers and classes."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from labelaudit.agreement import MISSING, krippendorff_alpha, opinion_table, pairwise_kappa
from labelaudit.decisions import GOLD, RULING, Verdict
from labelaudit.one_sided import KEPT, OTHER, TOOK, OneSidedness, one_sidedness
from labelaudit.store import Store
from labelaudit.store.records import mean_seconds

__all__ = ["ClassStatistics", "PersonStatistics", "Share", "Statistics", "measure"]


@dataclass(frozen=True)
class Share:
    """`part` of `whole`."""

    part: int = 0
    whole: int = 0

    @property
    def value(self) -> float | None:
        """The share, 0..1; None of nothing."""
        return self.part / self.whole if self.whole else None


@dataclass(frozen=True, kw_only=True)
class PersonStatistics:
    """One reviewer.

    Attributes
    ----------
    person : str
        Name.
    decisions : int
        Decisions made, those taken back or changed included.
    seconds_per_decision : float or None
        Active seconds of those that were timed, without pauses over 60 s and hidden tabs.
    verdicts : mapping of str to int
        Opinions that stand, by verdict.
    kappa : float or None
        Mean Cohen's kappa with each other reviewer, weighted by the items that both judged.
    common : int
        Pairs (other reviewer, item) behind it.
    gold : Share
        Right answers among items with a known answer.
    accepted_shown, accepted_blind : Share
        First answers that were the suggestion, when it was shown and when it was hidden. If people take a suggestion
        much more often when they see it, they are anchored by it.
    by_class : mapping of str or None to (int, float)
        Decisions and active seconds, by given label.
    one_sided : OneSidedness
        Whether the person takes suggestions or keeps labels more often than can be chance, and of what it can be told.
    """

    person: str
    decisions: int = 0
    seconds_per_decision: float | None = None
    verdicts: Mapping[str, int] = field(default_factory=dict)
    kappa: float | None = None
    common: int = 0
    gold: Share = Share()
    accepted_shown: Share = Share()
    accepted_blind: Share = Share()
    by_class: Mapping[str | None, tuple[int, float]] = field(default_factory=dict)
    one_sided: OneSidedness = field(default_factory=OneSidedness)


@dataclass(frozen=True, kw_only=True)
class ClassStatistics:
    """One class, by given label; None stands for unlabelled items.

    Attributes
    ----------
    given_label : str or None
        The class.
    decisions : int
        Decisions made on its items.
    seconds_per_decision : float or None
        Active seconds of those that were timed.
    verdicts : mapping of str to int
        Opinions that stand, by verdict.
    alpha : float or None
        Krippendorff's alpha of reviewers on its items.
    gold : Share
        Right answers among its items with a known answer.
    """

    given_label: str | None
    decisions: int = 0
    seconds_per_decision: float | None = None
    verdicts: Mapping[str, int] = field(default_factory=dict)
    alpha: float | None = None
    gold: Share = Share()


@dataclass(frozen=True)
class Statistics:
    """All reviewers, all classes, and Krippendorff's alpha over everything (None where nothing was judged twice)."""

    people: tuple[PersonStatistics, ...]
    classes: tuple[ClassStatistics, ...]
    alpha: float | None

    def one_sided_notes(self) -> list[str]:
        """Say who answers to one side and what shows it, and of whom that cannot be told."""
        notes = [f"{one.person} {lean.side}: {lean}." for one in self.people for lean in one.one_sided.leans]
        untold = [one.person for one in self.people if not one.one_sided.can_be_told and not one.one_sided.leans]
        if untold:
            notes.append(
                f"Of {', '.join(untold)} it cannot be told who always takes the suggestion, or always keeps the label: "
                "that takes about ten known answers of either kind (labels that are right, labels that are wrong), or "
                "some twenty items that others judged too and did not all answer alike."
            )
        return notes


def measure(store: Store) -> Statistics:
    """Return the statistics of a store."""
    standings = store.records.standings()
    gold = {row.item_id: row.outcome for row in standings if row.slot == GOLD}
    sides = _one_sidedness([row for row in standings if row.slot != RULING])
    judged = [row for row in standings if row.slot not in {GOLD, RULING}]
    work = store.records.work_done()
    return Statistics(
        people=_people(judged, gold, work, store.records.first_answers(), sides),
        classes=_classes(judged, gold, work),
        alpha=_alpha(judged),
    )


def _people(
    judged: Sequence[Any],
    gold: Mapping[str, str],
    work: Sequence[Any],
    answers: Sequence[Any],
    sides: Mapping[str, OneSidedness],
) -> tuple[PersonStatistics, ...]:
    table, names, _ = opinion_table(_counted(judged))
    kappas, common = pairwise_kappa(table)
    kappa_of = {name: (_known(kappas[i]), int(common[i])) for i, name in enumerate(names)}
    accepted = {(row.person, bool(row.blind)): Share(int(row.accepted), int(row.shown)) for row in answers}
    opinions = _grouped(judged, "person")
    found = []
    for person in sorted({row.person for row in work}):
        mine = [row for row in work if row.person == person]
        kappa, pairs = kappa_of.get(person, (None, 0))
        found.append(
            PersonStatistics(
                person=person,
                decisions=_decisions(mine),
                seconds_per_decision=mean_seconds(mine),
                verdicts=Counter(row.verdict for row in opinions[person]),
                kappa=kappa,
                common=pairs,
                gold=_gold_share(opinions[person], gold),
                accepted_shown=accepted.get((person, False), Share()),
                accepted_blind=accepted.get((person, True), Share()),
                by_class={row.given_label: (int(row.decisions), row.active_ms / 1000) for row in mine},
                one_sided=sides.get(person, OneSidedness()),
            )
        )
    return tuple(found)


def _classes(judged: Sequence[Any], gold: Mapping[str, str], work: Sequence[Any]) -> tuple[ClassStatistics, ...]:
    opinions = _grouped(judged, "given_label")
    done = _grouped(work, "given_label")
    return tuple(
        ClassStatistics(
            given_label=label,
            decisions=_decisions(done[label]),
            seconds_per_decision=mean_seconds(done[label]),
            verdicts=Counter(row.verdict for row in opinions[label]),
            alpha=_alpha(opinions[label]),
            gold=_gold_share(opinions[label], gold),
        )
        for label in sorted(done, key=_none_last)
    )


def _counted(judged: Sequence[Any]) -> list[tuple[str, str, str]]:
    """Opinions to compare; several labels that fit are compared as a whole."""
    return [
        (row.person, row.item_id, f"{row.outcome} {row.labels}" if row.verdict == Verdict.SEVERAL_FIT else row.outcome)
        for row in judged
        if row.verdict != Verdict.SKIP
    ]


def _one_sidedness(standings: Sequence[Any]) -> dict[str, OneSidedness]:
    """Say of each person to which side they answer; items without another label to suggest have no sides."""
    rows = [row for row in standings if row.verdict != Verdict.SKIP and _has_sides(row)]
    people = sorted({row.person for row in rows if row.slot != GOLD})
    row_of = {name: i for i, name in enumerate(people)}
    column_of = {item_id: j for j, item_id in enumerate(sorted({row.item_id for row in rows}))}
    answers = np.full((len(people), len(column_of)), MISSING, dtype=np.int64)
    truth = np.full(len(column_of), MISSING, dtype=np.int64)
    for row in rows:
        of = truth if row.slot == GOLD else answers[row_of[row.person]]
        of[column_of[row.item_id]] = _answer(row)
    return dict(zip(people, one_sidedness(answers, truth), strict=True))


def _has_sides(row: Any) -> bool:
    return None not in {row.suggested_label, row.given_label} and row.suggested_label != row.given_label


def _answer(row: Any) -> int:
    if row.outcome == row.given_label:
        return KEPT
    return TOOK if row.outcome == row.suggested_label else OTHER


def _alpha(judged: Sequence[Any]) -> float | None:
    table, _, _ = opinion_table(_counted(judged))
    return _known(krippendorff_alpha(table))


def _gold_share(judged: Sequence[Any], gold: Mapping[str, str]) -> Share:
    measured = [row for row in judged if row.item_id in gold and row.verdict != Verdict.SKIP]
    return Share(sum(row.outcome == gold[row.item_id] for row in measured), len(measured))


def _decisions(work: Sequence[Any]) -> int:
    return sum(int(row.decisions) for row in work)


def _grouped(rows: Sequence[Any], name: str) -> defaultdict[Any, list[Any]]:
    groups: defaultdict[Any, list[Any]] = defaultdict(list)
    for row in rows:
        groups[getattr(row, name)].append(row)
    return groups


def _none_last(label: str | None) -> tuple[bool, str]:
    return label is None, label or ""


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
