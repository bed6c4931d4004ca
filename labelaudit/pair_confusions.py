"""How often a model mixes up two classes, as evidence about a label that disagrees with it on just these two.

Everything is a function of row statistics; `docs/ranking.md` derives the two comparisons made here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from labelaudit.kernels import lookups_for
from labelaudit.kernels.lookups import ConfusionTables, from_limbs
from labelaudit.threads import map_blocks

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import DTypeLike, NDArray

    from labelaudit.kernels import RowStatistics

    _OfCodes = Callable[[NDArray[np.int64]], NDArray[np.float64]]
    _OfPairs = Callable[[NDArray[np.integer], NDArray[np.integer]], NDArray[np.floating]]

__all__ = ["Confusions", "PairConfusion"]

_CONCENTRATIONS = np.exp(np.linspace(math.log(0.5), math.log(1e4), 12))
# Chosen on simulated sets and confirmed on others; docs/ranking.md says how.
_EXCESS_WEIGHT = 0.3
_EXCESS_PRIOR = 5.0  # confusions that are taken as both expected and seen before any are counted
_REVERSE_SHARE = 1 / 3  # what a confusion counts for the same pair the other way round
_LARGEST_LIFT = 3.0
_ROWS_FOR_TABLES = 2**17  # that are counted as fast as so many counts are added up


@dataclass(frozen=True, eq=False, kw_only=True)
class PairConfusion:
    """Which pairs of classes the model mixes up, and the term of suspicion that follows.

    Disagreements between two classes are compared with two expectations: with class sizes, at a weight, and with the
    model's own probabilities, at a fixed weight. Where a model is sound the latter says nothing, since its
    probabilities know already what is easily confused; those of an over-confident model do not.

    Attributes
    ----------
    of_pairs : callable
        From best other and given classes, (m,), to the term of each pair, (m,): log-odds that the label is wrong,
        higher where the model rarely mixes up the two.
    table : (K, K) float or None
        The term of all pairs; None where these are more than the rows.
    """

    of_pairs: _OfPairs
    table: NDArray[np.floating] | None

    @classmethod
    def learned(cls, counts: Confusions, *, weight: float, dtype: DTypeLike) -> PairConfusion:
        """Learn from counts which pairs of classes the model mixes up.

        Parameters
        ----------
        counts : Confusions
            Of labelled items of more than two classes.
        weight : float
            Of the comparison with class sizes.
        dtype : dtype
            Of the terms.

        Returns
        -------
        PairConfusion
        """
        n_classes = len(counts.frequency)
        lift, excess = _confusability(counts), _excess(counts)

        def of_pairs(other: NDArray[np.integer], given: NDArray[np.integer]) -> NDArray[np.floating]:
            term = -weight * lift(other, given) - _EXCESS_WEIGHT * excess(other, given)
            return term.astype(dtype, copy=False)

        if n_classes**2 > counts.n_rows:
            return cls(of_pairs=of_pairs, table=None)
        classes = np.arange(n_classes)
        table = of_pairs(np.repeat(classes, n_classes), np.tile(classes, n_classes))
        return cls(of_pairs=of_pairs, table=table.reshape(n_classes, n_classes))

    def __call__(self, rows: RowStatistics) -> NDArray[np.floating]:
        """Return the term of each row, (m,)."""
        if self.table is None:
            return self.of_pairs(rows.other, rows.given)
        found: NDArray[np.floating] = self.table.reshape(-1).take(rows.other * np.intp(rows.n_classes) + rows.given)
        return found


@dataclass(frozen=True, eq=False, kw_only=True)
class Confusions:
    """What is counted of all rows, and of those where the model is unsure.

    Attributes
    ----------
    n_rows : int
        Number of all rows.
    frequency : (K,) float64
        Share of each given class, never 0.
    pairs, seen : (m,) int64
        Codes ``predicted · K + given`` of different classes, ascending, and how many unsure rows have them.
    foreseen : callable
        From codes ``predicted · K + second best`` to the sums of the latter's probability over the unsure rows.
    rest : (K,) float64
        By predicted class: sums over these rows of what the model gives to all but its two best classes.
    """

    n_rows: int
    frequency: NDArray[np.float64]
    pairs: NDArray[np.int64]
    seen: NDArray[np.int64]
    foreseen: _OfCodes
    rest: NDArray[np.float64]

    @classmethod
    def of(cls, rows: RowStatistics, unsure_up_to: float, *, threads: int | None = None) -> Confusions:
        """Count rows and add up probabilities, exactly, so that their order changes no bit.

        Parameters
        ----------
        rows : RowStatistics
            Of `n` labelled items.
        unsure_up_to : float
            Greatest probability of rows of which the model is unsure, which is where its own confusions are.
        threads : int, optional
            Default: one for each core. Never changes the result.
        """
        n, n_classes = len(rows), rows.n_classes
        foreseen: _OfCodes
        if n_classes**2 <= 4 * n:  # tables of all pairs are cheaper than searching
            tables = _tables(rows, unsure_up_to, threads)
            np.fill_diagonal(tables.seen, 0)
            pairs, labels, rest = np.flatnonzero(tables.seen), tables.labels, tables.rest
            seen, foreseen = tables.seen.reshape(-1)[pairs], from_limbs(tables.foreseen[1:]).__getitem__
        else:
            using = lookups_for(n * n_classes)
            labels, rest = np.bincount(rows.given, minlength=n_classes), np.zeros((3, n_classes), dtype=np.int64)
            where = np.flatnonzero(rows.p_top <= unsure_up_to)
            top, given, p_second = rows.top[where].astype(np.int64), rows.given[where], rows.p_second[where]
            pairs, seen = np.unique((top * n_classes + given)[top != given], return_counts=True)
            codes, place = np.unique(top * n_classes + rows.second[where], return_inverse=True)
            sums = np.zeros((3, len(codes)), dtype=np.int64)
            using.add_confidence(sums, place.astype(np.int32), p_second)
            using.add_confidence(rest, rows.top[where], np.maximum(1 - rows.p_top[where] - p_second, 0))
            foreseen = _by_code(codes, from_limbs(sums[1:]), n_classes**2, n)
        frequency = (labels + 1.0) / (n + n_classes)
        return cls(n_rows=n, frequency=frequency, pairs=pairs, seen=seen, foreseen=foreseen, rest=from_limbs(rest[1:]))


def _tables(rows: RowStatistics, unsure_up_to: float, threads: int | None) -> ConfusionTables:
    """Count rows of pairs of classes, on threads where adding up the tables of all blocks costs less than counting."""
    lookups = lookups_for(len(rows) * rows.n_classes)

    def count(part: slice) -> ConfusionTables:
        tables = ConfusionTables.zeros(rows.n_classes)
        lookups.count_confusions(tables, rows.take(part), unsure_up_to)
        return tables

    if 4 * rows.n_classes**2 > _ROWS_FOR_TABLES:
        return count(slice(0, len(rows)))
    found = map_blocks(count, len(rows), threads)
    return ConfusionTables(*(np.sum(parts, axis=0) for parts in zip(*found, strict=True)))


def _confusability(counts: Confusions) -> _OfPairs:
    """Learn the log ratio of how often the model mixes up (other, given) to what class sizes suggest.

    Counted both ways, since confusions of the model go both ways. Shrunk by a Dirichlet prior on class frequencies,
    whose concentration has the highest marginal likelihood (the Dirichlet-multinomial of Minka 2000). Pairs that never
    occur take their class's value.
    """
    frequency, n_classes = counts.frequency, len(counts.frequency)
    reverse = counts.pairs % n_classes * n_classes + counts.pairs // n_classes
    codes, place = np.unique(np.r_[counts.pairs, reverse], return_inverse=True)
    seen = np.bincount(place, np.r_[counts.seen, counts.seen] / 2.0).astype(np.float64)
    totals = np.bincount(codes // n_classes, seen, minlength=n_classes).astype(np.float64)
    expected: NDArray[np.float64] = frequency[codes % n_classes] / (1.0 - frequency[codes // n_classes])
    concentration = _concentration(seen, expected, totals)
    unseen = np.log(concentration / (totals + concentration))
    lift_of = _by_code(codes, np.log1p(seen / (concentration * expected)), n_classes**2, counts.n_rows)

    def confusability(other: NDArray[np.integer], given: NDArray[np.integer]) -> NDArray[np.float64]:
        lift: NDArray[np.float64] = unseen[other] + lift_of(other.astype(np.int64) * n_classes + given)
        return np.clip(lift, -_LARGEST_LIFT, _LARGEST_LIFT)

    return confusability


def _excess(counts: Confusions) -> _OfPairs:
    """Learn the log ratio of how often the model mixes up (other, given) to what its own probabilities expect.

    The counts of a pair are Poisson with a mean of the expected number times a factor, which has a gamma prior of mean
    1 (the shrinkage of standardised rates; Clayton and Kaldor 1987). What the model gives to classes other than its two
    best is spread by class frequency. A confusion counts for its reverse at a reduced weight.
    """
    frequency, n_classes = counts.frequency, len(counts.frequency)
    spread = counts.rest / (1.0 - frequency)
    seen = _by_code(counts.pairs, counts.seen.astype(np.float64), n_classes**2, counts.n_rows)

    def both_ways(sums: _OfCodes, other: NDArray[np.integer], given: NDArray[np.integer]) -> NDArray[np.float64]:
        forth, back = other.astype(np.int64) * n_classes + given, given.astype(np.int64) * n_classes + other
        return sums(forth) + _REVERSE_SHARE * sums(back)

    def excess(other: NDArray[np.integer], given: NDArray[np.integer]) -> NDArray[np.float64]:
        rest = spread[other] * frequency[given] + _REVERSE_SHARE * spread[given] * frequency[other]
        prior = _EXCESS_PRIOR * (1.0 + _REVERSE_SHARE)
        ratio = (both_ways(seen, other, given) + prior) / (both_ways(counts.foreseen, other, given) + rest + prior)
        logarithm: NDArray[np.float64] = np.log(ratio)
        return np.clip(logarithm, -_LARGEST_LIFT, _LARGEST_LIFT)

    return excess


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
