"""The two axes of every item: suspicion with its order and flags, ambiguity, and the number of errors to expect.

Everything here is a function of row statistics, so it works out of core and never sees the ``(n, K)`` probabilities.
The evidence itself is in :mod:`labelaudit.suspicion` and :mod:`labelaudit.ambiguity`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING, Protocol

import numpy as np

from labelaudit.ambiguity import NeighborEntropy, ambiguity, ambiguous_flags
from labelaudit.kernels.order import stable_argsort
from labelaudit.suspicion import Calibration, NeighborVotes, calibrate, evidence_terms
from labelaudit.threads import in_blocks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from labelaudit.kernels import MemberStatistics, RowStatistics

__all__ = ["NeighborEvidence", "Ranking", "rank"]

_TELL_WHICH = ("doubt", "neighbors")  # terms that tell which labels are wrong, not how many


class NeighborEvidence(NeighborVotes, NeighborEntropy, Protocol):
    """What ranking needs of :class:`labelaudit.neighbors.NeighborStatistics`."""

    def take(self, index: NDArray[np.bool_]) -> NeighborEvidence:
        """Return the statistics of the rows selected by `index`."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Ranking:
    """The two axes of `n` items, the flags, and what they follow from.

    Attributes
    ----------
    order_score : (n,) float
        Orders the queue of suspects, higher first: the sum of `terms`. NaN for items that cannot be assessed: without
        a label or without probabilities.
    order : (n,) intp
        Row indices, most suspicious first; ties by item id; items that cannot be assessed last.
    suspicion : (n,) float
        Estimated probability that the given label is wrong, 0..1, monotone in `order_score`. NaN where that is NaN.
    ambiguity : (n,) float
        How far reasonable people would disagree on the item, whatever label it has, 0..1.
    is_suspect, is_ambiguous : (n,) bool
        Flags; `is_suspect` is ``suspicion > 0.5``.
    suggested : (n,) int32
        Class to suggest instead of the given label: the best other class.
    runner_up : (n,) int32
        Next class to offer, neither the given nor the suggested one; −1 where the row statistics know no such class.
    terms : mapping of str to (n,) float
        Additive terms of `order_score`, from which explanations follow.
    expected_errors : float
        Sum of `suspicion` over the items that can be assessed.
    expected_errors_range : (float, float)
        From few to many: if labels were nowhere wrong more often than where the model is surest, and half of its
        disagreements even there were its own fault; and if all labels that disagree with it were wrong.
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
    neighbors: NeighborEvidence | None = None,
    members: MemberStatistics | None = None,
    ids: NDArray[np.object_] | None = None,
    threads: int | None = None,
) -> Ranking:
    """Order items by how likely their given label is wrong.

    Parameters
    ----------
    rows : RowStatistics
        Row statistics of `n` items under one (pooled) source of out-of-sample probabilities.
    neighbors : NeighborStatistics, optional
        Votes of nearest neighbours; how much they count is learned from the data.
    members : MemberStatistics, optional
        Of several models or repeats; they bear on ambiguity. Suspicion follows from their pooled probabilities.
    ids : (n,) array of str, optional
        Item ids, which break ties; without them ties keep the order of the rows.
    threads : int, optional
        Default: one for each core. Never changes the result.

    Returns
    -------
    Ranking
    """
    assessable = (rows.given >= 0) & np.isfinite(rows.p_given)
    everything = bool(assessable.all())
    known = rows if everything else rows.take(assessable)
    votes = neighbors if neighbors is None or everything else neighbors.take(assessable)
    terms, slope = evidence_terms(known, votes, threads=threads)
    counted: NDArray[np.float64] = reduce(np.add, (terms[name] for name in terms if name not in _TELL_WHICH))
    score: NDArray[np.float64] = reduce(np.add, (terms[name] for name in terms if name in _TELL_WHICH), counted)
    order_score = _spread(score, assessable)
    order = _order(order_score, ids)
    calibration = _carried_over(calibrate(known, slope, threads=threads), counted, order_score, order)
    suspicion = _probability(score, slope, calibration.cut, threads)
    expected = float(suspicion.sum())
    suggested = np.where(rows.given >= 0, rows.other, rows.top)
    doubts = ambiguity(rows, neighbors=neighbors, members=members, threads=threads)
    return Ranking(
        order_score=order_score,
        order=order,
        suspicion=_spread(suspicion, assessable),
        ambiguity=doubts,
        is_suspect=_spread(suspicion, assessable) > 0.5,  # not where it is NaN
        is_ambiguous=ambiguous_flags(doubts),
        suggested=suggested,
        runner_up=np.where((rows.second == suggested) | (rows.second == rows.given), np.int32(-1), rows.second),
        terms={name: _spread(values, assessable) for name, values in terms.items()},
        expected_errors=expected,
        expected_errors_range=_expected_range(score, expected, calibration, threads),
    )


def _carried_over(
    calibration: Calibration,
    counted: NDArray[np.float64],
    order_score: NDArray[np.float64],
    order: NDArray[np.intp],
) -> Calibration:
    """Move the cuts so that as many scores exceed them as sums of the terms that tell how many labels are wrong."""
    n_known = len(counted)
    if n_known == 0:
        return calibration

    def at(place: int) -> float:
        return float(order_score[order[place]])

    def moved(cut: float) -> float:
        n_above = int((counted > cut).sum())
        if n_above in (0, n_known):
            return max(cut, at(0)) if n_above == 0 else min(cut, at(n_known - 1) - 1.0)
        return (at(n_above - 1) + at(n_above)) / 2.0

    return replace(calibration, cut=moved(calibration.cut), cut_if_all=moved(calibration.cut_if_all))


def _expected_range(
    score: NDArray[np.float64], expected: float, calibration: Calibration, threads: int | None
) -> tuple[float, float]:
    high = float(_probability(score, calibration.slope, calibration.cut_if_all, threads).sum())
    return min(expected, calibration.least_rate * len(score)), high


def _probability(score: NDArray[np.float64], slope: float, cut: float, threads: int | None) -> NDArray[np.float64]:
    def probability(part: slice) -> NDArray[np.float64]:
        log_odds = np.clip(slope * (score[part] - cut), -700.0, 700.0)
        odds_on: NDArray[np.float64] = 1.0 / (1.0 + np.exp(-log_odds))
        return odds_on

    return in_blocks(probability, len(score), threads)


def _order(scores: NDArray[np.float64], ids: NDArray[np.object_] | None) -> NDArray[np.intp]:
    """Return the indices that sort `scores` downwards, NaN last; ids are compared within ties only."""
    keys = -scores
    keys[np.isnan(keys)] = np.inf  # which, unlike NaN, ties
    order = stable_argsort(keys)
    if ids is None:
        return order
    in_order = keys[order]
    follows = np.zeros(len(order) + 1, dtype=bool)  # whether a place ties with the one before it
    follows[1:-1] = in_order[1:] == in_order[:-1]
    tied = np.flatnonzero(follows[:-1] | follows[1:])
    group = np.cumsum(~follows[:-1])[tied]
    members = order[tied]
    order[tied] = members[np.lexsort((ids[members], group))]
    return order


def _spread(values: NDArray[np.float64], where: NDArray[np.bool_]) -> NDArray[np.float64]:
    if len(values) == len(where):
        return values
    full = np.full(len(where), np.nan)
    full[where] = values
    return full
