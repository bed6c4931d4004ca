"""The row reduction compiled: one read of each row, without the GIL, the bits of :mod:`labelaudit.kernels.blocked`.

Rows lie side by side in the lanes of the vectors, so that rows of few classes fill them as well as long ones and no
sum is taken across lanes. A tile of 64 rows and 32 columns is transposed into the cache and reduced column by column.
What is kept of a row lies in one array for each type: LLVM checks whether arrays overlap before it enters a vector
loop, and gives up where there are many to compare. numba widens integer arithmetic to 64 bits, hence the casts.

Importing this module imports numba, so it is imported where there is enough data to be worth it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from labelaudit.kernels import arithmetic
from labelaudit.kernels.arithmetic import Limits
from labelaudit.kernels.compiling import compiled, inlined, read_only

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labelaudit.kernels.row_statistics import RowStatistics

__all__ = ["keep_two_best", "log", "reduce_chunk", "row_entropy"]

_f4 = np.float32
_f8 = np.float64
_i4 = np.int32
_LANES = 64
_TAKEN = 64  # columns of a tile: several lines of memory in a row, which the processor fetches ahead
_COLUMNS = arithmetic.COLUMNS
_L0, _L1, _L2, _L3, _L4, _L5, _L6, _L7 = arithmetic.LOG_COEFFICIENTS
_SQRT_HALF, _ONE, _LN2 = arithmetic.SQRT_HALF_BITS, arithmetic.ONE_BITS, arithmetic.LN2
_TINY = arithmetic.TINY

# Rows of the arrays that hold what is known of each lane: sums of a tile, of all tiles, and integers.
_NEGATIVE_ENTROPY, _SHIFTED, _MOVED = range(3)
_TOTAL, _ADJUSTED_GIVEN, _ADJUSTED_OTHER = 1, 2, 3
_TOP, _SECOND = range(2)
_GIVEN, _TOP_INDEX, _SECOND_INDEX, _OTHER, _CONFIDENT, _N_CONFIDENT, _CONFIDENT_SUM, _BELOW = range(8)
_NEVER = -4  # below every shifted probability


class _Rows(NamedTuple):
    """The arrays of RowStatistics in a form numba takes."""

    p_given: NDArray[np.floating]
    other: NDArray[np.int32]
    p_other: NDArray[np.floating]
    top: NDArray[np.int32]
    second: NDArray[np.int32]
    p_top: NDArray[np.floating]
    p_second: NDArray[np.floating]
    entropy: NDArray[np.floating]
    confident: NDArray[np.int32]
    adjusted_given: NDArray[np.floating]
    adjusted_other: NDArray[np.floating]


def reduce_chunk(
    out: RowStatistics,
    labels: NDArray[np.int32],
    pred_probs: NDArray[np.floating],
    thresholds: NDArray[np.float64],
    tolerance: float,
) -> int:
    """Reduce a chunk into `out`; parameters and result as :func:`labelaudit.kernels.blocked.reduce_chunk`."""
    limits = Limits.of(thresholds, pred_probs.dtype, tolerance)
    rows = _Rows(*(getattr(out, name) for name in _Rows._fields))
    doubtful = _reduce(read_only(np.ascontiguousarray(pred_probs)), read_only(labels), *limits, rows)
    out.set_given(labels)
    return int(doubtful)


def row_entropy(out: NDArray[np.floating], pred_probs: NDArray[np.floating], tolerance: float) -> int:
    """Write the entropy of each row; parameters and result as :func:`labelaudit.kernels.blocked.row_entropy`."""
    limits = Limits.of(np.zeros(1), pred_probs.dtype, tolerance)
    block = read_only(np.ascontiguousarray(pred_probs))
    return int(_entropies(block, limits.low, limits.high, limits.tolerance, out))


@inlined
def log(x):
    """Return log of a number from 1e-37 in float32; see :func:`labelaudit.kernels.arithmetic.log`."""
    exponent = _i4(_i4(_f4(x).view(_i4) - _SQRT_HALF) >> _i4(23))
    m = _f4(x * _i4(_ONE - _i4(exponent << _i4(23))).view(_f4) - _f4(1))
    y = ((((((_L7 * m + _L6) * m + _L5) * m + _L4) * m + _L3) * m + _L2) * m + _L1) * m + _L0
    return y * (m * m) + m + _f4(exponent) * _LN2


@inlined
def _take_tile(p, row, column, n_rows, end, tile):
    """Transpose a part of `p`; lanes without a row keep what they hold, which nothing reads."""
    for lane in range(n_rows):
        for c in range(end - column):
            tile[c, lane] = p[row + lane, column + c]


@inlined
def _take_logs(values, logs):
    for e in range(len(values)):
        logs[e] = log(values[e] if values[e] > _TINY else _TINY)


@inlined
def _clear_given(column, n_columns, index, tile):
    """Put what is never the greatest in the place of each lane's given class."""
    for lane in range(_LANES):
        c = index[_GIVEN, lane] - column
        if 0 <= c < n_columns:
            tile[c, lane] = _NEVER


@inlined
def _add(tile, c, logs, sums, totals):
    """Add one column to the sums of each lane."""
    for lane in range(_LANES):
        totals[_TOTAL, lane] += tile[c, lane]
    for lane in range(_LANES):
        sums[_NEGATIVE_ENTROPY, lane] += tile[c, lane] * logs[c * _LANES + lane]


@inlined
def keep_two_best(tile, c, j, best, index):
    """Keep the two greatest values of each lane; of equal ones the first."""
    for lane in range(_LANES):
        value, top, second = tile[c, lane], best[_TOP, lane], best[_SECOND, lane]
        first_index, second_index = index[_TOP_INDEX, lane], index[_SECOND_INDEX, lane]
        leads, follows = value > top, value > second
        best[_SECOND, lane] = top if leads else (value if follows else second)
        index[_SECOND_INDEX, lane] = first_index if leads else (j if follows else second_index)
        best[_TOP, lane] = value if leads else top
        index[_TOP_INDEX, lane] = j if leads else first_index


@inlined
def _compare(tile, c, j, least, low, index):
    """Compare a column with its threshold and with the least value that may be a probability."""
    for lane in range(_LANES):
        reached = _i4(tile[c, lane] >= least)
        index[_N_CONFIDENT, lane] = _i4(index[_N_CONFIDENT, lane] + reached)
        index[_CONFIDENT_SUM, lane] = _i4(index[_CONFIDENT_SUM, lane] + _i4(reached * j))
        index[_BELOW, lane] = _i4(index[_BELOW, lane] + _i4(not tile[c, lane] >= low))  # NaN is neither


@inlined
def _keep_best_shifted(tile, c, shift, sums):
    """Keep the greatest shifted probability of the classes that are not the given one."""
    for lane in range(_LANES):
        shifted, moved = sums[_SHIFTED, lane], tile[c, lane] + shift
        # Without "+ 0" LLVM makes this a branch around the store, and no vectors of it.
        sums[_SHIFTED, lane] = (moved if moved > shifted else shifted) + _f4(0)


@inlined
def _carry(sums, totals):
    """Move the sums of a tile on to float64."""
    for lane in range(_LANES):
        totals[_NEGATIVE_ENTROPY, lane] += sums[_NEGATIVE_ENTROPY, lane]
    sums[_NEGATIVE_ENTROPY] = 0


@inlined
def _settle(p, start, n_rows, best, index, pair, totals, sums, shift, shift_sum):
    """Look up what depends on the given class, and put in place of sums what follows from them."""
    for lane in range(n_rows):
        given, top = index[_GIVEN, lane], index[_TOP_INDEX, lane]
        pair[0, lane] = p[start + lane, max(given, 0)]
        pair[1, lane] = best[_SECOND if top == given else _TOP, lane]
        sums[_MOVED, lane] = pair[0, lane] + shift[max(given, 0)]
        index[_OTHER, lane] = index[_SECOND_INDEX, lane] if top == given else top
        several = top if index[_N_CONFIDENT, lane] > 1 else _i4(-1)
        index[_CONFIDENT, lane] = index[_CONFIDENT_SUM, lane] if index[_N_CONFIDENT, lane] == 1 else several
    for lane in range(_LANES):
        scale = totals[_TOTAL, lane] + shift_sum
        totals[_ADJUSTED_GIVEN, lane] = _f8(sums[_MOVED, lane]) / scale
        totals[_ADJUSTED_OTHER, lane] = _f8(sums[_SHIFTED, lane]) / scale


@inlined
def _write(rows, best, index, pair, totals, out):
    """Write the statistics of some rows in short loops, of which LLVM makes vectors."""
    p_given, p_other, other = out.p_given[rows], out.p_other[rows], out.other[rows]
    for lane in range(len(other)):
        p_given[lane], p_other[lane], other[lane] = pair[0, lane], pair[1, lane], index[_OTHER, lane]
    top, second, confident = out.top[rows], out.second[rows], out.confident[rows]
    for lane in range(len(other)):
        top[lane], second[lane] = index[_TOP_INDEX, lane], index[_SECOND_INDEX, lane]
        confident[lane] = index[_CONFIDENT, lane]
    p_top, p_second, entropy = out.p_top[rows], out.p_second[rows], out.entropy[rows]
    for lane in range(len(other)):
        p_top[lane], p_second[lane] = best[_TOP, lane], best[_SECOND, lane]
    for lane in range(len(other)):
        negative_entropy = totals[_NEGATIVE_ENTROPY, lane]
        entropy[lane] = -negative_entropy if negative_entropy < 0.0 else 0.0
    adjusted_given, adjusted_other = out.adjusted_given[rows], out.adjusted_other[rows]
    for lane in range(len(other)):
        adjusted_given[lane] = totals[_ADJUSTED_GIVEN, lane]
        adjusted_other[lane] = totals[_ADJUSTED_OTHER, lane]


@compiled
def _reduce(p, labels, least, shift, shift_sum, low, high, tolerance, out):
    """Reduce all rows; return the first that may hold no probabilities, −1 if there is none."""
    n, n_classes = p.shape
    tile = np.zeros((_TAKEN, _LANES), p.dtype)
    logs = np.empty(_COLUMNS * _LANES, _f4)
    sums, totals = np.empty((3, _LANES), p.dtype), np.empty((4, _LANES), _f8)
    best, pair = np.empty((2, _LANES), p.dtype), np.zeros((2, _LANES), p.dtype)
    index = np.empty((8, _LANES), _i4)
    doubtful = -1
    for start in range(0, n, _LANES):
        n_rows = min(_LANES, n - start)
        sums[:], totals[:], best[:], index[:] = 0, 0, -1, -1
        index[_N_CONFIDENT:] = 0
        index[_GIVEN, :n_rows] = labels[start : start + n_rows]
        for taken in range(0, n_classes, _TAKEN):
            end = min(taken + _TAKEN, n_classes)
            _take_tile(p, start, taken, n_rows, end, tile)
            for column in range(taken, end, _COLUMNS):
                width = min(_COLUMNS, end - column)
                part = tile[column - taken : column - taken + width]
                _take_logs(part.reshape(-1), logs)
                for c in range(width):
                    j = _i4(column + c)
                    _add(part, c, logs, sums, totals)
                    keep_two_best(part, c, j, best, index)
                    _compare(part, c, j, least[j], low, index)
                _clear_given(column, width, index, part)
                for c in range(width):
                    _keep_best_shifted(part, c, shift[column + c], sums)
                _carry(sums, totals)
        _settle(p, start, n_rows, best, index, pair, totals, sums, shift, shift_sum)
        _write(slice(start, start + n_rows), best, index, pair, totals, out)
        for lane in range(n_rows):
            fine = index[_BELOW, lane] == 0 and best[_TOP, lane] <= high
            if doubtful < 0 and not (fine and abs(totals[_TOTAL, lane] - 1.0) <= tolerance):
                doubtful = start + lane
    return doubtful


@compiled
def _entropies(p, low, high, tolerance, out):
    """Write each row's entropy; return the first row that may hold no probabilities, −1 if there is none."""
    doubtful = -1
    n_classes = p.shape[1]
    for i in range(len(p)):
        total, negative_entropy, fine = _f8(0), _f8(0), True
        for column in range(0, n_classes, _COLUMNS):
            part = p.dtype.type(0)
            for j in range(column, min(column + _COLUMNS, n_classes)):
                value = p[i, j]
                total += value
                part += value * log(value if value > _TINY else _TINY)
                fine &= low <= value <= high
            negative_entropy += _f8(part)
        out[i] = -negative_entropy if negative_entropy < 0.0 else 0.0
        if doubtful < 0 and not (fine and abs(total - 1.0) <= tolerance):
            doubtful = i
    return doubtful
