"""How often a model mixes up two classes, as evidence about a label that disagrees with it on just these two.

Everything is a function of row statistics; `docs/ranking.md` derives the two comparisons made here.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from labelaudit.kernels.row_statistics import RowStatistics

    _OfCodes = Callable[[NDArray[np.int64]], NDArray[np.float64]]
    _OfPairs = Callable[[NDArray[np.integer], NDArray[np.integer]], NDArray[np.float64]]

__all__ = ["pair_confusion"]

_CONCENTRATIONS = np.exp(np.linspace(math.log(0.5), math.log(1e4), 12))
_EXCESS_WEIGHT = 0.3
_EXCESS_PRIOR = 5.0  # confusions that are taken as both expected and seen before any are counted
_REVERSE_SHARE = 1 / 3  # what a confusion counts for the same pair the other way round
_LARGEST_LIFT = 3.0


def pair_confusion(
    rows: RowStatistics, unsure: NDArray[np.bool_], *, weight: float
) -> Callable[[RowStatistics], NDArray[np.float64]]:
    """Learn which pairs of classes the model mixes up, and return the term of suspicion that follows.

    Disagreements between two classes are compared with two expectations: with class sizes, at `weight`, and with the
    model's own probabilities, at a fixed weight. Where a model is sound the latter says nothing, since its
    probabilities know already what is easily confused; those of an over-confident model do not.

    Parameters
    ----------
    rows : RowStatistics
        Of `n` labelled items and more than two classes.
    unsure : (n,) bool
        Where the model is unsure, which is where its own confusions are.
    weight : float
        Of the comparison with class sizes.

    Returns
    -------
    callable
        From row statistics of ``m`` items to the term of each, (m,): log-odds that the label is wrong, higher where the
        model rarely mixes up the given and the best other class.
    """
    n_classes = rows.n_classes
    frequency = (np.bincount(rows.given, minlength=n_classes) + 1.0) / (len(rows) + n_classes)
    lift, excess = _confusability(rows, unsure, frequency), _excess(rows, unsure, frequency)

    def of_pairs(other: NDArray[np.integer], given: NDArray[np.integer]) -> NDArray[np.float64]:
        return -weight * lift(other, given) - _EXCESS_WEIGHT * excess(other, given)

    if n_classes**2 > len(rows):
        return lambda rows: of_pairs(rows.other, rows.given)
    classes = np.arange(n_classes)
    table = of_pairs(np.repeat(classes, n_classes), np.tile(classes, n_classes))
    return lambda rows: table[rows.other.astype(np.int64) * n_classes + rows.given]


def _confusability(rows: RowStatistics, unsure: NDArray[np.bool_], frequency: NDArray[np.float64]) -> _OfPairs:
    """Learn the log ratio of how often the model mixes up (other, given) to what class sizes suggest.

    Counted both ways, since confusions of the model go both ways. Shrunk by a Dirichlet prior on class frequencies,
    whose concentration has the highest marginal likelihood (the Dirichlet-multinomial of Minka 2000). Pairs that never
    occur take their class's value.
    """
    n_classes = rows.n_classes
    counted = np.flatnonzero(unsure & (rows.top != rows.given))
    top, given = rows.top[counted].astype(np.int64), rows.given[counted].astype(np.int64)
    codes, counts = np.unique(np.r_[top * n_classes + given, given * n_classes + top], return_counts=True)
    seen = counts.astype(np.float64) / 2.0
    totals = np.bincount(codes // n_classes, seen, minlength=n_classes).astype(np.float64)
    expected: NDArray[np.float64] = frequency[codes % n_classes] / (1.0 - frequency[codes // n_classes])
    concentration = _concentration(seen, expected, totals)
    unseen = np.log(concentration / (totals + concentration))
    lift_of = _by_code(codes, np.log1p(seen / (concentration * expected)), n_classes**2, len(rows))

    def confusability(other: NDArray[np.integer], given: NDArray[np.integer]) -> NDArray[np.float64]:
        lift: NDArray[np.float64] = unseen[other] + lift_of(other.astype(np.int64) * n_classes + given)
        return np.clip(lift, -_LARGEST_LIFT, _LARGEST_LIFT)

    return confusability


def _excess(rows: RowStatistics, unsure: NDArray[np.bool_], frequency: NDArray[np.float64]) -> _OfPairs:
    """Learn the log ratio of how often the model mixes up (other, given) to what its own probabilities expect.

    The counts of a pair are Poisson with a mean of the expected number times a factor, which has a gamma prior of mean
    1 (the shrinkage of standardised rates; Clayton and Kaldor 1987). What the model gives to classes other than its two
    best is spread by class frequency. A confusion counts for its reverse at a reduced weight.
    """
    n_classes = rows.n_classes
    counted = np.flatnonzero(unsure & (rows.top != rows.given))
    seen = _pair_sums(rows.top[counted], rows.given[counted], np.ones(len(counted)), rows)
    where = np.flatnonzero(unsure)  # places select faster than flags
    top, p_second = rows.top[where], rows.p_second[where].astype(np.float64)
    foreseen = _pair_sums(top, rows.second[where], p_second, rows)
    spread = np.bincount(top, np.maximum(1.0 - rows.p_top[where] - p_second, 0.0), minlength=n_classes)
    spread = np.round(spread / (1.0 - frequency), 6)

    def both_ways(sums: _OfCodes, other: NDArray[np.integer], given: NDArray[np.integer]) -> NDArray[np.float64]:
        forth, back = other.astype(np.int64) * n_classes + given, given.astype(np.int64) * n_classes + other
        return sums(forth) + _REVERSE_SHARE * sums(back)

    def excess(other: NDArray[np.integer], given: NDArray[np.integer]) -> NDArray[np.float64]:
        rest = spread[other] * frequency[given] + _REVERSE_SHARE * spread[given] * frequency[other]
        prior = _EXCESS_PRIOR * (1.0 + _REVERSE_SHARE)
        ratio = (both_ways(seen, other, given) + prior) / (both_ways(foreseen, other, given) + rest + prior)
        logarithm: NDArray[np.float64] = np.log(ratio)
        return np.clip(logarithm, -_LARGEST_LIFT, _LARGEST_LIFT)

    return excess


def _pair_sums(
    first: NDArray[np.int32], second: NDArray[np.int32], weights: NDArray[np.float64], rows: RowStatistics
) -> _OfCodes:
    """Return a function from pair codes to the sums of their weights, rounded, because sums depend on the row order."""
    n_codes = rows.n_classes**2
    codes = first.astype(np.int64) * rows.n_classes + second
    if n_codes <= 4 * len(rows):
        return np.round(np.bincount(codes, weights, minlength=n_codes), 6).__getitem__
    found, place = np.unique(codes, return_inverse=True)
    return _by_code(found, np.round(np.bincount(place, weights, minlength=len(found)), 6), n_codes, len(rows))


def _by_code(codes: NDArray[np.int64], values: NDArray[np.float64], n_codes: int, n_wanted: int) -> _OfCodes:
    """Return a function from codes to values, 0 for those not among the ascending `codes`."""
    if n_codes <= 4 * n_wanted:  # a table of all is cheaper than searching
        table = np.zeros(n_codes)
        table[codes] = values
        return table.__getitem__
    ends, padded = np.append(codes, -1), np.append(values, 0.0)

    def search(wanted: NDArray[np.int64]) -> NDArray[np.float64]:
        place = np.searchsorted(codes, wanted)
        return np.where(ends[place] == wanted, padded[place], 0.0)

    return search


def _concentration(seen: NDArray[np.float64], expected: NDArray[np.float64], totals: NDArray[np.float64]) -> float:
    """Return the Dirichlet concentration of highest marginal likelihood; unseen pairs contribute nothing."""
    from scipy.special import gammaln

    likelihoods = [
        (gammaln(a) - gammaln(totals + a)).sum() + (gammaln(seen + a * expected) - gammaln(a * expected)).sum()
        for a in _CONCENTRATIONS
    ]
    return float(_CONCENTRATIONS[int(np.argmax(likelihoods))])
