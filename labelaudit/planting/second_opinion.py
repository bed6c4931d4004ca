"""How far the items' neighbours say that more labels are wrong than planted errors explain."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labelaudit.planting.contradictions import Survey

__all__ = ["Backing", "between", "unexplained"]

_FULLY_UNEXPLAINED = 0.1  # of the contradictions: planted errors are no guide any more
_INDEPENDENT_VOTES = 0.25  # half of what a vote is expected to add to a margin (`lapses`): a witness of its own
_LEAST_APART = 0.02  # votes that hardly tell the first choice from the second tell nothing


@dataclass(frozen=True, eq=False, kw_only=True)
class Backing:
    """How an item's neighbours vote on what the model says of it; both (n,), 0..1, NaN without votes.

    Attributes
    ----------
    first, second : float
        Share of the neighbours with the label that the model chooses first, and second.
    """

    first: NDArray[np.floating]
    second: NDArray[np.floating]


def unexplained(found: Survey, backing: Backing, expected_errors: float) -> float:
    """Return how little planted errors explain the contradictions between labels and model, 0..1.

    Where a label that contradicts the model is wrong, the neighbours back the model as they do where it is right
    (share `a` of their votes); where the model is wrong, not more than they back its second choice there (`b`). So of
    contradictions backed by `c`, about ``S = (c − b) / (a − b)`` are wrong labels, if neighbours and model err
    independently, as two witnesses (Dawid and Skene 1979). They do not: they see the same features. ``S²`` is near the
    true share in the mean of sets on which this was chosen. Neighbours whose votes hardly foresee contradictions beyond
    the margin are no witness at all.

    Parameters
    ----------
    found : Survey
        Of `n` items.
    backing : Backing
        Of the same.
    expected_errors : float
        By planted errors.
    """
    votes = (found.labels >= 0) & np.isfinite(backing.first) & np.isfinite(backing.second)
    contradicted, agreed = votes & found.contradicts, votes & ~found.contradicts
    if not contradicted.any() or not agreed.any():
        return 0.0
    right, second = _mean(backing.first[agreed]), _mean(backing.second[agreed])
    wrong = (_mean(backing.first[contradicted]) - second) / max(right - second, _LEAST_APART)
    explained = expected_errors / int(np.count_nonzero(contradicted))
    beyond = _within_unit(wrong) ** 2 - explained
    return _within_unit(found.votes_weight / _INDEPENDENT_VOTES) * _within_unit(beyond / _FULLY_UNEXPLAINED)


def _within_unit(value: float) -> float:
    return min(max(value, 0.0), 1.0)


def _mean(shares: NDArray[np.floating]) -> float:
    return math.fsum(shares.tolist()) / len(shares)  # the same in whatever order the rows come


def between(planted: int, uncalibrated: int, doubt: float) -> int:
    """Return a number of flags from `planted` (doubt 0) to `uncalibrated` (doubt 1): their weighted geometric mean."""
    return round(math.exp((1.0 - doubt) * math.log(max(planted, 1)) + doubt * math.log(max(uncalibrated, 1))))
