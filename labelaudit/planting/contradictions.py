"""Where labels are wrong, as far as a sure model can tell, and how often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from labelaudit.planting.lapses import own_errors, rate_left

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labelaudit.kernels.row_statistics import RowStatistics

__all__ = ["Survey", "survey"]

Value = TypeVar("Value", bound=np.generic)

_SURE_SHARE = 0.2
_SURVEYED, _BLOCK = 10_000, 65_536
_TREE_DEPTH, _LEAST_REGION = 3, 100
_LEAST_OF_RATE = 0.1  # of the mean rate, in any region


@dataclass(frozen=True, eq=False, kw_only=True)
class Survey:
    """Where labels contradict the model although it is sure, and how often; arrays are (n,).

    Attributes
    ----------
    labels : int32
        Given labels, −1 where not assessed.
    top : int32
        The model's most probable class.
    is_sure : bool
        Whether the row is among the surest fifth of those with the same most probable class and region.
    rate : float64
        Estimated share of wrong labels in the row's region, 0..1.
    region : intp
        Region of the row.
    n_classes : int
        Number of classes ``K``.
    rates : tuple of float
        The three estimates of the overall rate, of which the largest is taken.
    votes_weight : float
        What the neighbours' votes foresee of contradictions beyond the margin; see
        :class:`labelaudit.planting.lapses.OwnErrors`.
    """

    labels: NDArray[np.int32]
    top: NDArray[np.int32]
    is_sure: NDArray[np.bool_]
    rate: NDArray[np.float64]
    region: NDArray[np.intp]
    n_classes: int
    rates: tuple[float, ...]
    votes_weight: float

    @property
    def contradicts(self) -> NDArray[np.bool_]:
        """Whether an assessed label is not the model's first choice, (n,)."""
        differs: NDArray[np.bool_] = (self.labels >= 0) & (self.labels != self.top)
        return differs

    @property
    def expected_rate(self) -> float:
        """Expected share of wrong labels among the assessed ones, 0..1."""
        return float(self.rate[self.labels >= 0].mean())

    @property
    def is_model_weak(self) -> bool:
        """Whether the model errs even where it is surest: it, not the label, is wrong in most contradictions there."""
        return 2.0 * self.expected_rate < float(self.contradicts[self.is_sure].mean())


def survey(
    rows: RowStatistics,
    order: NDArray[np.intp],
    features: NDArray[np.floating] | None = None,
    support: NDArray[np.floating] | None = None,
) -> Survey:
    """Estimate the share of wrong labels by region from where labels contradict a sure model.

    Contradictions are the labels' fault or the model's. What the model gets wrong is estimated by how contradictions
    rarefy as it grows surer (:mod:`labelaudit.planting.lapses`). Regions are the leaves of a shallow tree that
    predicts, among sure rows, the contradictions beyond that. It is grown on every other row, and rates are judged on
    the rest (honest trees; Athey and Imbens 2016).

    Parameters
    ----------
    rows : RowStatistics
        Of `n` items.
    order : (n,) intp
        Order of the rows that does not depend on how they came, such as that of their ids.
    features : (n, d) array, optional
        Vectors of the items; without them there is one region.
    support : (n,) array, optional
        Share of the neighbours with the label that the model chooses first, 0..1; NaN without votes.

    Returns
    -------
    Survey
    """
    labels = np.where(np.isfinite(rows.p_given), rows.given, -1).astype(np.int32)
    known = order[labels[order] >= 0]
    contradicts, top = (labels != rows.top)[known], rows.top[known].astype(np.int64)
    margin = _log(rows.p_top[known]) - _log(rows.p_second[known])
    own = own_errors(margin, None if support is None else np.asarray(support[known], np.float64), contradicts)
    sure = _depth(own.sureness, top) < _SURE_SHARE
    region, judged = np.zeros(len(known), dtype=np.intp), np.ones(len(known), dtype=bool)
    grown = np.flatnonzero(sure[::2])[:_SURVEYED] * 2
    if features is not None and len(grown) >= 2 * _LEAST_REGION:
        region = _regions(features, known, grown, contradicts - own.chance)
        sure = _depth(own.sureness, region * rows.n_classes + top) < _SURE_SHARE
        judged[::2] = False
    judged &= sure  # and, where there is a tree, not among the rows it may have grown on
    most, left = (float(_rates(region, judged, contradicts, part * own.chance)[region].mean()) for part in (0.0, 1.0))
    rates = (own.rate, rate_left(_depth(own.sureness, region), contradicts), left)
    # As much of the model's own errors is taken off in each region as leaves that rate in all of them.
    part = float(np.clip((most - max(rates)) / max(most - left, 1e-9), 0.0, 1.0))
    by_region = _rates(region, judged, contradicts, part * own.chance)[region]
    return Survey(
        labels=labels,
        top=rows.top,
        is_sure=_placed(sure, known, len(labels)),
        rate=_placed(np.minimum(by_region * (max(rates) / by_region.mean()), 1.0), known, len(labels)),
        region=_placed(region, known, len(labels)),
        n_classes=rows.n_classes,
        rates=rates,
        votes_weight=own.votes_weight,
    )


def _placed(values: NDArray[Value], known: NDArray[np.intp], n: int) -> NDArray[Value]:
    full = np.zeros(n, dtype=values.dtype)
    full[known] = values
    return full


def _depth(sureness: NDArray[np.float64], group: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return the share of the rows in its group that are surer, 0..1; ties fall by the order of the rows."""
    surest_first = np.lexsort((-sureness, group))
    starts = np.flatnonzero(np.diff(group[surest_first], prepend=group[surest_first[0]] - 1))
    sizes = np.diff(starts, append=len(group))
    depth = np.empty(len(group))
    depth[surest_first] = (np.arange(len(group)) - np.repeat(starts, sizes)) / np.repeat(sizes, sizes)
    return depth


def _regions(
    features: NDArray[np.floating], known: NDArray[np.intp], grown: NDArray[np.intp], excess: NDArray[np.float64]
) -> NDArray[np.intp]:
    """Return the leaf of each known row in a tree grown on the rows `grown` of them."""
    from sklearn.tree import DecisionTreeRegressor

    tree = DecisionTreeRegressor(
        max_depth=_TREE_DEPTH,
        min_samples_leaf=max(_LEAST_REGION, len(grown) // 20),
        random_state=0,  # it only breaks ties between equal splits
    ).fit(np.asarray(features[known[grown]], dtype=np.float32), excess[grown])
    blocks = (features[known[start : start + _BLOCK]] for start in range(0, len(known), _BLOCK))
    leaves = np.concatenate([tree.apply(np.asarray(block, dtype=np.float32)) for block in blocks])
    return np.asarray(np.unique(leaves, return_inverse=True)[1], dtype=np.intp)


def _rates(
    region: NDArray[np.intp], judged: NDArray[np.bool_], contradicts: NDArray[np.bool_], chance: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the rate of each region, shrunk to the overall rate as far as chance explains their differences.

    A region's rate is that of the contradictions beyond the model's own errors, which have the chance `chance`.
    Empirical Bayes: the variance between regions is the moment estimate of DerSimonian and Laird (1986), on the scale
    of the binomial variance of all contradictions judged.
    """

    def sums(values: NDArray[np.floating]) -> NDArray[np.float64]:
        return np.bincount(region[judged], values[judged], minlength=int(region.max()) + 1).astype(np.float64)

    size, excess = sums(1.0 - chance), sums(contradicts - chance)
    least = 0.5 / (size.sum() + 1.0)
    overall = max(least, (excess.sum() + 0.5) / (size.sum() + 1.0))
    seen = (contradicts[judged].sum() + 0.5) / (judged.sum() + 1.0)
    spread = float((size * (excess / np.maximum(size, 1.0) - overall) ** 2).sum()) / (seen * (1.0 - seen))
    freedom = size.sum() - (size**2).sum() / max(size.sum(), 1.0)
    between = max(0.0, spread - (len(size) - 1)) / freedom if freedom > 0 else 0.0
    shrunk: NDArray[np.float64] = (excess * between + overall) / (size * between + 1.0)
    return np.asarray(np.maximum(shrunk, _LEAST_OF_RATE * overall))


def _log(p: NDArray[np.floating]) -> NDArray[np.float64]:
    logarithm: NDArray[np.float64] = np.log(np.maximum(np.asarray(p, dtype=np.float64), 1e-30))
    return logarithm
