"""How a queue is doing: what it found, what is left in it, and whether it is still worth the time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from labelaudit.reviewing.queue import Progress
from labelaudit.store.records import mean_seconds

if TYPE_CHECKING:
    from labelaudit.reviewing.queue import Queue

__all__ = ["Standing", "standing_of"]

_AHEAD = 25  # as many as a batch after which the queue is scored again
_WORTH = 0.05  # one error in twenty items; below that, a random check teaches more than the queue
_FEW_DECISIONS = 5


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where a queue stands.

    Attributes
    ----------
    progress : Progress
        Counts and verdicts.
    errors_left : float
        Expected wrong labels among the open items: the model's estimate, no interval.
    chance_ahead : float or None
        Mean suspicion of the next 25 open items, 0..1; None if there is none.
    seconds_per_decision : float or None
        Active seconds of the whole team; None before the fifth decision that was timed.
    expected_among_decided : float, optional
        Wrong labels that the audit expected among the decided items, before anything was learned from them.
    """

    progress: Progress
    errors_left: float
    chance_ahead: float | None
    seconds_per_decision: float | None
    expected_among_decided: float | None = None

    @property
    def minutes_left(self) -> float | None:
        """Minutes of work left in the queue at the team's pace."""
        pace = self.seconds_per_decision
        return None if pace is None else pace * self.progress.counts.open / 60

    @property
    def is_worth_it(self) -> bool:
        """Whether at least one of twenty items ahead is expected to be wrong."""
        return self.chance_ahead is None or self.chance_ahead >= _WORTH


def standing_of(queue: Queue) -> Standing:
    """Measure where a queue stands."""
    records = queue.store.records
    ahead = replace(queue, filter=replace(queue.filter, status="open")).page(limit=_AHEAD)
    suspicion = [card.suspicion for card in ahead if card.suspicion is not None]
    work = records.work_done()
    timed = sum(row.timed for row in work)
    return Standing(
        progress=queue.progress(),
        errors_left=records.expected_errors(queue.filter, queue.person),
        chance_ahead=float(np.mean(suspicion)) if suspicion else None,
        seconds_per_decision=mean_seconds(work) if timed >= _FEW_DECISIONS else None,
    )
