"""Calibration by planted errors: how deep in the queue those are found that we put there ourselves.

`docs/planting.md` derives the method, says what was tried, and where it fails. All randomness is drawn in the order of
item ids, so permuting the rows permutes the result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from labelaudit.planting.contradictions import Survey, survey
from labelaudit.planting.curve import chances, worth_flagging
from labelaudit.planting.planted import plant

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labelaudit.kernels.row_statistics import RowStatistics
    from labelaudit.ranking import Ranking

__all__ = ["CALIBRATED", "FAMILY", "LEAST_ITEMS", "TOO_WEAK", "Survey", "calibrate_by_planting", "plant", "survey"]

FAMILY = (
    "wrong labels that strike easy and hard items alike, more often where the labels contradict the model in cases it"
    " is sure of, and name the class that is named there"
)
"""What was planted, in words."""

CALIBRATED = "calibrated by planted errors"
"""The kind of range that comes of it."""

TOO_WEAK = "a rough guess, since the model is too weak to tell"
"""The kind of range where most contradictions are the model's own fault even where it is surest."""

LEAST_ITEMS = 200
"""Assessed items below which nothing is planted: the sure fifth of fewer says too little."""

_CERTAIN = 0.995  # planted errors never vouch for more
_LEAST_OF_RATES = 0.5  # 97 % of 375 simulated rates lay above half of the smallest estimate

Rescore = Callable[["NDArray[np.int32]", int], "Ranking"]
"""Labels (n,) with planted errors, and the number of the round; returns their ranking."""


def calibrate_by_planting(
    ranking: Ranking,
    rows: RowStatistics,
    rescore: Rescore,
    *,
    ids: NDArray[np.object_],
    features: NDArray[np.floating] | None = None,
    support: NDArray[np.floating] | None = None,
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
    support : (n,) array, optional
        Share of each item's neighbours with the label that the model chooses first, 0..1; NaN without votes. Where the
        model is weak, it tells much about which contradictions are the model's own fault.
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
        `range_kind` says whether the model is too weak to tell. It stays as it was, like all else, where fewer than 200
        items are assessed, or all of one class.
    """
    n = int((rows.given >= 0).sum())
    if n < LEAST_ITEMS or len(np.unique(rows.given[rows.given >= 0])) < 2:
        return ranking
    order = np.argsort(ids.astype(str), kind="stable")
    found = survey(rows, order, features, support)
    depths = []
    for number in range(rounds):
        if on_round:
            on_round(number, rounds)
        labels = plant(found, order, share, np.random.default_rng([seed, number]))
        depths.append(_depths(rescore(labels, number), labels != found.labels))
    if on_round:
        on_round(rounds, rounds)
    return _calibrated(ranking, found, np.concatenate(depths))


def _calibrated(ranking: Ranking, found: Survey, depths: NDArray[np.float64]) -> Ranking:
    assessed = ranking.order[np.isfinite(ranking.order_score[ranking.order])]
    suspicion = np.full(len(ranking), np.nan)
    suspicion[assessed] = _of_ties(
        _CERTAIN * chances(depths, found.expected_rate, len(assessed)), ranking.order_score[assessed]
    )
    expected = float(suspicion[assessed].sum())
    least = _LEAST_OF_RATES * min(found.rates) / found.expected_rate
    return replace(
        ranking,
        suspicion=suspicion,
        is_suspect=np.nan_to_num(suspicion) > worth_flagging(suspicion[assessed]),
        expected_errors=expected,
        expected_errors_range=(least * expected, max(expected, float(found.contradicts.sum()))),
        range_kind=TOO_WEAK if found.is_model_weak else CALIBRATED,
    )


def _depths(ranking: Ranking, planted: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return how deep each planted error lies in the queue of the other items: the share of them before it, 0..1."""
    score = ranking.order_score
    others = np.sort(-score[~planted & np.isfinite(score)])
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
