"""Random checks: which items to draw, and which of them to look at twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from labelaudit.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["RandomCheck", "draw_check", "second_looks"]

_LEAST_PER_STRATUM = 20
_MOST_STRATA = 5
_LEAST_RATE = 0.02
"""Suspicion is taken to be at least this and at most 1 minus this when a check is spread: trust, but verify."""


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


def _strata(ascending: NDArray[np.float64], size: int) -> NDArray[np.int64]:
    """Cut items in ascending order of suspicion into strata of equal anticipated spread; returns codes from 0."""
    n_strata = int(np.clip(size // _LEAST_PER_STRATUM, 1, _MOST_STRATA))
    p = np.clip(ascending, _LEAST_RATE, 1.0 - _LEAST_RATE)
    spread = np.cumsum(np.sqrt(p * (1.0 - p)))
    codes = np.minimum(n_strata - 1, (spread - spread[0] / 2) / spread[-1] * n_strata).astype(np.int64)
    # Items of equal suspicion belong together: splitting them would cost width and gain nothing.
    codes = codes[np.searchsorted(ascending, ascending, side="left")]
    return np.unique(codes, return_inverse=True)[1].reshape(-1)


def _allocation(sizes: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Give each stratum the same number of draws, and what small strata cannot use to the others."""
    draws = np.zeros(len(sizes), dtype=np.int64)
    for _ in range(min(size, int(sizes.sum()))):
        draws[np.argmin(np.where(draws < sizes, draws, np.iinfo(np.int64).max))] += 1
    return draws
