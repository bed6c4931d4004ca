"""The row reduction in plain NumPy: every formula once, readable, in float64.

Tests hold the fast kernel against this one. It makes several temporaries of the size of its input, so callers give it
small chunks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labelaudit.kernels.row_statistics import CONFIDENT_SLACK, RowStatistics

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["reduce_rows"]


def reduce_rows(
    labels: NDArray[np.int32], pred_probs: NDArray[np.floating], thresholds: NDArray[np.float64]
) -> RowStatistics:
    """Reduce probabilities to row statistics.

    Parameters
    ----------
    labels : (n,) int32
        Given labels, −1 where unlabelled.
    pred_probs : (n, K) float
        Finite probabilities whose rows sum to 1.
    thresholds : (K,) float64
        Confidence threshold of each class, 2 for a class without labels.

    Returns
    -------
    RowStatistics
        In float64.
    """
    p = np.asarray(pred_probs, dtype=np.float64)
    n, n_classes = p.shape
    rows = np.arange(n)
    labelled = labels >= 0
    given = np.where(labelled, labels, 0)
    top, p_top = _best(p)
    second, p_second = _best(_without(p, top))
    other = np.where(top == given, second, top)
    shifted = p - thresholds + thresholds.max()
    scale = shifted.sum(axis=1)
    floats = {
        "p_given": p[rows, given],
        "p_other": p[rows, other],
        "adjusted_given": shifted[rows, given] / scale,
        "adjusted_other": _without(shifted, given).max(axis=1) / scale,
    }
    return RowStatistics(
        given=labels.astype(np.int32, copy=False),
        other=np.where(labelled, other, -1).astype(np.int32),
        top=top,
        second=second,
        p_top=p_top,
        p_second=p_second,
        entropy=-np.sum(p * np.log(np.where(p > 0, p, 1.0)), axis=1),
        confident=_confident(p, top, thresholds),
        n_classes=n_classes,
        **{name: np.where(labelled, values, np.nan) for name, values in floats.items()},
    )


def _best(p: NDArray[np.float64]) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Return index and value of each row's maximum; ties go to the lower index."""
    index = p.argmax(axis=1)
    return index.astype(np.int32), np.take_along_axis(p, index[:, None], axis=1)[:, 0]


def _without(p: NDArray[np.float64], index: NDArray[np.integer]) -> NDArray[np.float64]:
    left = p.copy()
    np.put_along_axis(left, index[:, None], -np.inf, axis=1)
    return left


def _confident(p: NDArray[np.float64], top: NDArray[np.int32], thresholds: NDArray[np.float64]) -> NDArray[np.int32]:
    reached = p >= thresholds - CONFIDENT_SLACK
    count = reached.sum(axis=1)
    # cleanlab's rule: a sole confident class counts even where it is not the argmax; among several the argmax does,
    # even where the argmax itself is not confident.
    return np.where(count == 0, -1, np.where(count == 1, reached.argmax(axis=1), top)).astype(np.int32)
