"""The row reduction in NumPy: no start-up cost, and the same bits as :mod:`labelaudit.kernels.compiled`.

Both do the same float operations in the same order: a block of rows is reduced column by column, with the rows side by
side. Temporaries of a block stay in the processor's cache.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from labelaudit.kernels.arithmetic import COLUMNS, TINY, Limits, log
from labelaudit.kernels.row_statistics import RowStatistics

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["reduce_chunk", "row_entropy"]

_TILE_VALUES = 2**15  # of a block's rows in the columns that are added up together


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
        A good row may be doubted, a bad one is never missed; all others are reduced all the same.
    """
    limits = Limits.of(thresholds, pred_probs.dtype, tolerance)
    doubtful = -1
    for rows in _blocks(pred_probs):
        p, given = pred_probs[rows], labels[rows]
        columns = np.ascontiguousarray(p.T)
        with np.errstate(all="ignore"):  # of what is no probability; the caller says so in words
            sums = _sums(columns, given, limits.shift)
            _write(out.take(rows), columns, given, sums, limits)
        fine = (columns.min(axis=0) >= limits.low) & (columns.max(axis=0) <= limits.high)
        fine &= np.abs(sums.total - 1.0) <= limits.tolerance
        if doubtful < 0 and not fine.all():
            doubtful = int(rows.start + np.argmin(fine))
    out.set_given(labels)
    return doubtful


def row_entropy(out: NDArray[np.floating], pred_probs: NDArray[np.floating], tolerance: float) -> int:
    """Write the entropy of each row in nats, to the last bit as :func:`reduce_chunk` does.

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
    n_classes = pred_probs.shape[1]
    out_of_reach = RowStatistics.allocate(len(pred_probs), n_classes, pred_probs.dtype)
    labels = np.full(len(pred_probs), -1, dtype=np.int32)
    doubtful = reduce_chunk(out_of_reach, labels, pred_probs, np.full(n_classes, 2.0), tolerance)
    out[:] = out_of_reach.entropy
    return doubtful


def _blocks(pred_probs: NDArray[np.floating]) -> Iterator[slice]:
    n, n_classes = pred_probs.shape
    step = _TILE_VALUES // min(n_classes, COLUMNS)
    return (slice(start, min(start + step, n)) for start in range(0, n, step))


class _Sums(NamedTuple):
    """Sums over the columns of a block, each (b,).

    Attributes
    ----------
    total, negative_entropy : (b,) float64
        Of the probabilities, of ``p log p``.
    shifted : (b,) float
        Greatest shifted probability of all classes but the given one.
    """

    total: NDArray[np.float64]
    negative_entropy: NDArray[np.float64]
    shifted: NDArray[np.floating]


def _sums(columns: NDArray[np.floating], given: NDArray[np.int32], shift: NDArray[np.floating]) -> _Sums:
    """Add up a block given as columns, (K, b): one after the other in its precision, tiles of columns in float64."""
    n, dtype = len(given), columns.dtype
    total, negative_entropy, shifted = np.zeros(n), np.zeros(n), np.zeros(n, dtype=dtype)
    for first in range(0, len(columns), COLUMNS):
        tile = columns[first : first + COLUMNS]
        terms = tile * log(np.maximum(tile, TINY))
        moved = tile + shift[first : first + COLUMNS, None]
        here = np.flatnonzero((given >= first) & (given < first + len(tile)))
        moved[given[here] - first, here] = 0
        of_tile = np.zeros(n, dtype=dtype)
        for c in range(len(tile)):
            total += tile[c]
            of_tile += terms[c]
            np.maximum(shifted, moved[c], out=shifted)
        negative_entropy += of_tile
    return _Sums(total, negative_entropy, shifted)


def _two_best(p: NDArray[np.floating]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the indices of the two greatest values of each row; of equal ones the first."""
    top = p.argmax(axis=1)
    left = p.copy()
    left[np.arange(len(p)), top] = -1
    return top, left.argmax(axis=1)


def _write(
    out: RowStatistics,
    columns: NDArray[np.floating],
    given: NDArray[np.int32],
    sums: _Sums,
    limits: Limits,
) -> None:
    rows, labels = np.arange(len(given)), np.maximum(given, 0)
    top, second = _two_best(columns.T)
    reached = columns >= limits.least[:, None]
    n_confident = reached.sum(axis=0)
    sole = np.arange(len(columns)) @ reached  # the one that reaches its threshold, where it is one
    out.p_given[:], out.p_top[:], out.p_second[:] = columns[labels, rows], columns[top, rows], columns[second, rows]
    out.top[:], out.second[:], out.other[:] = top, second, np.where(top == given, second, top)
    out.p_other[:] = np.where(top == given, out.p_second, out.p_top)
    out.confident[:] = np.where(n_confident == 0, -1, np.where(n_confident == 1, sole, top))
    out.entropy[:] = np.maximum(-sums.negative_entropy, 0.0)
    scale = sums.total + limits.shift_sum
    out.adjusted_given[:] = (out.p_given + limits.shift[labels]) / scale
    out.adjusted_other[:] = sums.shifted / scale
