"""What a random check has shown so far, in numbers and in words."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from labelaudit.residual.estimate import ErrorEstimate, estimate_errors

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from labelaudit.residual.check import RandomCheck

__all__ = ["CheckSummary", "summarize_check"]


@dataclass(frozen=True, kw_only=True)
class CheckSummary:
    """What a random check has shown so far.

    Attributes
    ----------
    population : int
        Items that the check was drawn from.
    drawn, answered, looked_at_twice : int
        Items drawn, those of them with at least one verdict that says right or wrong, and those with more.
    found : int
        Labels of the population that people decided to be wrong, in the check or elsewhere.
    estimate : ErrorEstimate, optional
        None before half of the drawn items are answered: a few of them say little, and who looks after every answer
        stops too easily at one that pleases.
    passed_over : int
        Items without an answer that people decided on elsewhere, where these are most of those without: whoever has met
        an item as a suspect is not asked, so what is missing is no random part, and the count is likely to be too low.
    """

    population: int
    drawn: int
    answered: int
    looked_at_twice: int
    found: int
    estimate: ErrorEstimate | None
    passed_over: int = 0

    @property
    def needed(self) -> int:
        """Answered items from which on there is an interval: half of those drawn."""
        return (self.drawn + 1) // 2

    @property
    def errors_in_words(self) -> str:
        """How many labels are wrong, or what is missing before that can be said."""
        if self.estimate is None:
            return (
                f"no interval yet; {self.answered:,} of {self.drawn:,} random checks are answered, and it takes "
                f"{self.needed:,}"
            )
        low, high = self.estimate.interval
        return (
            f"about {self.estimate.errors:,.0f} of {self.population:,} labels; {low:,.0f} to {high:,.0f} "
            f"({self.estimate.range_kind}{self._caution})"
        )

    @property
    def _caution(self) -> str:
        if not self.passed_over:
            return ""
        return f"; likely too low: {self.passed_over:,} without an answer were decided on elsewhere"

    @property
    def remaining_in_words(self) -> str:
        """How many of them nobody has found yet; empty where there is no interval."""
        if self.estimate is None:
            return ""
        left, (low, high) = self.estimate.remaining, self.estimate.remaining_interval
        return f"{self.found:,} found so far; about {left:,.0f} not found yet, {low:,.0f} to {high:,.0f}"

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers as plain values, for JSON."""
        return asdict(self)


def summarize_check(
    check: RandomCheck,
    called_wrong: ArrayLike,
    looks: ArrayLike,
    *,
    found: int = 0,
    passed_over: int = 0,
    seed: int = 0,
) -> CheckSummary:
    """Sum up a random check, with an interval where enough of it is answered.

    Parameters and errors are those of :func:`~labelaudit.residual.estimate_errors`, but that nobody need have looked at
    anything yet; `passed_over` is that of the summary.

    Returns
    -------
    CheckSummary
    """
    count = np.asarray(looks, dtype=np.int64)
    summary = CheckSummary(
        population=int(check.sizes.sum()),
        drawn=len(check),
        answered=int((count > 0).sum()),
        looked_at_twice=int((count > 1).sum()),
        found=found,
        estimate=None,
        passed_over=passed_over,
    )
    if not summary.answered or summary.answered < summary.needed:
        return summary
    estimate = estimate_errors(check, called_wrong, count, found=found, seed=seed)
    return CheckSummary(**{**vars(summary), "estimate": estimate})
