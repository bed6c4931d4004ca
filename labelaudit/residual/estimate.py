"""From verdicts on a random check to an interval for the number of errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from labelaudit.errors import UsageError
from labelaudit.residual.posterior import Verdicts, posterior_of_errors

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from labelaudit.residual.check import RandomCheck

__all__ = ["ErrorEstimate", "estimate_errors"]

# Shapes of the Beta prior of an error rate: for the lower limit and the estimate, and for the upper limit.
_FROM_EVENTS = (0.01, 1.0)
_JEFFREYS = (0.5, 0.5)


@dataclass(frozen=True, kw_only=True)
class ErrorEstimate:
    """The number of label errors in the population that a check was drawn from.

    Attributes
    ----------
    errors : float
        Estimate.
    interval : (float, float)
        Low and high end.
    level : float
        Probability that the interval is meant to hold the truth with.
    remaining : float
        Estimate of the errors not found yet.
    remaining_interval : (float, float)
        The same for the errors not found yet.
    range_kind : str
        In words, what kind of range it is and what it rests on.
    slip_rates : (float, float), optional
        Estimated shares of right labels that one look calls wrong, and of wrong labels that it calls right; None where
        no item was looked at twice.
    """

    errors: float
    interval: tuple[float, float]
    level: float
    remaining: float
    remaining_interval: tuple[float, float]
    range_kind: str
    slip_rates: tuple[float, float] | None


def estimate_errors(
    check: RandomCheck,
    called_wrong: ArrayLike,
    looks: ArrayLike | None = None,
    *,
    found: int = 0,
    level: float = 0.95,
    seed: int = 0,
) -> ErrorEstimate:
    """Estimate how many labels are wrong in the population that `check` was drawn from.

    Parameters
    ----------
    check : RandomCheck
        What was drawn.
    called_wrong : (m,) bool or int
        How many of the independent looks at each drawn item called its label wrong.
    looks : (m,) int, optional
        How many independent looks each drawn item got, 0 where it is still undecided; default: one each.
    found : int
        Errors of this population that have been found so far, by the check or otherwise.
    level : float
        Wanted coverage of the interval.
    seed : int
        Seed of the numerical integration.

    Returns
    -------
    ErrorEstimate

    Raises
    ------
    UsageError
        If no item has been looked at, or the numbers do not fit the check.

    Notes
    -----
    Each stratum's error rate gets a Beta prior: for the upper limit Jeffreys' Beta(½, ½), whose intervals cover well
    even after no event (Brown, Cai and DasGupta 2001, *Statistical Science* 16), for the lower limit and the estimate
    nearly Beta(0, 1), which gives the lower limit of Clopper and Pearson (1934). One prior for both would add half an
    event in each stratum and push the lower limit over the truth where errors are rare. Undecided items follow by
    binomial draws, so that the interval shrinks to a point when all are looked at. Items with two looks or more tell
    how often a look errs (double sampling: Tenenbein 1970; latent classes: Dawid and Skene 1979); both rates of slips
    have the prior Beta(1, 19). With one look each, looks are taken as right, and `range_kind` says so.
    """
    wrong, count = _checked(check, called_wrong, looks)
    if not 0.0 < level < 1.0:
        raise UsageError(f"The level is {level}.", "Give one between 0 and 1, such as 0.95.")
    repeated = int((count > 1).sum())
    tables = [Verdicts.of(wrong[check.stratum == h], count[check.stratum == h]) for h in range(len(check.sizes))]
    fewest, slips = posterior_of_errors(tables, check.sizes, _FROM_EVENTS, seed)
    most, _ = posterior_of_errors(tables, check.sizes, _JEFFREYS, seed)
    low = float(np.quantile(fewest, 0.5 - level / 2, method="inverted_cdf"))
    high = float(np.quantile(most, 0.5 + level / 2, method="inverted_cdf"))
    middle = float(np.clip(fewest.mean(), low, high))
    remaining = tuple(max(0.0, value - found) for value in (low, middle, high))
    trust = (
        f"{repeated} of them looked at more than once"
        if repeated
        else "each looked at once and every verdict taken as right"
    )
    return ErrorEstimate(
        errors=middle,
        interval=(low, high),
        level=level,
        remaining=remaining[1],
        remaining_interval=(remaining[0], remaining[2]),
        range_kind=f"{100.0 * level:.6g}% confidence interval from {int((count > 0).sum())} random checks, {trust}",
        slip_rates=(float(slips[0]), float(slips[1])) if repeated else None,
    )


def _checked(
    check: RandomCheck, called_wrong: ArrayLike, looks: ArrayLike | None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    wrong = np.asarray(called_wrong).astype(np.int64)
    count = np.ones(len(check), dtype=np.int64) if looks is None else np.asarray(looks, dtype=np.int64)
    if wrong.shape != (len(check),) or count.shape != (len(check),):
        raise UsageError(
            f"The check has {len(check)} items, but there are {wrong.size} verdicts and {count.size} numbers of looks.",
            "Give one of each for every item of the check; 0 looks where an item is undecided.",
        )
    if ((wrong < 0) | (wrong > count)).any():
        row = int(np.flatnonzero((wrong < 0) | (wrong > count))[0])
        raise UsageError(
            f"Item {row} of the check was called wrong {wrong[row]} times in {count[row]} looks.",
            "Give at most as many verdicts as looks.",
        )
    if not count.any():
        raise UsageError(
            "No item of the random check has been looked at, so there is no confidence interval.",
            "Decide on some of its items first; without a check only a plausible range can be given.",
        )
    return wrong, count
