"""The row reduction in NumPy, block by block: no start-up cost, so it serves small data.

It calls the reference on blocks whose temporaries stay in the processor's cache.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np

from labelaudit.kernels.reference import reduce_rows
from labelaudit.kernels.row_statistics import PROBABILITY_FLOOR, RowStatistics

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["reduce_chunk", "row_entropy"]

_BLOCK_VALUES = 32_768


def reduce_chunk(
    out: RowStatistics,
    labels: NDArray[np.int32],
    pred_probs: NDArray[np.floating],
    thresholds: NDArray[np.float64],
    tolerance: float,
) -> int:
    """Reduce a chunk of probabilities into `out`.

    Parameters
    ----------
    out : RowStatistics
        Statistics of `b` rows, overwritten.
    labels : (b,) int32
        Given labels, −1 where unlabelled.
    pred_probs : (b, K) float32 or float64
        Probabilities.
    thresholds : (K,) float64
        Confidence threshold of each class.
    tolerance : float
        How far from 1 the sum of a row may be.

    Returns
    -------
    int
        The first row that may hold no probabilities (not finite, out of 0..1, or of another sum), −1 if there is none.
        This kernel is certain, and leaves `out` as it was if there is one; the compiled kernel may doubt a good row,
        and reduces it all the same.
    """
    doubtful = _first_doubtful(pred_probs, tolerance)
    if doubtful >= 0:
        return doubtful
    for rows in _blocks(pred_probs):
        reduced = reduce_rows(labels[rows], pred_probs[rows], thresholds)
        target = out.take(rows)
        for field in fields(RowStatistics):
            if field.name != "n_classes":
                getattr(target, field.name)[:] = getattr(reduced, field.name)
    return -1


def row_entropy(out: NDArray[np.floating], pred_probs: NDArray[np.floating], tolerance: float) -> int:
    """Write the entropy of each row in nats.

    Parameters
    ----------
    out : (b,) float
        Overwritten.
    pred_probs : (b, K) float32 or float64
        Probabilities.
    tolerance : float
        How far from 1 the sum of a row may be.

    Returns
    -------
    int
        As :func:`reduce_chunk`.
    """
    doubtful = _first_doubtful(pred_probs, tolerance)
    if doubtful >= 0:
        return doubtful
    for rows in _blocks(pred_probs):
        p = np.asarray(pred_probs[rows], dtype=np.float64)
        out[rows] = -np.sum(p * np.log(np.where(p > 0, p, 1.0)), axis=1)
    return -1


def _blocks(pred_probs: NDArray[np.floating]) -> list[slice]:
    n, n_classes = pred_probs.shape
    step = max(1, _BLOCK_VALUES // n_classes)
    return [slice(start, start + step) for start in range(0, n, step)]


def _first_doubtful(p: NDArray[np.floating], tolerance: float) -> int:
    with np.errstate(invalid="ignore"):  # inf − inf is doubtful, and said so in words by the caller
        close = np.abs(p.sum(axis=1, dtype=np.float64) - 1.0) <= tolerance
    fine = close & (p.min(axis=1) >= -PROBABILITY_FLOOR) & (p.max(axis=1) <= 1 + PROBABILITY_FLOOR)
    return -1 if fine.all() else int(np.argmin(fine))
