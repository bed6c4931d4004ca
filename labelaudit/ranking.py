"""The two axes of every item: suspicion with its order and flags, ambiguity, and the number of errors to expect.

Everything here is a function of row statistics, so it works out of core and never sees the ``(n, K)`` probabilities.
The evidence itself is in :mod:`labelaudit.suspicion` and :mod:`labelaudit.ambiguity`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np

from labelaudit import large_pages
from labelaudit.ambiguity import NeighborEntropy, ambiguity, ambiguous_flags
from labelaudit.flag_line import Contradictions, middle_line
from labelaudit.kernels import is_compiled
from labelaudit.kernels.order import order_downwards
from labelaudit.order_score import scored
from labelaudit.suspicion import Calibration, NeighborVotes, weigh
from labelaudit.threads import columns_in_blocks, map_blocks, side_by_side

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    from labelaudit.kernels import MemberStatistics, RowStatistics

__all__ = ["NeighborEvidence", "Ranking", "rank"]

_Float = TypeVar("_Float", bound=np.floating)


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
        Flags; `is_suspect` is suspicion above :func:`labelaudit.flag_line.middle_line`, or, once calibrated by planted
        errors, above half of the highest F1 that it lets expect, or from there towards that line, as far as neighbours
        see more wrong labels.
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
    ambiguity: NDArray[np.floating]
    is_suspect: NDArray[np.bool_]
    is_ambiguous: NDArray[np.bool_]
    suggested: NDArray[np.int32]
    runner_up: NDArray[np.int32]
    terms: Mapping[str, NDArray[np.floating]]
    expected_errors: float
    expected_errors_range: tuple[float, float]
    range_kind: str = "plausible range"

    def __len__(self) -> int:
        return len(self.order_score)


def rank(
    rows: RowStatistics,
    *,
    recalibrated: Callable[[], RowStatistics] | None = None,
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
    recalibrated : callable, optional
        Returns row statistics of the same items under probabilities that the given labels corrected
        (:func:`labelaudit.recalibration.recalibrated`). They judge the labels; ambiguity and suggestions stay with what
        the model says.
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
    suspects, doubts = side_by_side(
        lambda: _suspects(rows, recalibrated, neighbors, ids, threads),
        lambda: _doubts(rows, neighbors, members, 1),  # the less, and it leaves the others to what is learned meanwhile
        n=len(rows),
        threads=threads,
    )
    return Ranking(**suspects, **doubts)


def _suspects(
    rows: RowStatistics,
    recalibrated: Callable[[], RowStatistics] | None,
    neighbors: NeighborEvidence | None,
    ids: NDArray[np.object_] | None,
    threads: int | None,
) -> dict[str, Any]:
    """Return what a ranking says of given labels."""
    assessable = (rows.given >= 0) & np.isfinite(rows.p_given)
    everything = bool(assessable.all())
    judged = rows if recalibrated is None else recalibrated()
    known = judged if everything else judged.take(assessable)
    votes = neighbors if neighbors is None or everything else neighbors.take(assessable)
    weighing, seen = side_by_side(
        lambda: weigh(known, votes, threads=threads),
        lambda: Contradictions.of(known, threads=threads),
        n=len(known),
        threads=threads,
    )
    said = None if judged is rows else rows if everything else rows.take(assessable)
    found = scored(weighing, said, threads=threads)
    order_score = _spread(found.score, assessable)
    order = order_downwards(order_score, ids, compiled=is_compiled(len(rows) * rows.n_classes), threads=threads)
    calibration = _carried_over(weighing.calibration, found.n_above, order_score, order[: len(known)])
    suspicion, expected, highest = _probability(found.score, calibration, rows.n_classes, threads)
    suspicion = _spread(suspicion, assessable)
    line = middle_line(suspicion[order[: min(seen.n_contradicting + 1, len(known))]], expected, seen)
    return {
        "order_score": order_score,
        "order": order,
        "suspicion": suspicion,
        "is_suspect": suspicion > line,  # not where it is NaN
        "terms": {name: _spread(values, assessable) for name, values in found.terms.items()},
        "expected_errors": expected,
        "expected_errors_range": (min(expected, calibration.least_rate * len(known)), highest),
    }


def _doubts(
    rows: RowStatistics, neighbors: NeighborEvidence | None, members: MemberStatistics | None, threads: int | None
) -> dict[str, Any]:
    """Return what a ranking says of items, whatever their label, and the classes to offer."""
    values = ambiguity(rows, neighbors=neighbors, members=members, threads=threads)
    offered = columns_in_blocks(lambda part: _offered(rows.take(part)), len(rows), threads)
    return {"ambiguity": values, "is_ambiguous": ambiguous_flags(values), **offered}


def _offered(rows: RowStatistics) -> Iterator[tuple[str, NDArray[np.int32]]]:
    suggested = np.where(rows.given >= 0, rows.other, rows.top)
    yield "suggested", suggested
    yield "runner_up", np.where((rows.second == suggested) | (rows.second == rows.given), np.int32(-1), rows.second)


def _carried_over(
    calibration: Calibration, n_above: list[int], score: NDArray[np.float64], order: NDArray[np.intp]
) -> Calibration:
    """Move the cuts so that as many scores exceed them as sums of the terms that tell how many labels are wrong."""
    n = len(order)
    if n == 0:
        return calibration

    def at(place: int) -> float:
        return float(score[order[place]])

    def moved(cut: float, n_above: int) -> float:
        if n_above in (0, n):
            return max(cut, at(0)) if n_above == 0 else min(cut, at(n - 1) - 1.0)
        return (at(n_above - 1) + at(n_above)) / 2.0

    cut, cut_if_all = map(moved, (calibration.cut, calibration.cut_if_all), n_above)
    return replace(calibration, cut=cut, cut_if_all=cut_if_all)


def _probability(
    score: NDArray[np.float64], calibration: Calibration, n_classes: int, threads: int | None
) -> tuple[NDArray[np.float64], float, float]:
    """Return probabilities, their sum, and what the sum would be if all labels that disagree were wrong."""
    suspicion: NDArray[np.float64] = large_pages.empty(len(score), np.float64)
    if_all = math.exp(max(calibration.slope * (calibration.cut_if_all - calibration.cut), -700.0))
    write = _suspicion_writer(len(score) * n_classes)

    def fill(part: slice) -> tuple[float, float]:
        return write(suspicion[part], score[part], calibration.slope, calibration.cut, if_all)

    expected, highest = np.sum(list(map_blocks(fill, len(score), threads)), axis=0).tolist()
    return suspicion, expected, highest


def _suspicion_writer(
    n_values: int,
) -> Callable[[NDArray[np.float64], NDArray[np.float64], float, float, float], tuple[float, float]]:
    """Return what writes probabilities, compiled where the data is large."""
    if not is_compiled(n_values):
        return _write_suspicion
    from labelaudit.kernels.compiled_terms import write_suspicion

    return write_suspicion


def _write_suspicion(
    out: NDArray[np.float64], score: NDArray[np.float64], slope: float, cut: float, if_all: float
) -> tuple[float, float]:
    """Do as :func:`labelaudit.kernels.compiled_terms.write_suspicion`."""
    odds = np.exp(np.clip(slope * (cut - score), -700.0, 700.0))
    out[:] = 1.0 / (1.0 + odds)
    return float(out.sum()), float((1.0 / (1.0 + if_all * odds)).sum())


def _spread(values: NDArray[_Float], where: NDArray[np.bool_]) -> NDArray[_Float]:
    if len(values) == len(where):
        return values
    full = np.full(len(where), np.nan, dtype=values.dtype)
    full[where] = values
    return full
