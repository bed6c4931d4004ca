"""Numbers and names in the words that people read. No widgets."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labelaudit.decisions import Opinion
    from labelaudit.health import Health
    from labelaudit.residual import CheckSummary
    from labelaudit.reviewing import Filter
    from labelaudit.reviewing.standing import Standing
    from labelaudit.store.projection import Standing as StandingOpinion

__all__ = [
    "EVENTS",
    "KINDS",
    "VERDICTS",
    "certainty_lines",
    "certificate_line",
    "count_of",
    "empty_state",
    "health_lines",
    "link",
    "next_steps",
    "opinions_line",
    "progress_lines",
    "spoken_time",
    "unmarked",
]

VERDICTS = {
    "keep": "keep",
    "relabel": "relabel",
    "ambiguous": "people would differ",
    "several_fit": "several fit",
    "none_fits": "none fits",
    "exclude": "exclude",
    "skip": "skip",
}
"""Verdicts as people read them."""

EVENTS = {
    "bind": "reviews begun",
    "decide": "decided",
    "adjudicate": "settled",
    "gold": "known answer set",
    "undo": "undone",
    "redo": "redone",
    "person": "person added or changed",
    "assign": "part of the queue given",
    "rules": "rules changed",
}
"""What happened, as people read it."""

KINDS = {
    "wrong_label": "wrong label",
    "ambiguous": "ambiguous",
    "several_labels": "several labels fit",
    "outlier": "outlier",
    "duplicate_conflict": "copies with other labels",
}
"""Kinds of flagged items as people read them."""


_TELLING = 20  # decisions after which a model that promised too much is told
_CHECKED = math.ceil(math.log(0.05) / math.log(0.99))
_MARKUP = frozenset("\\`*_{}[]()<>#+-.!|~$:&^=")


def opinions_line(standings: Sequence[StandingOpinion]) -> str:
    """Say who judged an item how, for the lead who settles it."""
    return "; ".join(f"{said.person}: {_opinion(said.opinion)}" for said in standings)


def _opinion(opinion: Opinion) -> str:
    named = f" {', '.join(opinion.labels)}" if opinion.labels else ""
    note = f" (“{opinion.note}”)" if opinion.note else ""
    return f"{VERDICTS[opinion.verdict]}{named}{note}"


def count_of(count: float, thing: str, things: str | None = None) -> str:
    """Return a count with its noun.

    Examples
    --------
    >>> count_of(1, "item"), count_of(1200, "item")
    ('1 item', '1,200 items')
    """
    return f"{count:,.0f} {thing if round(count) == 1 else things or thing + 's'}"


def unmarked(text: str) -> str:
    r"""Return `text` so that Streamlit's Markdown shows it as it is, in labels of buttons.

    Examples
    --------
    >>> unmarked("**refund** :smile:") == r"\*\*refund\*\* \:smile\:"
    True
    """
    return "".join(f"\\{sign}" if sign in _MARKUP else sign for sign in text)


def spoken_time(minutes: float) -> str:
    """Return a length of time, roughly.

    Examples
    --------
    >>> spoken_time(0.4), spoken_time(38.2), spoken_time(200)
    ('under a minute', '38 min', '3.3 h')
    """
    if minutes < 1:
        return "under a minute"
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"


def progress_lines(standing: Standing, *, learned: int) -> list[str]:
    """Say how a queue is doing, for the line above the card."""
    lines = []
    progress = standing.progress
    if progress.precision is not None:
        lines.append(f"{progress.precision:.0%} of decided labels were wrong" + _promised(standing))
    if progress.counts.open:
        lines.append(f"about {count_of(standing.errors_left, 'error')} left (the model's estimate)")
        if standing.minutes_left is not None:
            lines.append(f"{spoken_time(standing.minutes_left)} left")
    if progress.counts.conflict:
        lines.append(count_of(progress.counts.conflict, "disagreement"))
    if not standing.is_worth_it:
        lines.append(
            f"Hardly worth your time now: {standing.chance_ahead:.0%} of the next items are expected to be wrong"
        )
    if learned:
        lines.append(f"order learned from {count_of(learned, 'decision')}")
    return lines


def _promised(standing: Standing) -> str:
    """Say so where the model expected far more errors among the decided items than people found."""
    expected, found = standing.expected_among_decided, standing.progress.errors
    if standing.progress.counts.decided < _TELLING or expected is None or found > expected / 2:
        return ""
    return f"; the model expected {expected / standing.progress.counts.decided:.0%}. It is too sure of itself here"


def certificate_line(health: Health, check: CheckSummary | None) -> str:
    """Say what a random check has shown, or that nothing makes it certain that one may stop, and what that would take.

    The number of random items is the least n for which none of them wrong bounds the share of errors by 1 % with 95 %
    confidence: ``0.99**n <= 0.05`` (Clopper and Pearson 1934, no errors found).
    """
    if check is not None and check.estimate is not None:
        return f"Wrong labels by a random check: {check.errors_in_words}. {check.remaining_in_words}."
    if check is not None:
        return f"No stopping certificate: {check.errors_in_words}. Go on in the queue “Random check”."
    needed = min(_CHECKED, health.assessed)
    return (
        "No stopping certificate: a queue cannot show what it never suspected. The queue “Random check” can: with "
        f"no error among {count_of(needed, 'random item')}, at most 1% are wrong (95% confidence)."
    )


def empty_state(standing: Standing, filter: Filter) -> dict[str, Any]:
    """Say why there is nothing to judge, what was achieved, and what comes next."""
    counts = standing.progress.counts
    if counts.total == 0:
        return _nothing(filter)
    waiting = counts.conflict if filter.queue == "conflicts" else counts.open
    if waiting:
        return {
            "title": "Nothing is free for you right now.",
            "lines": [
                f"{count_of(waiting, 'item')} of this queue {'is' if waiting == 1 else 'are'} open, but on the screens "
                "of others, in another window of yours, judged by you and waiting for the opinion of somebody else, "
                "skipped by you, or not in your part of the queue.",
                "What a closed window still holds is free again within five minutes.",
            ],
            "links": [link("Look at what you skipped", queue="skipped"), link("All flagged items", queue="flagged")],
        }
    found = standing.progress.errors
    lines = [
        f"{count_of(counts.decided, 'item')} decided; {count_of(found, 'wrong label')} found.",
        *([f"{count_of(counts.conflict, 'disagreement')} for a lead to settle."] if counts.conflict else []),
        "Next: write the corrected data (labelaudit apply AUDIT --out FILE), and audit it again, with what was decided "
        "(labelaudit audit FILE --after AUDIT).",
    ]
    links = [link("Ambiguous items", queue="ambiguous"), link("All flagged items", queue="flagged")]
    links += [link("Random check: what the queues miss", queue="check")]
    links += [link("Settle disagreements", queue="conflicts")] if counts.conflict else []
    return {"title": "This queue is finished.", "lines": lines, "links": links}


def _nothing(filter: Filter) -> dict[str, Any]:
    texts = {
        "skipped": ("Nothing that you skipped is waiting.", "Items that you skip with S come here, for a second look."),
        "conflicts": (
            "There is no disagreement.",
            "Items on which reviewers disagree come here, for a lead to settle.",
        ),
    }
    title, line = texts.get(filter.queue, ("No item matches.", "Take a filter away, or choose another queue."))
    return {"title": title, "lines": [line], "links": [link("Suspect labels", queue="suspects")]}


def link(label: str, **parameters: str) -> dict[str, str]:
    """Return a link to the queue that `parameters` name."""
    return {"label": label, "href": f"?{urlencode(parameters)}"}


def health_lines(health: Health) -> list[tuple[str, str, str]]:
    """Return the health at a glance: name, value, and what it means."""
    flagged = f"of {health.assessed:,} assessed labels"
    return [
        ("Expected errors", f"{health.expected_errors:,.0f}", health.range_in_words),
        ("Expected error rate", f"{health.expected_error_rate:.1%}", flagged),
        ("Suspect labels", f"{health.suspects:,}", f"about {health.suspect_errors:,.0f} of them expected to be wrong"),
        ("Ambiguous items", f"{health.ambiguous:,}", "people might disagree on them"),
        ("Model agreement", f"{health.agreement:.1%}", "of labels are the model's first choice"),
    ]


def certainty_lines(health: Health, check: CheckSummary | None) -> list[str]:
    """Say how far the numbers can be trusted."""
    low, high = health.expected_errors_range
    count = count_of(health.not_assessable, "item")
    unassessed = [f"{count} could not be assessed; that is not the same as fine."] if health.not_assessable else []
    return [
        f"Between {low:,.0f} and {high:,.0f} labels may be wrong ({health.range_kind}).",
        "That comes from the model and the data alone. A confidence interval needs items that were drawn at random.",
        certificate_line(health, check)
        if check is not None
        else "To draw some: the queue “Random check”, or labelaudit check AUDIT",
        *unassessed,
    ]


def next_steps(standing: Standing, health: Health) -> list[str]:
    """Say what to do now, most useful first."""
    counts = standing.progress.counts
    steps = []
    if counts.conflict:
        steps.append(f"Settle {count_of(counts.conflict, 'disagreement')} between reviewers.")
    if counts.open and standing.is_worth_it:
        pace = standing.minutes_left
        length = "" if pace is None else f" ({spoken_time(pace)} of work)"
        steps.append(f"Review the {count_of(counts.open, 'open suspect')}{length}.")
    elif counts.open:
        steps.append(
            "Stop with the suspects: hardly any of those left is expected to be wrong. The queue “Random check” "
            "teaches more."
        )
    if health.ambiguous:
        steps.append(f"Then look at the {count_of(health.ambiguous, 'ambiguous item')}: is the guideline clear there?")
    if counts.decided:
        steps.append("Write the corrected data with: labelaudit apply AUDIT --out FILE")
    return steps
