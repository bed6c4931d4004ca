"""Evidence that a label is wrong, as additive terms of log-odds, and what makes a probability of their sum.

The sum of the terms orders the queue; `docs/ranking.md` derives each. All are functions of row statistics and
neighbour statistics, and none depends on the order of the rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from labelaudit.disagreements import Disagreements, Surety
from labelaudit.kernels import lookups_for, terms
from labelaudit.kernels.lookups import RATIO_BINS, log_ratios, span_of_bins
from labelaudit.kernels.selection import sorted_at
from labelaudit.newton import climb
from labelaudit.pair_confusions import Confusions, PairConfusion
from labelaudit.threads import map_blocks, side_by_side

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from labelaudit.kernels.row_statistics import RowStatistics

__all__ = ["TELL_WHICH", "Calibration", "NeighborVotes", "Weighing", "log_margin", "weigh"]

TELL_WHICH = ("doubt", "neighbors")
"""Terms that tell which labels are wrong, not how many."""

# Chosen on simulated sets and confirmed on others; docs/ranking.md says how, and what each is for.
_LARGEST_MARGIN = 15.0  # beyond it a margin says nothing more about calibration
_SPREAD_SHARES = (0.2, 1.0)  # of the remaining classes' probability: near the logit margin, logit self-confidence
_CONFUSION_WEIGHTS = (0.05, 0.4)
_DOUBT_WEIGHT = 3.0
_VOTE_SPREAD_SHARE = 0.3
_VOTE_PRIOR = 0.5
_SLOPES = (0.1, 10.0)
_CUT_AT_MOST = (0.7, 0.8)  # in usual margins, in log K: the cut if no disagreement were a label error


class NeighborVotes(Protocol):
    """What suspicion needs of :class:`labelaudit.neighbors.NeighborStatistics`; all (n,)."""

    @property
    def given_fraction(self) -> NDArray[np.floating]:
        """Share of the votes for the given label, NaN without votes."""

    @property
    def other(self) -> NDArray[np.integer]:
        """Class other than the given one with most votes, −1 if there is none."""

    @property
    def other_fraction(self) -> NDArray[np.floating]:
        """Its share."""

    @property
    def n_votes(self) -> NDArray[np.integer]:
        """Number of votes."""


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """What turns the order score into a probability: ``sigmoid(slope · (score − cut))``.

    Attributes
    ----------
    slope : float
        Log-odds per unit of margin with which given labels change sides, from :func:`_stacking`.
    cut : float
        Score at which an error is as likely as not; see :func:`_cut`.
    cut_if_all : float
        The cut if all rows that disagree with the model were label errors, which cannot be excluded.
    least_rate : float
        Share of wrong labels, 0..1, if they were nowhere more frequent than among the rows the model is surest of, and
        half of the disagreements even there were the model's fault. Neither can that be excluded.
    """

    slope: float
    cut: float
    cut_if_all: float
    least_rate: float


@dataclass(frozen=True, eq=False, kw_only=True)
class Weighing:
    """How much each sign of a wrong label counts, as `n` labelled rows teach it.

    Attributes
    ----------
    rows : RowStatistics
        The rows.
    spread_share : float
        What the probability of the remaining classes counts against the given label.
    doubt : float
        What being unsure counts; below 0 it speaks for labels.
    confusion : PairConfusion or None
        Of which pairs of classes the model mixes up; None for two classes.
    votes : (n,) float64 or None
        The term of the neighbours, as far as their votes foresee labels.
    calibration : Calibration
        What makes a probability of the sum of all terms.
    """

    rows: RowStatistics
    spread_share: float
    doubt: float
    confusion: PairConfusion | None
    votes: NDArray[np.float64] | None
    calibration: Calibration

    @property
    def largest_entropy(self) -> float:
        """Entropy of knowing nothing, in nats."""
        return math.log(max(self.rows.n_classes, 2))

    def terms(self, part: slice) -> Iterator[tuple[str, NDArray[np.floating]]]:
        """Yield the additive terms of the order score of some rows, with their names.

        ``margin``: log-odds of the best other class against the given label; ``tail``: what the remaining classes add;
        ``doubt``: how far it tells against a label that the model is unsure of the item; ``confusion``: how rarely the
        model mixes the two classes up where it is unsure, against chance and against its own probabilities;
        ``neighbors``: their votes. In the precision of the rows, but for the votes, which are in float64.
        """
        block = self.rows.take(part)
        yield "margin", log_margin(block)
        yield "tail", terms.tail(block.p_given, block.p_other, self.spread_share, terms.log)
        yield "doubt", self.doubt * terms.doubt(block.p_given, block.entropy, self.largest_entropy, terms.log)
        if self.confusion is not None:
            yield "confusion", self.confusion(block)
        if self.votes is not None:
            yield "neighbors", self.votes[part]


def weigh(rows: RowStatistics, neighbors: NeighborVotes | None = None, *, threads: int | None = None) -> Weighing:
    """Learn from rows how much each sign of a wrong label counts.

    Parameters
    ----------
    rows : RowStatistics
        Of `n` labelled items.
    neighbors : NeighborVotes, optional
        Of the same items.
    threads : int, optional
        Default: one for each core. Never changes the result.

    Returns
    -------
    Weighing
    """
    n = len(rows)
    learned, surety = side_by_side(
        lambda: _of_margins(rows, neighbors, threads), lambda: Surety.of(rows), n=n, threads=threads
    )
    seen, confusions = side_by_side(
        lambda: Disagreements.of(rows, surety, threads=threads),
        lambda: Confusions.of(rows, surety.half, threads=threads) if rows.n_classes > 2 else None,
        n=n,
        threads=threads,
    )
    gate = seen.diffuseness
    confusion = None
    if confusions is not None:
        weight = _between(_CONFUSION_WEIGHTS, gate)
        confusion = PairConfusion.learned(confusions, weight=weight, dtype=rows.p_given.dtype)
    return Weighing(
        rows=rows,
        spread_share=_between(_SPREAD_SHARES, gate),
        doubt=_DOUBT_WEIGHT * seen.balance,
        confusion=confusion,
        votes=None if neighbors is None else learned.vote_weight * _vote_log_odds(rows, neighbors, _VOTE_SPREAD_SHARE),
        calibration=Calibration(
            slope=learned.slope,
            cut=_cut(learned.agreeing, learned.disagreeing, rows.n_classes),
            cut_if_all=0.0,
            least_rate=seen.least_rate,
        ),
    )


def log_margin(rows: RowStatistics) -> NDArray[np.floating]:
    """Return the log-odds of the best other class against the given label, (n,), in the precision of `rows`."""
    return terms.log(terms.ratio(rows.p_other, rows.p_given))


def _cut(agreeing: float, disagreeing: float, n_classes: int) -> float:
    """Return the score at which an error is as likely as not.

    Rows that disagree with the model are label errors, whose margins look like those of the rows that agree (median
    `A`), or confusions of the model, whose margins are near 0. Their median margin is `D`, so about ``π = D / A`` of
    them are errors. A label that is wrong at random needs a margin of the order of ``log K`` before it outweighs the
    chance of one particular confusion. The cut is ``(1 − π) · max(0.7 A, 0.8 log K)``.
    """
    errors_among = min(disagreeing / agreeing, 1.0) if agreeing > 0 else 1.0
    return (1.0 - errors_among) * max(_CUT_AT_MOST[0] * agreeing, _CUT_AT_MOST[1] * math.log(n_classes))


@dataclass(frozen=True, kw_only=True)
class _OfMargins:
    """What margins teach: slope of the margin, relative slope of the votes, and median absolute margins.

    `agreeing` is of rows whose label agrees with the model, `disagreeing` of the others.
    """

    slope: float
    vote_weight: float
    agreeing: float
    disagreeing: float


def _of_margins(rows: RowStatistics, neighbors: NeighborVotes | None, threads: int | None) -> _OfMargins:
    lookups = lookups_for(len(rows) * rows.n_classes)

    def count(part: slice) -> NDArray[np.int64]:
        counts = np.zeros((3, RATIO_BINS), dtype=np.int64)
        lookups.count_ratios(counts, rows.take(part))
        return counts

    counts = np.sum(list(map_blocks(count, len(rows), threads)), axis=0)
    slope, vote_weight = _stacking(rows, neighbors, counts[:2])
    middles = _Middle.of(counts[0]), _Middle.of(counts[1] + counts[2])
    spans = [span_of_bins(*middle.bins) for middle in middles]
    taken = zip(*map_blocks(lambda part: lookups.take_ratios(rows.take(part), *spans), len(rows), threads), strict=True)
    agreeing, disagreeing = (
        -middle.mean_log(np.concatenate(ratios)) for middle, ratios in zip(middles, taken, strict=True)
    )
    return _OfMargins(
        slope=round(slope, 6),  # sums differ in their last bits with the order of the rows
        vote_weight=round(vote_weight, 6),
        agreeing=agreeing,
        disagreeing=disagreeing,
    )


class _Middle(NamedTuple):
    """Where the median of some ratios lies: its bins, first and last, and its places among the ratios of these bins."""

    bins: tuple[int, int]
    places: tuple[int, ...]

    @classmethod
    def of(cls, counts: NDArray[np.int64]) -> _Middle:
        """Find it by the number of ratios in each bin, which fall from one to the next."""
        n = int(counts.sum())
        if n == 0:
            return cls((0, 0), ())
        up_to = np.cumsum(counts[::-1])[::-1]
        places = (n - 1) // 2, n // 2
        last, first = (int(np.flatnonzero(up_to > place)[-1]) for place in places)
        below = int(up_to[last] - counts[last])
        return cls((first, last), tuple(place - below for place in places))

    def mean_log(self, ratios: NDArray[np.floating]) -> float:
        """Return the median of the logarithms, given the ratios of its bins, which are moved; 0 of none."""
        return sum(math.log(ratio) for ratio in sorted_at(ratios, *self.places)) / 2.0


def _vote_log_odds(rows: RowStatistics, neighbors: NeighborVotes, share: float) -> NDArray[np.float64]:
    """Return the smoothed log-odds of the neighbours' votes against the given label; 0 without votes.

    Votes for `rows.other` count fully, those for further classes by `share`. Where the neighbours favour a third class,
    the votes for `rows.other` lie between 0 and what is left; half of that is taken.
    """
    n = np.asarray(neighbors.n_votes, dtype=np.float64)
    given = np.nan_to_num(neighbors.given_fraction) * n
    most = np.nan_to_num(neighbors.other_fraction) * n
    third = np.minimum(most, np.maximum(n - given - most, 0.0)) / 2.0
    other = np.where(neighbors.other == rows.other, most, third)
    against = other + share * np.maximum(n - given - other, 0.0)
    odds: NDArray[np.float64] = np.log((against + _VOTE_PRIOR) / (given + _VOTE_PRIOR))
    return np.where(n > 0, odds, 0.0)


def _stacking(rows: RowStatistics, neighbors: NeighborVotes | None, counts: NDArray[np.int64]) -> tuple[float, float]:
    """Learn how far margins and votes foresee which of a row's two best classes its label is.

    A logistic regression on the rows labelled with one of the two best classes (stacking; Wolpert 1992), with the
    second class as outcome, without intercept, since a margin of 0 leaves both equally likely, and with normal priors
    of unit precision: on the margin's slope around 1, which is a calibrated model, and on the votes' around 0. It never
    asks whether a label is wrong, and noise that neighbours share lowers the votes' worth no more than the model's.
    Without votes, counts of rows in bins of margins are all that the regression needs, at no cost in `n`.

    Returns
    -------
    slope, weight : float
        Slope of the margin, 0.1..10, and the votes' slope relative to it, 0..1.
    """
    if neighbors is None:
        filled = np.flatnonzero(counts.any(axis=0))
        columns, binned = [np.maximum(log_ratios()[filled], -_LARGEST_MARGIN)], counts[:, filled].astype(np.float64)
        slope = _logistic(columns, binned[1], binned.sum(axis=0), prior_mean=np.array([1.0]))[0]
        return float(np.clip(slope, *_SLOPES)), 0.0
    used = np.flatnonzero((rows.given == rows.top) | (rows.given == rows.second))
    is_second = rows.given[used] == rows.second[used]
    against_top = -np.minimum(np.abs(log_margin(rows)[used], dtype=np.float64), _LARGEST_MARGIN)
    votes = _vote_log_odds(rows, neighbors, 0.0)[used]
    columns = [against_top, np.where(is_second, -votes, votes)]  # "other against given" turned to "second against top"
    trials = np.ones(len(used))
    slope, vote_slope = _logistic(columns, is_second, trials, prior_mean=np.array([1.0, 0.0]))
    if vote_slope > slope:  # the margin's own slope is then that of what the votes leave to it, not of their sum
        slope = _logistic([columns[0] + columns[1]], is_second, trials, prior_mean=np.array([1.0]))[0]
        return float(np.clip(slope, *_SLOPES)), 1.0
    return float(np.clip(slope, *_SLOPES)), float(np.clip(vote_slope / max(slope, _SLOPES[0]), 0.0, 1.0))


def _logistic(
    columns: list[NDArray[np.float64]],
    outcomes: NDArray[np.float64] | NDArray[np.bool_],
    trials: NDArray[np.float64],
    *,
    prior_mean: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the posterior mode of a logistic regression under normal priors of unit precision.

    Sums are taken column by column, not by BLAS, so that the number of threads changes no bit.
    """

    def density(coefficients: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        linear = sum((c * column for c, column in zip(coefficients, columns, strict=True)), np.zeros(len(trials)))
        softplus = np.maximum(linear, 0.0) + np.log(1.0 + np.exp(-np.abs(linear)))  # logaddexp takes far longer
        fit = (outcomes * linear - trials * softplus).sum()
        return float(fit - 0.5 * ((coefficients - prior_mean) ** 2).sum()), linear

    def derivatives(
        coefficients: NDArray[np.float64], linear: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        fitted = _sigmoid(linear)
        residual, weight = outcomes - trials * fitted, trials * fitted * (1.0 - fitted)
        gradient = np.array([(column * residual).sum() for column in columns]) - (coefficients - prior_mean)
        return gradient, np.array([[(a * weight * b).sum() for b in columns] for a in columns]) + np.eye(len(columns))

    return climb(prior_mean, density, derivatives).coefficients


def _sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    result: NDArray[np.float64] = 1.0 / (1.0 + np.exp(-np.clip(x, -700.0, 700.0)))
    return result


def _between(ends: tuple[float, float], share: float) -> float:
    return ends[0] + (ends[1] - ends[0]) * share
