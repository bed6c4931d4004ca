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
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from labelaudit.kernels import RowStatistics, is_compiled, kernel_for
from labelaudit.kernels.arithmetic import sums_over_classes
from labelaudit.sampling import gathered, sampled_rows
from labelaudit.suspicion import TELL_WHICH, weigh
from labelaudit.threads import side_by_side
from labelaudit.walk import pooled

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray

    from labelaudit.walk import Walk

    _Share = Callable[[NDArray[np.float64], NDArray[np.float64]], None]

__all__ = ["MOST_CLASSES", "Correction", "learned_correction", "recalibrated"]

MOST_CLASSES = 128
"""With more classes, squares of their number cost more than all the rest of an audit, and rows are too few to learn."""

_PRIOR_PRECISION = 30.0  # of each coefficient around the identity: 30 rows' worth of evidence
_STEPS = 15
_BELIEVED = 0.5
_FLOOR = 1e-3  # probability below which a regression learns more about rounding than about classes
_DIGITS = 6  # sums differ in their last bits with the order of rows and classes, and with the threads of BLAS
_LARGEST_LOG_ODDS = 50.0
_TINY = 1e-30
_MEANINGLESS = ("confident", "adjusted_given", "adjusted_other")
_KEPT = ("given", "p_given", "other", "p_other", "top", "second", "p_top", "p_second", "entropy")
_VALUES_AT_ONCE = 2**17  # that are corrected or learned from while they stay in the cache


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
        cls,
        pred_probs: NDArray[np.floating],
        labels: NDArray[np.int32],
        weights: NDArray[np.floating],
        *,
        compiled: bool = False,
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
        compiled : bool
            Whether the data that the rows are of is large enough for compiled code.

        Returns
        -------
        Correction
        """
        m, n_classes = pred_probs.shape
        logs = _centred_logs(np.ascontiguousarray(pred_probs.T))  # class by class, as sums along short rows are slow
        design = np.vstack([logs, np.ones(m)])
        weighted = design * weights
        inverse = np.linalg.inv(0.5 * weighted @ design.T + _PRIOR_PRECISION * np.eye(n_classes + 1))
        identity = np.eye(n_classes + 1, n_classes)
        seen = np.stack([np.bincount(labels, row, minlength=n_classes) for row in weighted])
        last = ahead = identity
        pace = 1.0
        parts, share = _parts(design, weights), _sharing(compiled)
        for _ in range(_STEPS):
            gradient = _fitted(ahead, parts, share) - seen + _PRIOR_PRECISION * (ahead - identity)
            here, next_pace = ahead - inverse @ gradient, (1.0 + math.sqrt(1.0 + 4.0 * pace * pace)) / 2.0
            ahead, last, pace = here + (pace - 1.0) / next_pace * (here - last), here, next_pace
        last = last - identity
        last[:-1] -= last[:-1].mean(axis=0)  # so that logarithms need not be centred
        # What is added to all classes alike changes nothing; without it, what is added stays small.
        return cls(np.round(_BELIEVED * (last - last.mean(axis=1, keepdims=True)), _DIGITS))

    def applied_to(self, pred_probs: NDArray[np.floating]) -> NDArray[np.floating]:
        """Return corrected probabilities in the precision of `pred_probs`, (b, K); what was 0 stays 0."""
        result = np.empty_like(pred_probs)
        by_class = np.ascontiguousarray(self.coefficients[:-1].T)
        step = max(1, _VALUES_AT_ONCE // pred_probs.shape[1])
        for start in range(0, len(pred_probs), step):
            # Class by class, as sums along short rows are slow. Always a copy: the caller's array may lie so already.
            block = np.array(pred_probs[start : start + step].T, order="C")
            logs = np.log(np.maximum(block, block.dtype.type(_FLOOR)))
            added = by_class @ logs.astype(np.float64) + self.coefficients[-1][:, None]
            added = np.clip(np.round(added, _DIGITS), -_LARGEST_LOG_ODDS, _LARGEST_LOG_ODDS)
            block *= np.exp(added.astype(block.dtype))
            block /= np.maximum(sums_over_classes(block, np.float64), _TINY).astype(block.dtype)
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
    if walk.n_classes > MOST_CLASSES:
        return None
    sample = sampled_rows(rows, threads=walk.threads)
    given = rows.given[sample]
    if len(given) == 0 or (given == given[0]).all():
        return None
    found, trust = side_by_side(
        lambda: pooled(iter(gathered(walk, sample)), weights, walk.dtype),
        lambda: _trust(_judged(rows, sample)),
        n=walk.n,
        threads=walk.threads,
    )
    with _one_blas_thread():
        return Correction.learned(found, given, trust, compiled=is_compiled(walk.n_values))


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
        Of the same items: probabilities, their classes and entropy. The rest, which no judgement of labels needs, is
        NaN or −1.
    """
    statistics = RowStatistics.allocate(walk.n, walk.n_classes, walk.dtype, without=_MEANINGLESS)
    reduce_chunk = _reduction(correction, walk)

    def reduce_rows(part: slice) -> None:
        reduce_chunk(statistics.take(part), rows.given[part], walk.pooled(part, weights))

    with _one_blas_thread():
        walk.each(reduce_rows, on_threads=is_compiled(walk.n_values))
    return statistics


def _one_blas_thread() -> AbstractContextManager[Any]:
    """Keep BLAS to the caller's thread: its own wait for longer than such small products take."""
    limits: AbstractContextManager[Any] = _thread_pools().limit(limits=1, user_api="blas")
    return limits


@cache
def _thread_pools() -> Any:
    """Return the thread pools of all libraries that are loaded: to look for them takes a millisecond."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _reduction(
    correction: Correction, walk: Walk
) -> Callable[[RowStatistics, NDArray[np.int32], NDArray[np.floating]], None]:
    """Return what corrects and reduces a chunk: in one compiled step for large data in float32, else in two."""
    if is_compiled(walk.n_values) and walk.dtype == np.float32:
        from labelaudit.kernels.compiled_correction import reduce_corrected

        return lambda out, given, chunk: reduce_corrected(
            out, given, chunk, correction.coefficients, _FLOOR, _LARGEST_LOG_ODDS
        )
    kernel, nowhere = kernel_for(walk.n_values), np.full(walk.n_classes, 2.0)

    def correct_and_reduce(out: RowStatistics, given: NDArray[np.int32], chunk: NDArray[np.floating]) -> None:
        complete = RowStatistics.allocate(len(out), walk.n_classes, walk.dtype)
        kernel.reduce_chunk(complete, given, correction.applied_to(chunk), nowhere, 1.0)
        for name in _KEPT:
            getattr(out, name)[:] = getattr(complete, name)

    return correct_and_reduce


def _judged(rows: RowStatistics, index: NDArray[np.intp]) -> RowStatistics:
    """Return what judges the labels of some rows: each column that is not looked up saves a wait for memory."""
    few = RowStatistics.allocate(len(index), rows.n_classes, rows.p_given.dtype, without=_MEANINGLESS)
    for name in _KEPT:
        getattr(few, name)[:] = getattr(rows, name)[index]
    return few


def _trust(rows: RowStatistics) -> NDArray[np.float64]:
    """Return the root of the chance that each label is right, (n,), rounded, as sums differ in their last bits."""
    weighing = weigh(rows, threads=1)
    score = np.zeros(len(rows))
    for name, values in weighing.terms(slice(0, len(rows))):
        if name not in TELL_WHICH:
            score += values
    log_odds = weighing.calibration.slope * (score - weighing.calibration.cut)
    log_odds = np.clip(log_odds, -_LARGEST_LOG_ODDS, _LARGEST_LOG_ODDS)
    trust: NDArray[np.float64] = np.round(1.0 / np.sqrt(1.0 + np.exp(log_odds)), _DIGITS)
    return trust


def _centred_logs(by_class: NDArray[np.floating]) -> NDArray[np.float64]:
    logs: NDArray[np.float64] = np.log(np.maximum(by_class, _FLOOR, dtype=np.float64))
    logs -= logs.mean(axis=0)
    return logs


class _Part(NamedTuple):
    """Some rows that are learned from: (K + 1, b) design, (b,) weights, and (K, b) room for their chances."""

    design: NDArray[np.float64]
    weights: NDArray[np.float64]
    chances: NDArray[np.float64]


def _parts(design: NDArray[np.float64], weights: NDArray[np.floating]) -> list[_Part]:
    """Divide the rows into equal parts that stay in the cache."""
    n_rows, n_classes = design.shape[1], len(design) - 1
    n_parts = -(-n_rows // max(1, _VALUES_AT_ONCE // n_classes))
    divided = zip(np.array_split(design, n_parts, axis=1), np.array_split(weights, n_parts), strict=True)
    return [
        _Part(np.ascontiguousarray(some), np.asarray(part, np.float64), np.empty((n_classes, len(part))))
        for some, part in divided
    ]


def _fitted(coefficients: NDArray[np.float64], parts: list[_Part], share: _Share) -> NDArray[np.float64]:
    """Return sums of the columns over what the labels of each class would be on average, (K + 1, K)."""
    by_class = np.ascontiguousarray(coefficients.T)
    fitted = np.zeros_like(coefficients)
    for design, weights, chances in parts:
        np.matmul(by_class, design, out=chances)
        share(chances, weights)
        fitted += design @ chances.T
    return fitted


def _sharing(compiled: bool) -> _Share:
    if not compiled:
        return _share
    from labelaudit.kernels.compiled_correction import share

    return share


def _share(logs: NDArray[np.float64], weights: NDArray[np.float64]) -> None:
    """Put in place of the log-probabilities of rows, (K, b), how much of each row's weight every class gets.

    Exponentials are taken in float32, for which NumPy has vector instructions everywhere; all sums are in float64.
    """
    logs -= logs.max(axis=0)
    chances = np.exp(logs, dtype=np.float32, casting="same_kind")
    np.multiply(chances, weights / chances.sum(axis=0, dtype=np.float64), out=logs)
