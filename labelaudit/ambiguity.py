"""Ambiguity: how far reasonable people would disagree on an item, whatever label it has.

It is one minus the inverse of the effective number of classes: 0 where one class is certain, 1/2 where the evidence
is as undecided as a fair coin between two, 2/3 for three. The effective number is the exponential of an entropy in
nats (Hill's number of order 1; Jost 2006), so it means the same for 2 classes and for 1000.

The given label of an item never enters its ambiguity.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

import numpy as np

from labelaudit.newton import climb
from labelaudit.threads import in_blocks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labelaudit.kernels.member_statistics import MemberStatistics
    from labelaudit.kernels.row_statistics import RowStatistics

__all__ = ["AMBIGUOUS_ABOVE", "AMBIGUOUS_SHARE", "NeighborEntropy", "ambiguity", "ambiguous_flags"]

AMBIGUOUS_ABOVE = 1.0 - math.exp(-(math.log(3.0) - 2.0 / 3.0 * math.log(2.0)))
"""Ambiguity of an item on which one in three people differs from the other two: about 0.47."""

AMBIGUOUS_SHARE = 0.10
"""Largest share of the items that is flagged."""

_ENTROPY_FLOOR = 1e-4  # nats; below it a model's entropy says more about its rounding than about the item
_INTERCEPT_PRECISION, _PRIOR_PRECISION = 1e-6, 1.0  # of the standardised coefficients of the disagreement model


class NeighborEntropy(Protocol):
    """What ambiguity needs of :class:`labelaudit.neighbors.NeighborStatistics`."""

    @property
    def label_entropy(self) -> NDArray[np.floating]:
        """(n,) entropy of the neighbours' labels in nats, NaN where there are none."""


def ambiguity(
    rows: RowStatistics,
    *,
    neighbors: NeighborEntropy | None = None,
    members: MemberStatistics | None = None,
    threads: int | None = None,
) -> NDArray[np.floating]:
    """Estimate how far reasonable people would disagree on each item.

    The entropy is that of the probabilities; with several repeats of one model their expected entropy, the disagreement
    that stays when the members' own ignorance (the mutual information) is taken away; with several models the entropy
    of their logarithmic pool, which weighs them by what they know. Neighbours change
    it by a power of the effective number of classes among their labels, ``H · exp(w · (H_neighbors − mean))``, where
    `w` says how much that number helps to foresee, beside `H`, that a given label differs from the most likely class.
    It is learned from the data, so that neighbours in a poor embedding have no say.

    Parameters
    ----------
    rows : RowStatistics
        Row statistics of `n` items; unlabelled ones have an ambiguity too.
    neighbors : NeighborStatistics, optional
        Only `label_entropy` is used.
    members : MemberStatistics, optional
        Of several models or repeats.
    threads : int, optional
        Default: one for each core. Never changes the result.

    Returns
    -------
    (n,) float
        0..1, below 1 − 1/K without neighbours. In the precision of the entropies, with neighbours in float64.
    """
    entropy = _entropy(rows, members)
    if neighbors is not None:
        exact = np.asarray(entropy, dtype=np.float64)
        entropy = exact * _neighbor_factor(rows, exact, np.asarray(neighbors.label_entropy, dtype=np.float64))
    return in_blocks(lambda part: _ambiguity_of(entropy[part]), len(entropy), threads, entropy.dtype)


def _entropy(rows: RowStatistics, members: MemberStatistics | None) -> NDArray[np.floating]:
    if members is None:
        return rows.entropy
    return members.expected if members.log_pool is None else members.log_pool.entropy


def _ambiguity_of(entropy: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return ``1 − exp(−H)`` as ``2 t / (1 + t)``, ``t = tanh(H / 2)``: as exact near 0 as expm1, and much faster."""
    t = np.tanh(np.maximum(entropy, 0.0) / 2.0)
    found: NDArray[np.floating] = 2.0 * t / (1.0 + t)
    return found


def ambiguous_flags(values: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Flag the items on which people would disagree at least two to one.

    Probabilities alone cannot tell an item on which people disagree from one that the model does not know. So of a
    model that is unsure everywhere at most the `AMBIGUOUS_SHARE` most ambiguous items are flagged, fewer where ties
    reach across.

    Parameters
    ----------
    values : (n,) float
        From :func:`ambiguity`.

    Returns
    -------
    (n,) bool
    """
    if len(values) == 0:
        return np.zeros(0, dtype=bool)
    allowed = int(AMBIGUOUS_SHARE * len(values))
    # All values above the first that is one too many.
    barrier = np.partition(values, len(values) - 1 - allowed)[len(values) - 1 - allowed]
    flags: NDArray[np.bool_] = (values >= AMBIGUOUS_ABOVE) & (values > barrier)
    return flags


def _neighbor_factor(
    rows: RowStatistics, entropy: NDArray[np.float64], label_entropy: NDArray[np.float64]
) -> NDArray[np.float64]:
    known = np.isfinite(label_entropy)
    learned_from = known & (rows.given >= 0)
    differs = (rows.top != rows.given)[learned_from]
    if not differs.any() or differs.all():  # nothing to learn from: both slopes are rounding, and so is their ratio
        return np.ones(len(entropy))
    features = np.column_stack([np.log(np.maximum(entropy, _ENTROPY_FLOOR)), label_entropy])[learned_from]
    of_model, of_neighbors = _logistic(features, differs)
    # A power above 1 would let neighbours outvote the model; a negative one would turn their meaning round.
    weight = min(max(of_neighbors / of_model, 0.0), 1.0) if of_model > 0 else 0.0
    # Rounded, because sums differ in their last bits with the order of the rows and the threads of BLAS.
    weight, mean = round(weight, 6), round(float(label_entropy[learned_from].mean()), 6)
    return np.exp(weight * (np.where(known, label_entropy, mean) - mean))


def _logistic(features: NDArray[np.float64], outcome: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the slopes of a ridge logistic regression on standardised features."""
    spread = features.std(axis=0)
    spread[spread < 1e-12] = np.inf  # a constant says nothing: its slope is 0
    design = np.column_stack([np.ones(len(features)), (features - features.mean(axis=0)) / spread])
    precision = np.array([_INTERCEPT_PRECISION, *[_PRIOR_PRECISION] * features.shape[1]])
    happened = outcome.astype(np.float64)

    def density(beta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        linear = design @ beta
        # Not logaddexp, which takes several times as long.
        fit = happened @ linear - np.maximum(linear, 0.0).sum() - np.log(1.0 + np.exp(-np.abs(linear))).sum()
        return float(fit - 0.5 * precision @ beta**2), linear

    def derivatives(
        beta: NDArray[np.float64], linear: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        p = 0.5 * (1.0 + np.tanh(0.5 * linear))
        curvature = (design * (p * (1.0 - p))[:, None]).T @ design + np.diag(precision)
        return design.T @ (happened - p) - precision * beta, curvature

    slopes: NDArray[np.float64] = climb(np.zeros(len(precision)), density, derivatives).coefficients[1:] / spread
    return slopes
