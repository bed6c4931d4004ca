"""Where labels are wrong, as far as a sure model can tell, and how often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labelaudit.kernels.row_statistics import RowStatistics

__all__ = ["Survey", "survey"]

_SURE_SHARE = 0.2
_SURVEYED, _BLOCK = 10_000, 65_536
_TREE_DEPTH, _LEAST_REGION = 3, 100


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


def survey(rows: RowStatistics, order: NDArray[np.intp], features: NDArray[np.floating] | None = None) -> Survey:
    """Estimate the share of wrong labels by region from the rows that the model is sure of.

    Regions are the leaves of a shallow decision tree that predicts, among sure rows, where label and model disagree. It
    is grown on every other row, and rates are judged on the rest (honest trees; Athey and Imbens 2016).

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
    region, judged = np.zeros(len(labels), dtype=np.intp), sure
    grown = order[::2][sure[order[::2]]][:_SURVEYED]
    if features is not None and len(grown) >= 2 * _LEAST_REGION:
        region = _regions(features, contradicts, grown)
        sure = assessed & _widest(margin, np.where(assessed, region * rows.n_classes + top, -1), order)
        judged = sure.copy()
        judged[order[::2]] = False
    rates = _shrunk_rates(_count(region[judged & contradicts], region), _count(region[judged], region))
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
    features: NDArray[np.floating], contradicts: NDArray[np.bool_], grown: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Return the leaf of each row in a tree grown on the rows `grown`."""
    from sklearn.tree import DecisionTreeClassifier

    tree = DecisionTreeClassifier(
        criterion="entropy",
        max_depth=_TREE_DEPTH,
        min_samples_leaf=max(_LEAST_REGION, len(grown) // 20),
        random_state=0,  # it only breaks ties between equal splits
    ).fit(np.asarray(features[grown], dtype=np.float32), contradicts[grown])
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


def _log(p: NDArray[np.floating]) -> NDArray[np.float64]:
    logarithm: NDArray[np.float64] = np.log(np.maximum(np.asarray(p, dtype=np.float64), 1e-30))
    return logarithm
