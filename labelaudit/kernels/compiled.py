"""The row reduction compiled: one read of each row, vectorised by LLVM, without the GIL.

Two things make the loops vectorise. Logarithm and power are polynomials in float32 (after Cephes), good to 2e-7. And
maxima are taken of the bit patterns as integers, which order non-negative floats as the floats do: LLVM will not
reorder a float maximum that might meet NaN. (Below zero, down to the accepted −1e-6 of rounding noise, the order is
reversed; nothing depends on it.) numba widens integer arithmetic to 64 bits, hence the many casts.

Importing this module imports numba, so it is imported where there is enough data to be worth it.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numba
import numpy as np

from labelaudit.kernels.row_statistics import CONFIDENT_SLACK, PROBABILITY_FLOOR, TAIL_POWER, RowStatistics

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["reduce_chunk", "row_entropy"]

# Sums may be reordered and multiplications fused with additions; NaN and infinity keep their meaning.
_OPTIONS = {"nogil": True, "error_model": "numpy", "fastmath": {"reassoc", "nsz", "contract", "arcp"}}

_f4 = np.float32
_i4 = np.int32
_FLOOR = _i4(_f4(PROBABILITY_FLOOR).view(np.int32))
_ROUNDING = (
    1e-5  # of a row's sum in float32: better to doubt a good row, which is looked at again, than to miss a bad one
)
_BLOCK = 2048  # values whose logarithms are taken together, so that rows of few classes fill the vectors too
_TINY = _i4(_f4(1e-37).view(np.int32))  # log 0 must be finite to be multiplied by 0
_LOG_FLOOR = _f4(math.log(PROBABILITY_FLOOR))
_POWER = _f4(TAIL_POWER)


def _compiled(function: Callable[..., Any]) -> Any:
    """Compile for the types of the first call, and keep the result on disk for other processes."""
    dispatcher = numba.njit(**_OPTIONS)(function)
    with contextlib.suppress(RuntimeError):  # there is no folder to write to: each process compiles for itself
        dispatcher.enable_caching()
    return dispatcher


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
    log_given: NDArray[np.floating]
    log_other: NDArray[np.floating]
    tail: NDArray[np.floating]
    confident: NDArray[np.int32]
    adjusted_given: NDArray[np.floating]
    adjusted_other: NDArray[np.floating]


_NEEDS_LABEL = ("p_given", "p_other", "log_given", "log_other", "tail", "adjusted_given", "adjusted_other")


def reduce_chunk(
    out: RowStatistics,
    labels: NDArray[np.int32],
    pred_probs: NDArray[np.floating],
    thresholds: NDArray[np.float64],
    tolerance: float,
) -> int:
    """Reduce a chunk into `out`; parameters and result as :func:`labelaudit.kernels.blocked.reduce_chunk`."""
    block = _read_only(np.ascontiguousarray(pred_probs))
    out.given[:] = labels
    shift = (thresholds.max() - thresholds).astype(np.float32)
    least = _rounded_up(thresholds - CONFIDENT_SLACK, block.dtype)
    rows = _Rows(*(getattr(out, name) for name in _Rows._fields))
    low, high = _limits(block.dtype)
    doubtful = _reduce(
        block, block.view(low.dtype), _read_only(labels), least, shift, float((thresholds.max() - thresholds).sum()),
        low, high, tolerance - _ROUNDING, rows,
    )  # fmt: skip
    unlabelled = labels < 0
    if unlabelled.any():
        rows.other[unlabelled] = -1
        for name in _NEEDS_LABEL:
            getattr(out, name)[unlabelled] = np.nan
    return int(doubtful)


def row_entropy(out: NDArray[np.floating], pred_probs: NDArray[np.floating], tolerance: float) -> int:
    """Write the entropy of each row; parameters and result as :func:`labelaudit.kernels.blocked.row_entropy`."""
    block = _read_only(np.ascontiguousarray(pred_probs))
    low, high = _limits(block.dtype)
    return int(_entropies(block, block.view(low.dtype), low, high, tolerance - _ROUNDING, out))


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    """Return a view that cannot be written to: numba would compile once for such arrays and once for others."""
    view = array.view()
    view.flags.writeable = False
    return view


def _limits(dtype: np.dtype[np.floating]) -> tuple[np.signedinteger, np.signedinteger]:
    """Return the bit patterns of −1e-6 and 1 + 1e-6: what lies between them in the order of floats is accepted."""
    integer = np.int32 if dtype.itemsize == 4 else np.int64
    ends = np.array([-PROBABILITY_FLOOR, 1 + PROBABILITY_FLOOR], dtype=dtype).view(integer)
    return ends[0], ends[1]


def _rounded_up(values: NDArray[np.float64], dtype: np.dtype[np.floating]) -> NDArray[np.floating]:
    """Return the least number of `dtype` not below each value, so that comparing in `dtype` decides as float64 does."""
    rounded = values.astype(dtype)
    return np.where(rounded < values, np.nextafter(rounded, dtype.type(np.inf)), rounded).astype(dtype)


@_compiled
def _log(bits):
    """Return log of a normal positive float32, given as its bits."""
    exponent = _i4(_i4(bits - _i4(0x3F3504F3)) >> _i4(23))  # so that the mantissa lies in √½ .. √2
    m = _i4(bits - _i4(exponent << _i4(23))).view(_f4) - _f4(1.0)
    y = _f4(7.0376836292e-2)
    y = y * m + _f4(-1.1514610310e-1)
    y = y * m + _f4(1.1676998740e-1)
    y = y * m + _f4(-1.2420140846e-1)
    y = y * m + _f4(1.4249322787e-1)
    y = y * m + _f4(-1.6668057665e-1)
    y = y * m + _f4(2.0000714765e-1)
    y = y * m + _f4(-2.4999993993e-1)
    y = y * m + _f4(3.3333331174e-1)
    y = y * m * m * m
    scale = _f4(exponent)
    y = y + scale * _f4(-2.12194440e-4) - _f4(0.5) * m * m
    return m + y + scale * _f4(0.693359375)  # log 2 comes in two parts, for its last bits


@_compiled
def _exp(x):
    """Return exp of a float32 in −80 .. 80."""
    n = _i4(_i4(x * _f4(1.44269504) + _f4(128.5)) - _i4(128))
    r = x - _f4(n) * _f4(0.693359375) - _f4(n) * _f4(-2.12194440e-4)
    y = _f4(1.9875691500e-4)
    y = y * r + _f4(1.3981999507e-3)
    y = y * r + _f4(8.3334519073e-3)
    y = y * r + _f4(4.1665795894e-2)
    y = y * r + _f4(1.6666665459e-1)
    y = y * r + _f4(5.0000001201e-1)
    return (y * r * r + r + _f4(1.0)) * _i4(_i4(n + _i4(127)) << _i4(23)).view(_f4)


@_compiled
def _logs_and_powers(values, logs, powers):
    """Write ``log p`` and ``max(p, 1e-6) ** 0.3`` of values that may span several rows."""
    for e in range(len(values)):
        pattern = _f4(values[e]).view(_i4)
        log = _log(pattern if pattern > _TINY else _TINY)
        logs[e] = log
        powers[e] = _exp(_POWER * (log if log > _LOG_FLOOR else _LOG_FLOOR))


@_compiled
def _best_but(bits, without):
    """Return the first index of the greatest of a row's bit patterns, leaving one index out."""
    n_classes = _i4(len(bits))
    lowest = bits.dtype.type(np.iinfo(bits.dtype).min)
    best = lowest
    for j in range(n_classes):
        value = bits[j] if j != without else lowest
        best = value if value > best else best
    index = n_classes
    for j in range(n_classes):
        found = _i4(j) if (bits[j] == best) & (j != without) else n_classes
        index = found if found < index else index
    return index


@_compiled
def _outside(pattern, low, high):
    """Return 1 for a bit pattern above 1 + 1e-6, infinite, NaN, or with the sign and a magnitude above 1e-6; else 0."""
    return _i4((pattern > high) | ((pattern < 0) & (pattern > low)))


@_compiled
def _sums(p, bits, logs, powers, given, low, high):
    """Return a row's sum, clipped sum, negative entropy, powers of all but the given class, and values out of range."""
    total = 0.0  # in float64: a thousand tiny values beside one near 1 would lose their last bits
    lifted = _f4(0)
    negative_entropy = _f4(0)
    tail = _f4(0)
    outside = _i4(0)
    for j in range(len(p)):
        value = _f4(p[j])
        total += p[j]
        lifted += _f4(PROBABILITY_FLOOR) - value if value < _f4(PROBABILITY_FLOOR) else _f4(0)
        negative_entropy += value * logs[j]
        tail += powers[j] if j != given else _f4(0)
        outside = _i4(outside + _outside(bits[j], low, high))
    return total, total + lifted, negative_entropy, tail, outside


@_compiled
def _against_thresholds(p, given, least, shift):
    """Return how many classes are confident, the first of them, and the greatest shifted value of the other classes."""
    n_classes = _i4(len(p))
    reached = _i4(0)
    first = n_classes
    shifted = _i4(0)
    for j in range(n_classes):
        is_reached = p[j] >= least[j]
        reached = _i4(reached + _i4(is_reached))
        found = _i4(j) if is_reached else n_classes
        first = found if found < first else first
        moved = _f4(_f4(p[j]) + shift[j]).view(_i4) if j != given else _i4(0)
        shifted = moved if moved > shifted else shifted
    return reached, first, _i4(shifted).view(_f4)  # numba wants the cast before a view


@_compiled
def _reduce(p, bits, labels, least, shift, shift_sum, low, high, tolerance, out):
    """Reduce all rows; return the first that may hold no probabilities, −1 if there is none."""
    doubtful = -1
    n_classes = p.shape[1]
    values = p.reshape(-1)
    block = max(1, _BLOCK // n_classes) * n_classes
    logs = np.empty(block, dtype=np.float32)
    powers = np.empty(block, dtype=np.float32)
    for i in range(len(p)):
        row = p[i]
        at = i * n_classes % block
        if at == 0:
            _logs_and_powers(values[i * n_classes : i * n_classes + block], logs, powers)
        span = slice(at, at + n_classes)
        total, clipped_total, negative_entropy, tail, outside = _sums(
            row, bits[i], logs[span], powers[span], labels[i], low, high
        )
        reached, first, shifted = _against_thresholds(row, labels[i], least, shift)
        top = _best_but(bits[i], -1)
        second = _best_but(bits[i], top)
        other = second if top == labels[i] else top
        given = max(labels[i], 0)
        log_total = math.log(clipped_total)
        out.p_given[i] = row[given]
        out.other[i] = other
        out.p_other[i] = row[other]
        out.top[i] = top
        out.second[i] = second
        out.p_top[i] = row[top]
        out.p_second[i] = row[second]
        out.entropy[i] = max(-negative_entropy, _f4(0))
        out.log_given[i] = math.log(max(row[given], PROBABILITY_FLOOR)) - log_total
        out.log_other[i] = math.log(max(row[other], PROBABILITY_FLOOR)) - log_total
        out.tail[i] = max(math.log(tail / powers[at + other]), 0.0) / TAIL_POWER
        out.confident[i] = -1 if reached == 0 else (first if reached == 1 else top)
        out.adjusted_given[i] = (row[given] + shift[given]) / (total + shift_sum)
        out.adjusted_other[i] = shifted / (total + shift_sum)
        if doubtful < 0 and (outside > 0 or not abs(total - 1.0) <= tolerance):
            doubtful = i
    return doubtful


@_compiled
def _entropies(p, bits, low, high, tolerance, out):
    """Write each row's entropy; return the first row that may hold no probabilities, −1 if there is none."""
    doubtful = -1
    for i in range(len(p)):
        total = 0.0
        negative_entropy = _f4(0)
        outside = _i4(0)
        for j in range(p.shape[1]):
            value = _f4(p[i, j])
            pattern = value.view(_i4)
            total += p[i, j]
            negative_entropy += value * _log(pattern if pattern > _TINY else _TINY)
            outside = _i4(outside + _outside(bits[i, j], low, high))
        out[i] = max(-negative_entropy, _f4(0))
        if doubtful < 0 and (outside > 0 or not abs(total - 1.0) <= tolerance):
            doubtful = i
    return doubtful
