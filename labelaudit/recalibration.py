"""What the given labels say about a model's log-probabilities: row statistics under probabilities that were corrected.

A model that was regularised too much, is too sure, or mixes up classes leaves traces: which labels its rows carry can
be foreseen better from its log-probabilities than by them. A multinomial logistic regression of the labels on the
log-probabilities (Dirichlet calibration; Kull et al. 2019) learns by how much. It is half believed: the corrected
probabilities are the geometric mean of the model's and the regression's, which is the same as a regression whose
deviation from the identity is halved.

It would also learn what is wrong about the labels. So rows count by the root of the chance that their label is right,
as far as the uncorrected probabilities can tell: between believing all labels and believing all suspicion.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from labelaudit.kernels import RowStatistics, is_compiled, kernel_for
from labelaudit.suspicion import TELL_WHICH, calibrate, evidence_terms

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from labelaudit.walk import Walk

__all__ = ["MOST_CLASSES", "Correction", "learned_correction", "recalibrated"]

MOST_CLASSES = 128
"""With more classes, squares of their number cost more than all the rest of an audit, and rows are too few to learn."""

_SAMPLE = 10_000  # rows that are learned from
_PRIOR_PRECISION = 30.0  # of each coefficient around the identity: 30 rows' worth of evidence
_STEPS = 15
_BELIEVED = 0.5
_FLOOR = 1e-3  # probability below which a regression learns more about rounding than about classes
_DIGITS = 6  # sums differ in their last bits with the order of rows and classes, and with the threads of BLAS
_LARGEST_LOG_ODDS = 50.0
_TINY = 1e-30
_VALUES_AT_ONCE = 2**17  # that are corrected while they stay in the cache


@dataclass(frozen=True, eq=False)
class Correction:
    """What is added to log-probabilities.

    Attributes
    ----------
    coefficients : (K + 1, K) float64
        Of log-probabilities and, last, of 1.
    """

    coefficients: NDArray[np.float64]

    @classmethod
    def learned(
        cls, pred_probs: NDArray[np.floating], labels: NDArray[np.int32], weights: NDArray[np.float64]
    ) -> Correction:
        """Fit the regression by a fixed number of accelerated steps under a bound on the curvature.

        The bound is that of Böhning and Lindsay (1988), ``½ Xᵀ W X`` for every class, so each step is one product of
        matrices and never overshoots; the acceleration is Nesterov's (1983). Stopping early keeps the regression
        nearer to the identity.

        Parameters
        ----------
        pred_probs : (m, K) float
            Probabilities.
        labels : (m,) int32
            Given labels, 0..K−1.
        weights : (m,) float64
            How much each row counts, 0..1.

        Returns
        -------
        Correction
        """
        m, n_classes = pred_probs.shape
        design = np.column_stack([_centred_logs(pred_probs), np.ones(m)])
        curvature = 0.5 * (design.T * weights) @ design + _PRIOR_PRECISION * np.eye(n_classes + 1)
        inverse = np.linalg.inv(curvature)
        last = ahead = np.zeros((n_classes + 1, n_classes))
        pace = 1.0
        for _ in range(_STEPS):
            residuals = _softmax(design[:, :-1] + design @ ahead)
            residuals[np.arange(m), labels] -= 1.0
            gradient = design.T @ (residuals * weights[:, None]) + _PRIOR_PRECISION * ahead
            here, next_pace = ahead - inverse @ gradient, (1.0 + math.sqrt(1.0 + 4.0 * pace * pace)) / 2.0
            ahead, last, pace = here + (pace - 1.0) / next_pace * (here - last), here, next_pace
        last[:-1] -= last[:-1].mean(axis=0)  # so that logarithms need not be centred
        # What is added to all classes alike changes nothing; without it, what is added stays small.
        return cls(np.round(_BELIEVED * (last - last.mean(axis=1, keepdims=True)), _DIGITS))

    def applied_to(self, pred_probs: NDArray[np.floating]) -> NDArray[np.floating]:
        """Return corrected probabilities in the precision of `pred_probs`, (b, K); what was 0 stays 0."""
        result = np.empty_like(pred_probs)
        by_class = np.ascontiguousarray(self.coefficients[:-1].T)
        step = max(1, _VALUES_AT_ONCE // pred_probs.shape[1])
        for start in range(0, len(pred_probs), step):
            # Class by class, as sums along short rows are slow.
            block = np.ascontiguousarray(pred_probs[start : start + step].T)
            logs = np.log(np.maximum(block, block.dtype.type(_FLOOR)))
            added = by_class @ logs.astype(np.float64) + self.coefficients[-1][:, None]
            added = np.clip(np.round(added, _DIGITS), -_LARGEST_LOG_ODDS, _LARGEST_LOG_ODDS)
            block *= np.exp(added.astype(block.dtype))
            block /= np.maximum(block.sum(axis=0, dtype=np.float64), _TINY).astype(block.dtype)
            result[start : start + step] = block.T
        return result


def learned_correction(rows: RowStatistics, walk: Walk, weights: NDArray[np.float64]) -> Correction | None:
    """Learn from the given labels how to correct the probabilities.

    Parameters
    ----------
    rows : RowStatistics
        Of `n` items.
    walk : Walk
        Over the sources that they are of.
    weights : (M,) float64
        Of the sources in their pool.

    Returns
    -------
    Correction or None
        None where nothing can be learned: from labels of fewer than two classes, or of more than :data:`MOST_CLASSES`.
    """
    sample = _sample(rows)
    if walk.n_classes > MOST_CLASSES or len(np.unique(rows.given[sample])) < 2:
        return None
    from threadpoolctl import threadpool_limits

    known = rows.take(sample)
    found = _gathered(walk, weights, sample)
    with threadpool_limits(1, user_api="blas"):  # whose threads wait for longer than such small products take
        return Correction.learned(found, known.given, _trust(known))


def recalibrated(
    rows: RowStatistics, walk: Walk, weights: NDArray[np.float64], correction: Correction
) -> RowStatistics:
    """Return the row statistics of corrected probabilities.

    Parameters
    ----------
    rows, walk, weights
        As for :func:`learned_correction`.
    correction : Correction
        What to add.

    Returns
    -------
    RowStatistics
        Of the same items. Class thresholds, and what follows from them (``confident`` and ``adjusted_*``), have no
        meaning for corrected probabilities.
    """
    from threadpoolctl import threadpool_limits

    kernel, nowhere = kernel_for(walk.n_values), np.full(walk.n_classes, 2.0)
    corrected = _applied_by(correction, walk)
    statistics = RowStatistics.allocate(walk.n, walk.n_classes, walk.dtype)

    def reduce_rows(part: slice) -> None:
        block = corrected(walk.pooled(part, weights))
        kernel.reduce_chunk(statistics.take(part), rows.given[part], block, nowhere, 1.0)

    with threadpool_limits(1, user_api="blas"):
        walk.each(reduce_rows, on_threads=is_compiled(walk.n_values))
    return statistics


def _applied_by(correction: Correction, walk: Walk) -> Callable[[NDArray[np.floating]], NDArray[np.floating]]:
    """Return what corrects a chunk: compiled code where the data is large and in float32, else NumPy."""
    if not is_compiled(walk.n_values) or walk.dtype != np.float32:
        return correction.applied_to
    from labelaudit.kernels import compiled_correction

    return lambda chunk: compiled_correction.correct(chunk, correction.coefficients, _FLOOR, _LARGEST_LOG_ODDS)


def _sample(rows: RowStatistics) -> NDArray[np.intp]:
    """Return which rows are learned from: all that can be assessed, or some by a hash of their probabilities.

    Neither the order of rows nor of classes bears on the choice, nor the label. Rows of equal probabilities are chosen
    together, so there may be more than asked for.
    """
    assessable = np.flatnonzero((rows.given >= 0) & np.isfinite(rows.p_given))
    if len(assessable) <= _SAMPLE:
        return assessable
    keys = _hashed(rows.p_top[assessable], rows.p_second[assessable])
    chosen: NDArray[np.intp] = assessable[keys <= np.partition(keys, _SAMPLE - 1)[_SAMPLE - 1]]
    return chosen


def _trust(rows: RowStatistics) -> NDArray[np.float64]:
    """Return the root of the chance that each label is right, (n,), rounded, as sums differ in their last bits."""
    terms, slope = evidence_terms(rows, threads=1)
    score = sum((values for name, values in terms.items() if name not in TELL_WHICH), np.zeros(len(rows)))
    log_odds = np.clip(slope * (score - calibrate(rows, slope, threads=1).cut), -_LARGEST_LOG_ODDS, _LARGEST_LOG_ODDS)
    trust: NDArray[np.float64] = np.round(1.0 / np.sqrt(1.0 + np.exp(log_odds)), _DIGITS)
    return trust


def _hashed(*columns: NDArray[np.floating]) -> NDArray[np.uint64]:
    """Return a hash of each row (the finaliser of SplitMix64; Steele, Lea and Flood 2014)."""
    state = np.zeros(len(columns[0]), dtype=np.uint64)
    for column in columns:
        state ^= np.asarray(column, dtype=np.float64).view(np.uint64)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            state = (state ^ (state >> np.uint64(shift))) * np.uint64(factor)
        state ^= state >> np.uint64(31)
    return state


def _gathered(walk: Walk, weights: NDArray[np.float64], sample: NDArray[np.intp]) -> NDArray[np.floating]:
    """Return the pooled probabilities of the rows `sample`, which ascend."""
    found = np.empty((len(sample), walk.n_classes), dtype=walk.dtype)

    def gather(part: slice) -> None:
        first, last = np.searchsorted(sample, [part.start, part.stop])
        if last > first:
            found[first:last] = walk.pooled(part, weights)[sample[first:last] - part.start]

    walk.each(gather, on_threads=is_compiled(walk.n_values))
    return found


def _centred_logs(pred_probs: NDArray[np.floating]) -> NDArray[np.float64]:
    logs: NDArray[np.float64] = np.log(np.maximum(pred_probs, _FLOOR, dtype=np.float64))
    centred: NDArray[np.float64] = logs - logs.mean(axis=1, keepdims=True)
    return centred


def _softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    exponentials: NDArray[np.float64] = np.exp(scores - scores.max(axis=1, keepdims=True))
    exponentials /= exponentials.sum(axis=1, keepdims=True)
    return exponentials
