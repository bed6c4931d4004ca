"""How many label errors there are: a confidence interval from items that were drawn at random and looked at.

Predicted probabilities cannot tell how many errors there are, and neither can the decisions of a queue, which shows only
what it suspects. A random check can, whatever the suspicion is worth: suspicion only decides how the check is spread, so
that a bad one costs width and not truth. Without a check there is no interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from labelaudit.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["ErrorEstimate", "RandomCheck", "draw_check", "estimate_errors", "second_looks"]

_LEAST_PER_STRATUM = 20
_MOST_STRATA = 5
_LEAST_RATE = 0.02
"""Suspicion is taken to be at least this and at most 1 minus this when a check is spread: trust, but verify."""
_DRAWS = 20_000
_RATE_GRID = 500
_SLIP_GRID = 12
_SLIP_SHAPE = 19.0
_FROM_EVENTS = (0.0, 1.0)
_JEFFREYS = (0.5, 0.5)


@dataclass(frozen=True, eq=False, kw_only=True)
class RandomCheck:
    """Items drawn at random within strata, to be judged by people who see neither suspicion nor suggestion.

    Attributes
    ----------
    items : (m,) intp
        Rows, in random order: whoever stops early has still looked at a fair sample.
    stratum : (m,) int
        Stratum of each drawn item.
    sizes : (H,) int
        Number of items in each stratum, drawn or not. One stratum describes a simple random sample.
    """

    items: NDArray[np.intp]
    stratum: NDArray[np.int64]
    sizes: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.items)


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


def draw_check(
    suspicion: ArrayLike, size: int, *, eligible: ArrayLike | None = None, ids: ArrayLike | None = None, seed: int = 0
) -> RandomCheck:
    """Draw a random check, spread over strata of suspicion.

    Strata hold equal shares of ``Σ sqrt(p (1 − p))`` and get equally many draws: the best allocation if suspicion were
    right (Särndal, Swensson and Wretman 1992, *Model Assisted Survey Sampling*, 12.4), and unbiased if not.

    Parameters
    ----------
    suspicion : (n,) float
        Probability that the label is wrong, 0..1; items with NaN are never drawn.
    size : int
        Number of items to draw; all of them if there are fewer.
    eligible : (n,) bool, optional
        Which items belong to the population, such as those not decided on yet; default: all.
    ids : (n,) array, optional
        Unique ids; with them the draw does not depend on the order of rows.
    seed : int
        Seed of the draw.

    Returns
    -------
    RandomCheck

    Raises
    ------
    UsageError
        If `size` is not positive or no item can be drawn.
    """
    p = np.asarray(suspicion, dtype=np.float64)
    rows = np.flatnonzero(np.isfinite(p) & (True if eligible is None else np.asarray(eligible, dtype=bool)))
    if size < 1 or len(rows) == 0:
        raise UsageError(
            f"A random check of {size} items cannot be drawn from {len(rows)} assessable items.",
            "Ask for at least one item, and leave at least one eligible.",
        )
    tie = rows if ids is None else np.asarray(ids)[rows]
    rows = rows[np.lexsort((tie, p[rows]))]
    codes = _strata(p[rows], min(size, len(rows)))
    sizes = np.bincount(codes)
    rng = np.random.default_rng(seed)
    drawn = [
        rng.choice(np.flatnonzero(codes == stratum), count, replace=False)
        for stratum, count in enumerate(_allocation(sizes, size))
    ]
    positions = rng.permutation(np.concatenate(drawn))
    return RandomCheck(items=rows[positions], stratum=codes[positions], sizes=sizes)


def second_looks(called_wrong: ArrayLike, *, seed: int = 0) -> NDArray[np.intp]:
    """Return which items of a check to show to somebody else, given the first verdicts.

    All that were called wrong, because a few slips of the reviewer among many right labels inflate the count most; and
    as many of the others, at least ten, for errors that were overlooked. Because the choice depends on nothing but the
    first verdicts, :func:`estimate_errors` can take it into account.

    Parameters
    ----------
    called_wrong : (m,) bool
        First verdict on each item of the check.
    seed : int
        Seed of the draw.

    Returns
    -------
    (r,) intp
        Positions in the check, ascending.
    """
    wrong = np.asarray(called_wrong, dtype=bool)
    fine = np.flatnonzero(~wrong)
    rng = np.random.default_rng(seed)
    again = rng.choice(fine, min(len(fine), max(10, int(wrong.sum()))), replace=False)
    return np.sort(np.append(np.flatnonzero(wrong), again))


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
    Beta(0, 1), the lower limit of Clopper and Pearson (1934). One prior for both would add half an event in each stratum
    and push the lower limit over the truth where errors are rare. Undecided items follow by binomial draws, so that the
    interval shrinks to a point when all are looked at. Items with two looks or more tell how often a look errs (double
    sampling: Tenenbein 1970; latent classes: Dawid and Skene 1979); both rates of slips have the prior Beta(1, 19). With
    one look each, looks are taken as right, and `range_kind` says so.
    """
    wrong, count = _checked(check, called_wrong, looks)
    if not 0.0 < level < 1.0:
        raise UsageError(f"The level is {level}.", "Give one between 0 and 1, such as 0.95.")
    repeated = int((count > 1).sum())
    tables = [_Table.of(wrong[check.stratum == h], count[check.stratum == h]) for h in range(len(check.sizes))]
    fewest, slips = _posterior(tables, check.sizes, _FROM_EVENTS, seed)
    most, _ = _posterior(tables, check.sizes, _JEFFREYS, seed)
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
        range_kind=f"{level:.0%} confidence interval from {int((count > 0).sum())} random checks, {trust}",
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


def _strata(ascending: NDArray[np.float64], size: int) -> NDArray[np.int64]:
    """Cut items in ascending order of suspicion into strata of equal anticipated spread; returns codes from 0."""
    n_strata = int(np.clip(size // _LEAST_PER_STRATUM, 1, _MOST_STRATA))
    p = np.clip(ascending, _LEAST_RATE, 1.0 - _LEAST_RATE)
    spread = np.cumsum(np.sqrt(p * (1.0 - p)))
    codes = np.minimum(n_strata - 1, (spread - spread[0] / 2) / spread[-1] * n_strata).astype(np.int64)
    return np.unique(codes, return_inverse=True)[1].reshape(-1)


def _allocation(sizes: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Give each stratum the same number of draws, and what small strata cannot use to the others."""
    draws = np.zeros(len(sizes), dtype=np.int64)
    for _ in range(min(size, int(sizes.sum()))):
        draws[np.argmin(np.where(draws < sizes, draws, np.iinfo(np.int64).max))] += 1
    return draws


def _posterior(
    tables: list[_Table], sizes: NDArray[np.int64], prior: tuple[float, float], seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw the number of errors from its posterior, (draws,); also return the mean slip rates, (2,).

    `prior` holds the shapes of the Beta prior of each stratum's error rate.
    """
    rng = np.random.default_rng(seed)
    rate, log_prior = _rate_grid(prior)
    slips = _slip_grid() if any((table.looks > 1).any() for table in tables) else np.zeros((1, 2))
    by_stratum = np.array([[table.log_likelihood(rate, pair) for table in tables] for pair in slips]) + log_prior
    peak = by_stratum.max(axis=2, keepdims=True)  # (cells, H, grid)
    mass = np.exp(by_stratum - peak)
    log_evidence = (np.log(mass.sum(axis=2)) + peak[:, :, 0]).sum(axis=1)
    evidence = np.exp(log_evidence - log_evidence.max())
    evidence /= evidence.sum()
    totals: list[NDArray[np.float64]] = []
    for cell, times in enumerate(rng.multinomial(_DRAWS, evidence)):
        drawn = np.zeros(times)
        for table, size, weight in zip(tables, sizes, mass[cell], strict=True):
            rates = rng.choice(rate, times, p=weight / weight.sum())
            drawn += table.draw_errors(rates, int(size), slips[cell], rng)
        totals.append(drawn)
    return np.concatenate(totals), evidence @ slips


def _rate_grid(prior: tuple[float, float]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return error rates (grid,) and the log of their prior mass under Beta(`prior`), up to a constant."""
    # Points of equal mass under Beta(1/2, 1/2), the arcsine law: dense where rates are near 0 or 1.
    rate = np.sin((np.arange(_RATE_GRID) + 0.5) / _RATE_GRID * np.pi / 2) ** 2
    return rate, (prior[0] - 0.5) * np.log(rate) + (prior[1] - 0.5) * np.log1p(-rate)


def _slip_grid() -> NDArray[np.float64]:
    """Return pairs (false alarm, overlooked) at points of equal prior mass, (cells, 2)."""
    # The quantile function of Beta(1, b) is closed.
    levels = (np.arange(_SLIP_GRID) + 0.5) / _SLIP_GRID
    rates = 1.0 - (1.0 - levels) ** (1.0 / _SLIP_SHAPE)
    return np.stack(np.meshgrid(rates, rates, indexing="ij"), axis=-1).reshape(-1, 2)


@dataclass(frozen=True, eq=False)
class _Table:
    """Verdicts in one stratum: `items` items were called wrong in `wrong` of `looks` looks; all (t,)."""

    wrong: NDArray[np.int64]
    looks: NDArray[np.int64]
    items: NDArray[np.int64]

    @classmethod
    def of(cls, wrong: NDArray[np.int64], looks: NDArray[np.int64]) -> _Table:
        decided = looks > 0
        pairs, items = np.unique(np.stack([wrong[decided], looks[decided]]), axis=1, return_counts=True)
        return cls(pairs[0], pairs[1], items)

    def chances(self, slips: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the probability of each row's verdicts if the label is wrong, and if it is right, (t,) each."""
        false_alarm, overlooked = slips
        right = self.looks - self.wrong
        if_wrong = (1.0 - overlooked) ** self.wrong * overlooked**right
        if_right = false_alarm**self.wrong * (1.0 - false_alarm) ** right
        return if_wrong, if_right

    def log_likelihood(self, rate: NDArray[np.float64], slips: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the log-likelihood of each error `rate` (grid,), (grid,)."""
        if_wrong, if_right = self.chances(slips)
        return np.asarray(self.items @ np.log(np.outer(if_wrong, rate) + np.outer(if_right, 1.0 - rate)))

    def draw_errors(
        self, rates: NDArray[np.float64], size: int, slips: NDArray[np.float64], rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """Draw the number of errors among all `size` items of the stratum for each of `rates` (draws,)."""
        if_wrong, if_right = self.chances(slips)
        errors = rng.binomial(size - int(self.items.sum()), rates).astype(np.float64)
        for chance, other, items in zip(if_wrong, if_right, self.items, strict=True):
            errors += rng.binomial(items, rates * chance / (rates * chance + (1.0 - rates) * other))
        return errors
