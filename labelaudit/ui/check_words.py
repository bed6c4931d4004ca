"""What is said about a random check, on its page. No widgets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labelaudit.ui.words import count_of, link, spoken_time

if TYPE_CHECKING:
    from labelaudit.loop import CheckPrice, CheckStanding, Waiting

__all__ = ["check_lines", "check_price_line", "empty_check"]

_WHAT_FOR = (
    "It shows how many labels are wrong, and how many of those nobody has found. A queue cannot, since it shows only "
    "what it suspects. Items are drawn at random and judged blind: without their label, and without a suggestion. "
    "A lead draws it."
)


def check_lines(waiting: Waiting, seconds: float | None, *, at_hand: bool) -> list[str]:
    """Say what a random check still asks of a person.

    Parameters
    ----------
    waiting : Waiting
        What waits.
    seconds : float or None
        Mean work on an answer.
    at_hand : bool
        Whether the person has some of it on the screen; else others have what is left.
    """
    lines = []
    if waiting.mine and at_hand:
        pace = "" if seconds is None else f" ({spoken_time(seconds * len(waiting.mine) / 60)})"
        lines.append(f"{len(waiting.mine):,} left{pace}")
    if waiting.seen:
        lines.append(f"{waiting.seen:,} left to somebody else: you decided on them before")
    return lines


def check_price_line(price: CheckPrice) -> str:
    """Say what a random check costs."""
    time = "" if price.minutes is None else f": {spoken_time(price.minutes)} of work"
    looks = f"{price.items:,} answers, and about {price.second_looks:,} second looks by somebody else"
    return f"Drawn from {count_of(price.population, 'item')}. It takes {looks}{time}."


def empty_check(standing: CheckStanding | None, waiting: Waiting) -> dict[str, Any]:
    """Say what a random check has shown, and what it waits for, where nothing of it is left for a person."""
    links = [link("Suspect labels", queue="suspects")]
    if standing is None:
        return {"title": "No random check has been drawn yet.", "lines": [_WHAT_FOR], "links": links}
    summary = standing.summary
    lines = [f"Wrong labels: {summary.errors_in_words}."]
    lines += [f"{summary.remaining_in_words}."] if summary.estimate is not None else []
    waits = _what_waits(standing, waiting)
    title = "Nothing of the random check is left for you." if waits else "The random check is finished."
    return {"title": title, "lines": lines + waits, "links": links}


def _what_waits(standing: CheckStanding, waiting: Waiting) -> list[str]:
    lines = []
    if waiting.seen:
        lines.append(
            f"{count_of(waiting.seen, 'item')} left to somebody else: you decided on them before, with the suggestion "
            "in sight, so that no answer of yours would be blind."
        )
    if waiting.answered:
        lines.append(f"{count_of(waiting.answered, 'item')} that you answered or skipped left to somebody else.")
    if waiting.mine:
        lines.append(f"{count_of(len(waiting.mine), 'item')} on the screens of others.")
    if standing.to_look_again:
        again = count_of(len(standing.to_look_again), "item")
        lines.append(
            f"{again} should be looked at by somebody else, since a few slips inflate the count most. A lead asks for "
            "that."
        )
    return lines
