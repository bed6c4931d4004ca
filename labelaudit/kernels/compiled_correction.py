"""Row statistics of corrected probabilities, compiled: the probabilities are read once and corrected in the cache.

What :meth:`labelaudit.recalibration.Correction.applied_to` and the row reduction do in NumPy, in float32: results
differ from it in the last bits, and never with the size of chunks or the number of threads. Rows lie side by side in
the lanes of the vectors, as in :mod:`labelaudit.kernels.compiled`, whose functions are used: who changes these must
touch this file too, because numba's cache looks at the time of this file alone.

Importing this module imports numba, so it is imported where there is enough data to be worth it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from labelaudit.kernels import arithmetic
from labelaudit.kernels.compiled import keep_two_best, log
from labelaudit.kernels.compiling import compiled, inlined, read_only

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labelaudit.kernels.row_statistics import RowStatistics

__all__ = ["reduce_corrected", "share"]

_f4 = np.float32
_f8 = np.float64
_i4 = np.int32
_LANES = 64
_LEAST_EXPONENT = _f4(-80)  # whose exponential is a normal number, and nothing beside 1
_LOG2_E = _f4(1.0 / math.log(2))
_P0, _P1, _P2, _P3, _P4, _P5 = arithmetic.EXP2_COEFFICIENTS
_INTEGER, _TINY = arithmetic.INTEGER, arithmetic.TINY
_TOP, _SECOND = range(2)
_TOP_INDEX, _SECOND_INDEX = 1, 2  # as in keep_two_best


class _Rows(NamedTuple):
    """The arrays of RowStatistics that are written."""

    p_given: NDArray[np.float32]
    other: NDArray[np.int32]
    p_other: NDArray[np.float32]
    top: NDArray[np.int32]
    second: NDArray[np.int32]
    p_top: NDArray[np.float32]
    p_second: NDArray[np.float32]
    entropy: NDArray[np.float32]


def reduce_corrected(
    out: RowStatistics,
    labels: NDArray[np.int32],
    pred_probs: NDArray[np.float32],
    coefficients: NDArray[np.float64],
    floor: float,
    largest: float,
) -> None:
    """Correct a chunk and reduce it into `out`.

    Parameters
    ----------
    out : RowStatistics
        Of `b` rows; probabilities, their classes and entropy are written, and nothing else.
    labels : (b,) int32
        Given labels, −1 where unlabelled.
    pred_probs : (b, K) float32
        Probabilities.
    coefficients : (K + 1, K) float64
        Of log-probabilities and, last, of 1.
    floor : float
        Least probability that a logarithm is taken of.
    largest : float
        Bound of what is added to a log-probability, either way; below 80.
    """
    rows = _Rows(*(getattr(out, name) for name in _Rows._fields))
    block = read_only(np.ascontiguousarray(pred_probs))
    out.given[:] = labels
    _reduce(block, read_only(labels), read_only(coefficients.astype(np.float32)), _f4(floor), _f4(largest), rows)


def share(logs: NDArray[np.float64], weights: NDArray[np.float64]) -> None:
    """Put in place of the log-probabilities of rows, (K, b), how much of each row's weight, (b,), every class gets."""
    _share(logs, read_only(weights))


@inlined
def _exp(x):
    """Return ``exp x`` for ``|x| < 80`` in float32: a power of two, put in the exponent, times a polynomial."""
    y = x * _LOG2_E
    rounded = y + _INTEGER
    f = y - (rounded - _INTEGER)
    z = ((((_P5 * f + _P4) * f + _P3) * f + _P2) * f + _P1) * f + _P0
    return _i4(_f4(z).view(_i4) + _i4(_f4(rounded).view(_i4) << _i4(23))).view(_f4)


@inlined
def _take_logs(tile, floor, logs):
    for e in range(len(tile)):
        logs[e] = log(tile[e] if tile[e] > floor else floor)


@inlined
def _add_logs(j, coefficients, logs, added):
    """Add up what goes to the log-probability of a class, in each lane."""
    for lane in range(_LANES):
        added[lane] = coefficients[-1, j]
    for c in range(len(logs)):
        weight = coefficients[c, j]
        for lane in range(_LANES):
            added[lane] += weight * logs[c, lane]


@inlined
def _scale(tile, added, largest, corrected, total):
    for lane in range(_LANES):
        x = added[lane]
        x = -largest if x < -largest else x
        x = largest if x > largest else x
        corrected[lane] = tile[lane] * _exp(x)
    for lane in range(_LANES):
        total[lane] += corrected[lane]


@inlined
def _normalize(corrected, total, best, index):
    """Divide by the sum of each lane, and keep its two greatest."""
    best[:], index[:] = -1, -1
    for lane in range(_LANES):
        total[lane] = total[lane] if total[lane] > 1e-30 else 1e-30
    for c in range(len(corrected)):
        for lane in range(_LANES):
            corrected[c, lane] = corrected[c, lane] / _f4(total[lane])
        keep_two_best(corrected, c, _i4(c), best, index)


@inlined
def _add_entropies(corrected, logs, negative_entropy):
    negative_entropy[:] = 0
    _take_logs(corrected.reshape(-1), _TINY, logs.reshape(-1))
    for c in range(len(corrected)):
        for lane in range(_LANES):
            negative_entropy[lane] += _f8(corrected[c, lane] * logs[c, lane])


@inlined
def _write(labels, rows, corrected, best, index, negative_entropy, out):
    """Write the statistics of some rows in short loops, of which LLVM makes vectors."""
    given, top, second = labels[rows], out.top[rows], out.second[rows]
    for lane in range(len(given)):
        top[lane], second[lane] = index[_TOP_INDEX, lane], index[_SECOND_INDEX, lane]
    p_top, p_second, entropy = out.p_top[rows], out.p_second[rows], out.entropy[rows]
    for lane in range(len(given)):
        p_top[lane], p_second[lane] = best[_TOP, lane], best[_SECOND, lane]
    for lane in range(len(given)):
        entropy[lane] = -negative_entropy[lane] if negative_entropy[lane] < 0.0 else 0.0
    other, p_other, p_given = out.other[rows], out.p_other[rows], out.p_given[rows]
    for lane in range(len(given)):
        other[lane] = index[_SECOND_INDEX if given[lane] == index[_TOP_INDEX, lane] else _TOP_INDEX, lane]
        p_other[lane] = best[_SECOND if given[lane] == index[_TOP_INDEX, lane] else _TOP, lane]
    for lane in range(len(given)):
        p_given[lane] = corrected[max(given[lane], 0), lane]
    for lane in range(len(given)):
        if given[lane] < 0:
            p_given[lane], p_other[lane], other[lane] = np.nan, np.nan, -1


@compiled
def _reduce(p, labels, coefficients, floor, largest, out):
    n, n_classes = p.shape
    tile = np.ones((n_classes, _LANES), _f4)
    logs, corrected = np.empty((n_classes, _LANES), _f4), np.empty((n_classes, _LANES), _f4)
    added, total, negative_entropy = np.empty(_LANES, _f4), np.empty(_LANES, _f8), np.empty(_LANES, _f8)
    best, index = np.empty((2, _LANES), _f4), np.empty((3, _LANES), _i4)
    for start in range(0, n, _LANES):
        n_rows = min(_LANES, n - start)
        for lane in range(n_rows):
            for c in range(n_classes):
                tile[c, lane] = p[start + lane, c]
        _take_logs(tile.reshape(-1), floor, logs.reshape(-1))
        total[:] = 0
        for j in range(n_classes):
            _add_logs(j, coefficients, logs, added)
            _scale(tile[j], added, largest, corrected[j], total)
        _normalize(corrected, total, best, index)
        _add_entropies(corrected, logs, negative_entropy)
        _write(labels, slice(start, start + n_rows), corrected, best, index, negative_entropy, out)


@compiled
def _share(logs, weights):
    n_classes, n = logs.shape
    chances = np.empty((n_classes, _LANES), _f4)
    greatest, total = np.empty(_LANES, _f8), np.empty(_LANES, _f8)
    for start in range(0, n, _LANES):
        n_rows = min(_LANES, n - start)
        greatest[:n_rows], total[:] = logs[0, start : start + n_rows], 0
        for c in range(1, n_classes):
            part = logs[c, start : start + n_rows]
            for lane in range(n_rows):
                greatest[lane] = (part[lane] if part[lane] > greatest[lane] else greatest[lane]) + 0.0
        for c in range(n_classes):
            part = logs[c, start : start + n_rows]
            for lane in range(n_rows):
                x = _f4(part[lane] - greatest[lane])
                chances[c, lane] = _exp(x if x > _LEAST_EXPONENT else _LEAST_EXPONENT)
            for lane in range(n_rows):
                total[lane] += chances[c, lane]
        for lane in range(n_rows):
            total[lane] = weights[start + lane] / total[lane]
        for c in range(n_classes):
            part = logs[c, start : start + n_rows]
            for lane in range(n_rows):
                part[lane] = chances[c, lane] * total[lane]
