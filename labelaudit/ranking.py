"""Suspicion: the order of the queue, the probability that a label is wrong, flags, and the number of errors.

Everything here is a function of row statistics, so it works out of core and never sees the ``(n, K)`` probabilities.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from labelaudit.kernels.order import stable_argsort

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from labelaudit.kernels.row_statistics import RowStatistics

__all__ = ["Ranking", "rank"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Ranking:
    """The two axes of `n` items, the flags, and what they follow from.

    Attributes
    ----------
    order_score : (n,) float
        Orders the queue of suspects, higher first; log-odds scale up to a shift. NaN for unlabelled items.
    order : (n,) intp
        Row indices, most suspicious first; ties by item id; unlabelled items last.
    suspicion : (n,) float
        Estimated probability that the given label is wrong, 0..1, monotone in `order_score`. NaN for unlabelled items.
    ambiguity : (n,) float
        How far reasonable people would disagree on the item, whatever label it has, 0..1.
    is_suspect, is_ambiguous : (n,) bool
        Flags; `is_suspect` is ``suspicion > 0.5``.
    suggested : (n,) int32
        Class to suggest instead of the given label: the best other class.
    runner_up : (n,) int32
        Next class to offer, −1 where the row statistics know no third class.
    terms : mapping of str to (n,) float
        Additive terms of `order_score`, from which explanations follow.
    expected_errors : float
        Sum of `suspicion` over labelled items.
    expected_errors_range : (float, float)
        Low and high end of the range.
    range_kind : str
        What kind of range it is; from probabilities alone never more than a ``"plausible range"``.
    """

    order_score: NDArray[np.float64]
    order: NDArray[np.intp]
    suspicion: NDArray[np.float64]
    ambiguity: NDArray[np.float64]
    is_suspect: NDArray[np.bool_]
    is_ambiguous: NDArray[np.bool_]
    suggested: NDArray[np.int32]
    runner_up: NDArray[np.int32]
    terms: Mapping[str, NDArray[np.float64]]
    expected_errors: float
    expected_errors_range: tuple[float, float]
    range_kind: str = "plausible range"

    def __len__(self) -> int:
        return len(self.order_score)


def rank(
    rows: RowStatistics,
    *,
    neighbors: object | None = None,  # noqa: ARG001  (taken into account once its weight is learned)
    members: object | None = None,  # noqa: ARG001
    ids: NDArray[np.object_] | None = None,
) -> Ranking:
    """Order items by how likely their given label is wrong.

    Parameters
    ----------
    rows : RowStatistics
        Row statistics of `n` items under one (pooled) source of out-of-sample probabilities.
    neighbors, members : optional
        Statistics of nearest neighbours, and of several models or repeats.
    ids : (n,) array of str, optional
        Item ids, which break ties; without them ties keep the order of the rows.

    Returns
    -------
    Ranking
    """
    labelled = rows.given >= 0
    known = rows if labelled.all() else rows.take(labelled)
    terms = {name: _spread(values, labelled, np.nan) for name, values in _terms(known).items()}
    order_score = np.sum(list(terms.values()), axis=0)
    disagrees = labelled & (rows.top != rows.given)
    suspicion = _sigmoid(order_score - _cut(order_score[labelled], int(disagrees.sum())))
    ambiguity = np.clip(rows.entropy / np.log(rows.n_classes), 0.0, 1.0).astype(np.float64)
    expected = float(np.nansum(suspicion))
    agreeing_mass = float(np.nansum(np.where(disagrees, suspicion, 0.0)))
    return Ranking(
        order_score=order_score,
        order=_order(order_score, ids),
        suspicion=suspicion,
        ambiguity=ambiguity,
        is_suspect=np.nan_to_num(suspicion) > 0.5,
        is_ambiguous=ambiguity > 0.5,
        suggested=np.where(labelled, rows.other, rows.top).astype(np.int32),
        runner_up=np.where(rows.top == rows.other, rows.second, rows.top).astype(np.int32),
        terms=terms,
        expected_errors=expected,
        expected_errors_range=(agreeing_mass / 2, float(max(expected, disagrees.sum()))),
    )


def _terms(rows: RowStatistics) -> dict[str, NDArray[np.float64]]:
    margin = np.asarray(rows.log_other, dtype=np.float64) - rows.log_given
    disagrees = rows.top != rows.given
    gate = _diffuseness_gate(rows.p_top, disagrees)
    terms = {"margin": margin, "tail": gate * np.asarray(rows.tail, dtype=np.float64)}
    if rows.n_classes > 2:
        terms["confusion"] = 0.2 * (1.0 - gate) * _log_lift(rows)[rows.other, rows.given]
    return terms


def _diffuseness_gate(p_top: NDArray[np.floating], disagrees: NDArray[np.bool_]) -> float:
    """Return 1 where disagreements sit only in diffuse rows, 0 where confident rows disagree as well."""
    rate = (disagrees.sum() + 0.5) / (len(disagrees) + 1.0)
    among = disagrees[_most_confident(p_top, 0.25)]
    ratio = (among.sum() + 0.5) / (len(among) + 1.0) / rate
    return float(np.clip(np.log(0.14 / ratio) / np.log(2.0), 0.0, 1.0))


def _log_lift(rows: RowStatistics) -> NDArray[np.float64]:
    """Return the shrunk log ratio of each pair's share of confident disagreements to its class's share, (K, K)."""
    n_classes = rows.n_classes
    confident = _most_confident(rows.p_top, 0.10)
    confident = confident[rows.top[confident] != rows.given[confident]]
    pairs = rows.top[confident].astype(np.int64) * n_classes + rows.given[confident]
    counts = np.bincount(pairs, minlength=n_classes**2).reshape(n_classes, n_classes).astype(np.float64)
    frequency = np.bincount(rows.given, minlength=n_classes) + 1e-9
    share = np.tile(frequency, (n_classes, 1))
    np.fill_diagonal(share, 0.0)
    share /= share.sum(axis=1, keepdims=True)
    totals = counts.sum(axis=1, keepdims=True)
    alpha = 10.0
    np.fill_diagonal(share, 1.0)
    lift: NDArray[np.float64] = np.log((counts + alpha * share) / ((totals + alpha) * share))
    return np.clip(lift, -3.0, 3.0)


def _most_confident(p_top: NDArray[np.floating], share: float) -> NDArray[np.intp]:
    """Return the indices of the rows whose largest probability is in the top `share`, ties included."""
    if len(p_top) == 0:
        return np.empty(0, dtype=np.intp)
    kth = min(len(p_top) - 1, int((1.0 - share) * len(p_top)))
    return np.flatnonzero(p_top >= np.partition(p_top, kth)[kth])


def _cut(scores: NDArray[np.float64], n_above: int) -> float:
    """Return a score that `n_above` of `scores` exceed, halfway to the next one below."""
    if not 0 < n_above < len(scores):
        return float(np.max(scores, initial=0.0)) if n_above == 0 else float(np.min(scores, initial=0.0)) - 1.0
    low, high = np.partition(scores, [-n_above - 1, -n_above])[[-n_above - 1, -n_above]]
    return float((low + high) / 2.0)


def _order(scores: NDArray[np.float64], ids: NDArray[np.object_] | None) -> NDArray[np.intp]:
    keys = np.where(np.isnan(scores), np.inf, -scores)
    return np.lexsort((ids, keys)) if ids is not None else stable_argsort(keys)


def _sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1.0 / (1.0 + np.exp(-np.clip(x, -700.0, 700.0)))


def _spread(values: NDArray[np.float64], where: NDArray[np.bool_], missing: float) -> NDArray[np.float64]:
    if where.all():
        return values
    full = np.full(len(where), missing)
    full[where] = values
    return full
