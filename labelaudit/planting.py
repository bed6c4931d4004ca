"""Calibration by planted errors: how deep in the queue those are found that we put there ourselves.

`docs/planting.md` derives the method, says what was tried, and where it fails. All randomness is drawn in the order of
item ids, so permuting the rows permutes the result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labelaudit.kernels.row_statistics import RowStatistics
    from labelaudit.ranking import Ranking

__all__ = ["CALIBRATED", "FAMILY", "LEAST_ITEMS", "Survey", "calibrate_by_planting", "plant", "survey"]

FAMILY = (
    "wrong labels that strike easy and hard items alike, more often where the labels contradict the model in cases it"
    " is sure of, and name the class that is named there"
)
"""What was planted, in words."""

CALIBRATED = "calibrated by planted errors"
"""The kind of range that comes of it."""

LEAST_ITEMS = 200
"""Assessed items below which nothing is planted: the sure fifth of fewer says too little."""

_SURE_SHARE = 0.2
_PSEUDO_CONFUSIONS = 4.0  # of each class, spread evenly: classes are confused in other ways than those seen
_DEPTH_BINS, _LEAST_BIN = 60, 20
_SURVEYED, _BLOCK = 10_000, 65_536
_TREE_DEPTH, _LEAST_REGION = 3, 100
_CERTAIN = 0.995  # planted errors never vouch for more
_LEAST_OF_RATE = 1.0 / 3.0

Rescore = Callable[["NDArray[np.int32]", int], "Ranking"]
"""Labels (n,) with planted errors, and the number of the round; returns their ranking."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Survey:
    """Where labels contradict the model although it is sure, and how often; all (n,).

    Attributes
    ----------
    labels : int32
        Given labels, −1 where not assessed.
    top : int32
        The model's most probable class.
    is_sure : bool
        Whether the margin is among the widest fifth of the rows with the same most probable class and region.
    rate : float64
        Estimated share of wrong labels in the row's region, 0..1.
    region : intp
        Region of the row.
    n_classes : int
        Number of classes ``K``.
    """

    labels: NDArray[np.int32]
    top: NDArray[np.int32]
    is_sure: NDArray[np.bool_]
    rate: NDArray[np.float64]
    region: NDArray[np.intp]
    n_classes: int

    @property
    def contradicts(self) -> NDArray[np.bool_]:
        """Whether an assessed label is not the model's first choice, (n,)."""
        differs: NDArray[np.bool_] = (self.labels >= 0) & (self.labels != self.top)
        return differs

    @property
    def expected_rate(self) -> float:
        """Expected share of wrong labels among the assessed ones, 0..1."""
        return float(self.rate[self.labels >= 0].mean())


def calibrate_by_planting(
    ranking: Ranking,
    rows: RowStatistics,
    rescore: Rescore,
    *,
    ids: NDArray[np.object_],
    features: NDArray[np.floating] | None = None,
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
        `range_kind` stays as it was where fewer than 200 items are assessed, or all of one class.
    """
    n = int((rows.given >= 0).sum())
    if n < LEAST_ITEMS or len(np.unique(rows.given[rows.given >= 0])) < 2:
        return ranking
    order = np.argsort(ids.astype(str), kind="stable")
    found = survey(rows, order, features)
    depths = []
    for number in range(rounds):
        if on_round:
            on_round(number, rounds)
        labels = plant(found, order, share, np.random.default_rng([seed, number]))
        depths.append(_depths(rescore(labels, number), labels != found.labels))
    if on_round:
        on_round(rounds, rounds)
    return _calibrated(ranking, found, np.concatenate(depths))


# --- where labels are wrong, as far as a sure model can tell ---


def survey(rows: RowStatistics, order: NDArray[np.intp], features: NDArray[np.floating] | None = None) -> Survey:
    """Estimate the share of wrong labels by region from the rows that the model is sure of.

    Regions are the leaves of a shallow decision tree that predicts, among sure rows, where label and model disagree.

    Parameters
    ----------
    rows : RowStatistics
        Of `n` items.
    order : (n,) intp
        Order of the rows that does not depend on how they came, such as that of their ids.
    features : (n, d) array, optional
        Vectors of the items; without them there is one region.

    Returns
    -------
    Survey
    """
    labels = np.where(np.isfinite(rows.p_given), rows.given, -1).astype(np.int32)
    assessed = labels >= 0
    margin = np.where(assessed, _log(rows.p_top) - _log(rows.p_second), -np.inf)
    contradicts = assessed & (labels != rows.top)
    top = rows.top.astype(np.int64)
    sure = assessed & _widest(margin, np.where(assessed, top, -1), order)
    region = np.zeros(len(labels), dtype=np.intp)
    if features is not None:
        region = _regions(features, contradicts, order[sure[order]])
        sure = assessed & _widest(margin, np.where(assessed, region * rows.n_classes + top, -1), order)
    rates = _shrunk_rates(_count(region[sure & contradicts], region), _count(region[sure], region))
    return Survey(
        labels=labels, top=rows.top, is_sure=sure, rate=rates[region], region=region, n_classes=rows.n_classes
    )


def _count(chosen: NDArray[np.intp], region: NDArray[np.intp]) -> NDArray[np.float64]:
    return np.bincount(chosen, minlength=int(region.max()) + 1).astype(np.float64)


def _widest(margin: NDArray[np.float64], group: NDArray[np.int64], order: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return whether a row is among the fifth of widest margins in its group; ties fall by `order`."""
    place = np.empty(len(order), dtype=np.intp)
    place[order] = np.arange(len(order))
    by_group = np.lexsort((place, -margin, group))
    starts = np.flatnonzero(np.diff(group[by_group], prepend=group[by_group[0]] - 1))
    sizes = np.diff(starts, append=len(group))
    within = np.arange(len(group)) - np.repeat(starts, sizes)
    widest = np.empty(len(group), dtype=bool)
    widest[by_group] = within < _SURE_SHARE * np.repeat(sizes, sizes)
    return widest


def _regions(
    features: NDArray[np.floating], contradicts: NDArray[np.bool_], sure: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Return the leaf of each row in a tree grown on the rows `sure`; 0 everywhere where they are too few to split."""
    if len(sure) < 2 * _LEAST_REGION:
        return np.zeros(len(features), dtype=np.intp)
    from sklearn.tree import DecisionTreeClassifier

    sample = sure[:: -(-len(sure) // _SURVEYED)]
    tree = DecisionTreeClassifier(
        criterion="entropy",
        max_depth=_TREE_DEPTH,
        min_samples_leaf=max(_LEAST_REGION, len(sample) // 20),
        random_state=0,  # it only breaks ties between equal splits
    ).fit(np.asarray(features[sample], dtype=np.float32), contradicts[sample])
    blocks = (features[start : start + _BLOCK] for start in range(0, len(features), _BLOCK))
    leaves = np.concatenate([tree.apply(np.asarray(block, dtype=np.float32)) for block in blocks])
    return np.asarray(np.unique(leaves, return_inverse=True)[1], dtype=np.intp)


def _shrunk_rates(counts: NDArray[np.float64], size: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rate of each region, shrunk to the overall rate as far as chance explains their differences.

    Empirical Bayes: the variance between regions is the moment estimate of DerSimonian and Laird (1986), on the scale
    of the overall binomial variance.
    """
    overall = (counts.sum() + 0.5) / (size.sum() + 1.0)
    spread = float((size * (counts / np.maximum(size, 1.0) - overall) ** 2).sum()) / (overall * (1.0 - overall))
    freedom = size.sum() - (size**2).sum() / max(size.sum(), 1.0)
    between = max(0.0, spread - (len(size) - 1)) / freedom if freedom > 0 else 0.0
    shrunk: NDArray[np.float64] = (counts * between + overall) / (size * between + 1.0)
    return shrunk


# --- planting ---


def plant(found: Survey, order: NDArray[np.intp], share: float, rng: np.random.Generator) -> NDArray[np.int32]:
    """Return labels of which a share of the assessed ones are made wrong.

    A row is struck with a chance in proportion to the rate of its region, however hard it is. Its new label is that of
    a random sure row in which the model sees the struck row's class and the label contradicts it; or, as if there were
    four more such rows, any other class.

    Parameters
    ----------
    found : Survey
        Of `n` items.
    order : (n,) intp
        Order in which to draw.
    share : float
        Share of the assessed labels, 0..1; at least one is struck.
    rng : Generator
        Source of chance.

    Returns
    -------
    (n,) int32
        Labels, −1 where not assessed; a planted error differs from the given label.
    """
    candidates = order[found.labels[order] >= 0]
    # The largest u^(1/w) are a sample without replacement with chances proportional to w (Efraimidis, Spirakis 2006).
    keys = np.log(rng.random(len(candidates))) / found.rate[candidates]
    struck = candidates[np.argsort(-keys, kind="stable")[: max(1, int(share * len(candidates)))]]
    labels = found.labels.copy()
    labels[struck] = _wrong_labels(found, order, struck, rng)
    return labels


def _wrong_labels(
    found: Survey, order: NDArray[np.intp], struck: NDArray[np.intp], rng: np.random.Generator
) -> NDArray[np.int32]:
    """Draw from the Pólya urn of each class: its contradictions seen, and four of any other class."""
    seen = order[(found.is_sure & found.contradicts)[order]]
    seen = seen[np.argsort(found.top[seen], kind="stable")]
    n_seen = np.bincount(found.top[seen], minlength=found.n_classes)
    first = np.cumsum(n_seen) - n_seen
    given = found.labels[struck]
    wrong = (given + rng.integers(1, found.n_classes, len(struck))) % found.n_classes
    draw = rng.random(len(struck)) * (n_seen[given] + _PSEUDO_CONFUSIONS)
    copies = draw < n_seen[given]
    wrong[copies] = found.labels[seen[first[given[copies]] + draw[copies].astype(np.intp)]]
    return wrong.astype(np.int32)


def _depths(ranking: Ranking, planted: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return how deep each planted error lies in the queue of the other items: the share of them before it, 0..1."""
    score = ranking.order_score
    others = np.sort(-score[~planted & np.isfinite(score)])
    hidden = score[planted & np.isfinite(score)]
    place: NDArray[np.float64] = np.searchsorted(others, -hidden, side="left") / max(len(others), 1)
    return place


# --- from where planted errors are found to what is expected of each place ---


def _calibrated(ranking: Ranking, found: Survey, depths: NDArray[np.float64]) -> Ranking:
    assessed = ranking.order[np.isfinite(ranking.order_score[ranking.order])]
    n, rate = len(assessed), found.expected_rate
    density = _density(depths, n)
    # Where planted errors are denser than the queue has room for, the true ones are not quite like them. What does not
    # fit is left out in one estimate and spread over the rest in the other; the mean of both is taken.
    full = (np.minimum(1.0, rate * density) + np.minimum(1.0, _filling(density, rate) * density)) / 2.0
    suspicion = np.full(len(ranking), np.nan)
    suspicion[assessed] = _of_ties(_CERTAIN * full, ranking.order_score[assessed])
    expected = float(suspicion[assessed].sum())
    return replace(
        ranking,
        suspicion=suspicion,
        is_suspect=np.nan_to_num(suspicion) > 0.5,
        expected_errors=expected,
        expected_errors_range=(_LEAST_OF_RATE * expected, max(expected, float(found.contradicts.sum()))),
        range_kind=CALIBRATED,
    )


def _density(depths: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Return the density of planted errors at `n` places of the queue: never rising, 1 if they lie anywhere alike.

    A histogram on bins of equal ratio, made to decrease by isotonic regression (Barlow et al. 1972).
    """
    from scipy.optimize import isotonic_regression

    edges = np.unique(np.r_[0.0, np.geomspace(min(1.0, _LEAST_BIN / n), 1.0, _DEPTH_BINS)])
    widths = np.diff(edges)
    raw = np.histogram(np.minimum(depths, 1.0), edges)[0] / (len(depths) * widths)
    falling = isotonic_regression(raw, weights=widths, increasing=False).x
    places = (np.arange(n) + 0.5) / n
    smooth: NDArray[np.float64] = np.interp(places, (edges[1:] + edges[:-1]) / 2.0, np.maximum(falling, 1e-6))
    return smooth


def _filling(density: NDArray[np.float64], rate: float) -> float:
    """Return the factor with which the capped densities average to `rate`, by bisection."""
    low, high = rate, rate
    while np.minimum(1.0, high * density).mean() < rate:
        low, high = high, 2.0 * high
    for _ in range(50):
        middle = (low + high) / 2.0
        low, high = (middle, high) if np.minimum(1.0, middle * density).mean() < rate else (low, middle)
    return high


def _of_ties(falling: NDArray[np.float64], score: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values that decrease strictly with the score, and are equal where scores are."""
    n = len(score)
    sloped = falling * (1.0 - 0.005 * np.arange(n) / max(n, 1))
    tied = np.cumsum(np.diff(score, prepend=np.inf) != 0) - 1
    means: NDArray[np.float64] = np.bincount(tied, sloped) / np.bincount(tied)
    spread: NDArray[np.float64] = means[tied]
    return spread


def _log(p: NDArray[np.floating]) -> NDArray[np.float64]:
    logarithm: NDArray[np.float64] = np.log(np.maximum(np.asarray(p, dtype=np.float64), 1e-30))
    return logarithm
