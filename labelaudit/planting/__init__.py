"""Calibration by planted errors: how deep in the queue those are found that we put there ourselves.

`docs/planting.md` derives the method, says what was tried, and where it fails. All randomness is drawn in the order of
item ids, so permuting the rows permutes the result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from labelaudit.flag_line import worth_flagging
from labelaudit.planting.contradictions import Survey, survey
from labelaudit.planting.curve import chances
from labelaudit.planting.planted import plant
from labelaudit.planting.second_opinion import Backing, between, unexplained
from labelaudit.planting.verdicts import Verdicts, left_undecided, verdicts_of, without_decided

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labelaudit.kernels.row_statistics import RowStatistics
    from labelaudit.ranking import Ranking

__all__ = [
    "CALIBRATED",
    "FAMILY",
    "LEAST_ITEMS",
    "TOO_WEAK",
    "UNLIKE_PLANTED",
    "Backing",
    "Survey",
    "Verdicts",
    "calibrate_by_planting",
    "plant",
    "survey",
    "verdicts_of",
    "without_decided",
]

FAMILY = (
    "wrong labels that strike easy and hard items alike, more often where the labels contradict the model in cases it"
    " is sure of, and name the class that is named there"
)
"""What was planted, in words."""

CALIBRATED = "calibrated by planted errors"
"""The kind of range that comes of it."""

TOO_WEAK = "a rough guess, since the model is too weak to tell"
"""The kind of range where most contradictions are the model's own fault even where it is surest."""

UNLIKE_PLANTED = "calibrated by planted errors, but neighbours see more"
"""The kind of range where neighbours back the model against more labels than planted errors explain."""

LEAST_ITEMS = 50
"""Assessed items below which nothing is planted: the sure fifth of fewer says hardly more than what is presumed."""

_CERTAIN = 0.995  # planted errors never vouch for more
_LEAST_FLAGGED = 0.15  # where nothing is left to find, the best expected F1 is that of flagging everything
_LEAST_PRECISION = 0.1  # of the flags of a weak model: its neighbours share the mistakes it is surest of
_MUCH_DOUBT = 0.5  # beyond it less than 2/3 of the errors were expected in .8 of whole audits and .4 of refits
_LEAST_OF_RATES = 0.5  # 97 % of 375 simulated rates lay above half of the smallest estimate
_BELOW = 0.05  # how often chance alone takes the errors of these items below the least rate

Rescore = Callable[["NDArray[np.int32]", int], "Ranking"]
"""Labels (n,) with planted errors, and the number of the round; returns their ranking."""


def calibrate_by_planting(
    ranking: Ranking,
    rows: RowStatistics,
    rescore: Rescore,
    *,
    ids: NDArray[np.object_],
    features: NDArray[np.floating] | None = None,
    backing: Backing | None = None,
    verdicts: Verdicts | None = None,
    seed: int = 0,
    share: float = 0.1,
    rounds: int = 1,
    on_round: Callable[[int, int], None] | None = None,
) -> Ranking:
    """Return the ranking with its suspicion, flags and counts calibrated by planted errors; the order stays.

    Parameters
    ----------
    ranking, rows
        Of `n` items.
    rescore : callable
        Ranks the items with other labels, as `ranking` was made; fitting again or not is its affair.
    ids : (n,) array of str
        Unique item ids, which give the order of drawing.
    features : (n, d) array, optional
        Vectors of the items; without them labels are taken to be equally good in all regions.
    backing : Backing, optional
        Votes of each item's neighbours on what the model says. Where the model is weak, they tell much about which
        contradictions are its own fault; and they tell whether errors are like those that are planted.
    verdicts : Verdicts, optional
        What people have decided already. All else is then to be of the labels that they judged: the population in which
        they found what they found. Suspicion is calibrated for the undecided items, and 0 for the decided.
    seed : int
        Another seed plants other errors.
    share : float
        Share of the assessed labels made wrong in each round, 0..1.
    rounds : int
        How often to plant. With some 4,000 errors in all the curve of where they are found no longer moves.
    on_round : callable, optional
        Called with rounds done and rounds in all.

    Returns
    -------
    Ranking
        `range_kind` says whether the model is too weak to tell, or errors seem unlike the planted ones. It stays as it
        was, like all else, where fewer than 50 items are assessed, or all of one class.
    """
    n = int((rows.given >= 0).sum())
    if n < LEAST_ITEMS or len(np.unique(rows.given[rows.given >= 0])) < 2:
        return ranking
    order = np.argsort(ids.astype(str), kind="stable")
    found = survey(rows, order, features, None if backing is None else backing.first)
    everybody = np.ones(len(ranking), dtype=bool)
    is_open = everybody if verdicts is None else ~verdicts.is_decided
    depths, open_depths = [], []
    for number in range(rounds):
        if on_round:
            on_round(number, rounds)
        labels = plant(found, order, share, np.random.default_rng([seed, number]))
        score, planted = rescore(labels, number).order_score, labels != found.labels
        open_depths.append(_depths(score, planted, is_open))
        depths.append(open_depths[-1] if verdicts is None else _depths(score, planted, everybody))
    if on_round:
        on_round(rounds, rounds)
    rate, weights, doubt = found.expected_rate, None, 0.0
    if verdicts is not None:  # people know better than neighbours how far errors are like the planted ones
        rate, weights = left_undecided(np.concatenate(depths), verdicts.take(_assessed(ranking)), rate)
    elif backing is not None:
        doubt = unexplained(found, backing, rate * n)
    n_open = int(np.count_nonzero(is_open[_assessed(ranking)]))
    chance = chances(np.concatenate(open_depths), rate, n_open, weights) if n_open else np.zeros(0)
    return _calibrated(ranking, found, is_open, chance, doubt)


def _calibrated(
    ranking: Ranking, found: Survey, is_open: NDArray[np.bool_], chance: NDArray[np.float64], doubt: float
) -> Ranking:
    """Give the open items the chances `chance`, in the order of the queue, and the decided ones none."""
    queue = _assessed(ranking)
    undecided = queue[is_open[queue]]
    suspicion = np.full(len(ranking), np.nan)
    suspicion[queue] = 0.0
    suspicion[undecided] = _of_ties(_CERTAIN * chance, ranking.order_score[undecided])
    expected = float(suspicion[queue].sum())
    n_uncalibrated = int(np.count_nonzero(ranking.is_suspect & is_open))
    line = _flag_line(suspicion[undecided], n_uncalibrated, doubt, is_model_weak=found.is_model_weak)
    least = expected * _LEAST_OF_RATES * min(found.rates) / found.expected_rate
    return replace(
        ranking,
        suspicion=suspicion,
        is_suspect=np.nan_to_num(suspicion) > line,
        expected_errors=expected,
        expected_errors_range=(_by_chance(least), max(expected, float((found.contradicts & is_open).sum()))),
        range_kind=_kind(found, doubt),
    )


def _kind(found: Survey, doubt: float) -> str:
    """Return what kind of range follows from the survey, and from how little planted errors explain of it."""
    if found.is_model_weak:
        return TOO_WEAK
    return UNLIKE_PLANTED if doubt >= _MUCH_DOUBT else CALIBRATED


def _flag_line(queue: NDArray[np.float64], n_uncalibrated: int, doubt: float, *, is_model_weak: bool) -> float:
    """Return the suspicion above which open items are flagged.

    That of the highest expected F1. As far as planted errors do not explain what is seen (`doubt`, 0..1), the line
    moves to where as many are flagged as without calibration. Neighbours that back a weak model's mistakes where it is
    surest are no witness of their own: where it is weak, the line moves only as far as one in ten of the flags is
    expected to be wrong.
    """
    line = max(worth_flagging(queue), _LEAST_FLAGGED)
    if doubt == 0.0 or len(queue) == 0:
        return line
    n_planted = int(np.count_nonzero(queue > line))
    n_flags = between(n_planted, n_uncalibrated, doubt)
    if is_model_weak:
        precision = np.cumsum(queue) / np.arange(1, len(queue) + 1)
        n_flags = min(n_flags, max(n_planted, int(np.count_nonzero(precision >= _LEAST_PRECISION))))
    return float(queue[n_flags]) if n_flags < len(queue) else 0.0


def _by_chance(expected: float) -> float:
    """Return the number below which a count stays once in twenty where `expected` are expected: of a Poisson law."""
    from scipy.special import pdtrik

    return float(np.ceil(pdtrik(_BELOW, expected)))


def _assessed(ranking: Ranking) -> NDArray[np.intp]:
    """Return the rows of the queue, most suspicious first."""
    queue: NDArray[np.intp] = ranking.order[np.isfinite(ranking.order_score[ranking.order])]
    return queue


def _depths(score: NDArray[np.float64], planted: NDArray[np.bool_], among: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return how deep each planted error lies in the queue of the others `among` all: the share before it, 0..1."""
    others = np.sort(-score[among & ~planted & np.isfinite(score)])
    hidden = score[planted & np.isfinite(score)]
    place: NDArray[np.float64] = np.searchsorted(others, -hidden, side="left") / max(len(others), 1)
    return place


def _of_ties(falling: NDArray[np.float64], score: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values that decrease strictly with the score, and are equal where scores are."""
    n = len(score)
    sloped = falling * (1.0 - 0.005 * np.arange(n) / max(n, 1))
    tied = np.cumsum(np.diff(score, prepend=np.inf) != 0) - 1
    means: NDArray[np.float64] = np.bincount(tied, sloped) / np.bincount(tied)
    spread: NDArray[np.float64] = means[tied]
    return spread
