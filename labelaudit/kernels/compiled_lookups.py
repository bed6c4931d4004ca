"""The lookups compiled: without the GIL and without temporaries, the bits of :mod:`labelaudit.kernels.lookups`.

Importing this module imports numba, so it is imported where there is enough data to be worth it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labelaudit.kernels import lookups
from labelaudit.kernels.compiling import compiled, inlined, read_only
from labelaudit.kernels.lookups import (
    LIMB_BITS,
    MIX_FACTOR,
    ONE_LEADS,
    RATIO_BINS,
    SECOND_FACTOR,
    TIE,
    TINY,
    TOP_FACTOR,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labelaudit.kernels.lookups import ConfusionTables, MarginPlan, Span
    from labelaudit.kernels.row_statistics import RowStatistics

__all__ = [
    "add_confidence",
    "count_confusions",
    "count_pairs",
    "count_ratios",
    "count_reaching",
    "count_sure",
    "mark_contradicted",
    "mark_hashed",
    "mark_off_diagonal",
    "take_given",
    "take_margins",
    "take_ratios",
]

_LIMB = 2.0**LIMB_BITS
_AT_ONCE = 2048  # rows, of which what is found stays in the cache


def take_given(out: NDArray[np.floating], labels: NDArray[np.int32], pred_probs: NDArray[np.floating]) -> None:
    """Look up the given probabilities; parameters as :func:`labelaudit.kernels.lookups.take_given`."""
    if pred_probs.flags.c_contiguous:
        _take_given(out, read_only(labels), read_only(pred_probs))
    else:  # to copy all columns for one value of each row is worse than to wait
        lookups.take_given(out, labels, pred_probs)


def add_confidence(sums: NDArray[np.int64], labels: NDArray[np.int32], p_given: NDArray[np.floating]) -> None:
    """Add up counts and confidences; parameters as :func:`labelaudit.kernels.lookups.add_confidence`."""
    _add_confidence(sums, read_only(labels), read_only(p_given))


def count_pairs(cells: NDArray[np.int64], first: NDArray[np.int32], second: NDArray[np.int32]) -> None:
    """Count pairs of classes; parameters as :func:`labelaudit.kernels.lookups.count_pairs`."""
    _count_pairs(cells, read_only(first), read_only(second))


def count_ratios(counts: NDArray[np.int64], rows: RowStatistics) -> None:
    """Count ratios of the two best; parameters as :func:`labelaudit.kernels.lookups.count_ratios`."""
    used = (rows.given, rows.top, rows.second, rows.p_top, rows.p_second)
    _count_ratios(counts, *(read_only(array) for array in used))


def take_ratios(
    rows: RowStatistics, agreeing: Span, contradicted: Span
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Return ratios of some bins; parameters and result as :func:`labelaudit.kernels.lookups.take_ratios`."""
    found, others = np.empty_like(rows.p_top), np.empty_like(rows.p_top)
    used = (rows.given, rows.top, rows.p_top, rows.p_second)
    n, n_others = _take_ratios(found, others, *agreeing, *contradicted, *(read_only(array) for array in used))
    return found[:n], others[:n_others]


def count_reaching(counts: NDArray[np.int64], rows: RowStatistics, bounds: NDArray[np.float64]) -> None:
    """Count rows that reach bounds; parameters as :func:`labelaudit.kernels.lookups.count_reaching`."""
    used = (bounds, rows.given, rows.top, rows.p_top)
    _count_reaching(counts, *(read_only(array) for array in used))


def count_sure(counts: NDArray[np.int64], rows: RowStatistics, bounds: NDArray[np.floating]) -> None:
    """Count rows by how sure the model is; parameters as :func:`labelaudit.kernels.lookups.count_sure`."""
    _count_sure(counts, *(read_only(array) for array in (bounds, rows.given, rows.top, rows.p_top)))


def count_confusions(tables: ConfusionTables, rows: RowStatistics, up_to: float) -> None:
    """Count confusions; parameters as :func:`labelaudit.kernels.lookups.count_confusions`."""
    used = (rows.given, rows.top, rows.second, rows.p_top, rows.p_second)
    _count_confusions(*tables, up_to, *(read_only(array) for array in used))


def mark_contradicted(out: NDArray[np.bool_], rows: RowStatistics) -> None:
    """Mark contradicted labels; parameters as :func:`labelaudit.kernels.lookups.mark_contradicted`."""
    used = (rows.given, rows.other, rows.p_given, rows.p_other)
    _mark_contradicted(out, *(read_only(array) for array in used))


def mark_off_diagonal(out: NDArray[np.bool_], rows: RowStatistics) -> None:
    """Mark labels off the diagonal; parameters as :func:`labelaudit.kernels.lookups.mark_off_diagonal`."""
    used = (rows.given, rows.other, rows.p_given, rows.p_other, rows.confident)
    _mark_off_diagonal(out, *(read_only(array) for array in used))


def mark_hashed(
    out: NDArray[np.bool_], p_top: NDArray[np.floating], p_second: NDArray[np.floating], bound: np.uint64
) -> None:
    """Mark rows of small hashes; parameters as :func:`labelaudit.kernels.lookups.mark_hashed`."""
    _mark_hashed(out, read_only(p_top), read_only(p_second), bound)


def take_margins(
    out: NDArray[np.floating],
    rows: slice,
    labels: NDArray[np.int32],
    pred_probs: NDArray[np.floating],
    plan: MarginPlan,
) -> None:
    """Read margins; parameters as :func:`labelaudit.kernels.lookups.take_margins`."""
    if pred_probs.flags.c_contiguous:
        wanted = (read_only(array) for array in plan._replace(place=plan.place[rows]))
        _take_margins(out, read_only(labels), read_only(pred_probs), *wanted)
    else:
        lookups.take_margins(out, rows, labels, pred_probs, plan)


@compiled
def _take_given(out, labels, p):
    for i in range(len(labels)):
        value = p[i, max(labels[i], 0)]
        bounded = value if value > 0 else p.dtype.type(0)  # NaN is not
        out[i] = bounded if bounded < 1 else p.dtype.type(1)


@inlined
def _add(sums, k, p):
    """Add a probability to the count and the two limbs of a sum."""
    scaled = np.float64(p) * _LIMB
    high = np.floor(scaled)
    sums[0, k] += 1
    sums[1, k] += np.int64(high)
    sums[2, k] += np.int64(np.rint((scaled - high) * _LIMB))


@compiled
def _add_confidence(sums, labels, p_given):
    for i in range(len(labels)):
        if labels[i] >= 0:
            _add(sums, labels[i], p_given[i])


@inlined
def _ratio(p_top, p_second, tiny):
    return (p_second if p_second > tiny else tiny) / (p_top if p_top > tiny else tiny)


@compiled
def _count_ratios(counts, given, top, second, p_top, p_second):
    tiny = p_top.dtype.type(TINY)
    for i in range(len(given)):
        ratio = np.float32(_ratio(p_top[i], p_second[i], tiny))
        place = min(ONE_LEADS - (ratio.view(np.int32) >> 16), RATIO_BINS - 1)
        row = np.int64(given[i] != top[i]) * (2 - np.int64(given[i] == second[i]))
        counts[row, place] += 1


@compiled
def _take_ratios(found, others, low, high, other_low, other_high, given, top, p_top, p_second):
    n, n_others = np.int64(0), np.int64(0)
    ratios, wanted = np.empty(_AT_ONCE, p_top.dtype), np.empty(_AT_ONCE, np.int32)
    tiny = p_top.dtype.type(TINY)
    for start in range(0, len(given), _AT_ONCE):
        size = min(_AT_ONCE, len(given) - start)
        for i in range(size):
            ratios[i] = _ratio(p_top[start + i], p_second[start + i], tiny)
        for i in range(size):  # in a loop of its own, of which LLVM makes vectors and not branches
            ratio, differs = np.float32(ratios[i]), np.int32(given[start + i] != top[start + i])
            is_in, is_other = (ratio >= low) & (ratio < high), (ratio >= other_low) & (ratio < other_high)
            wanted[i] = np.int32(np.int32(is_in) & (differs ^ np.int32(1))) + np.int32(np.int32(is_other) & differs)
        for i in range(size):
            if wanted[i]:
                if given[start + i] == top[start + i]:
                    found[n] = ratios[i]
                    n += 1
                else:
                    others[n_others] = ratios[i]
                    n_others += 1
    return n, n_others


@compiled
def _count_reaching(counts, bounds, given, top, p_top):
    n_differ, n_reach, n_both = np.int64(0), np.int64(0), np.int64(0)
    for i in range(len(given)):  # not into the table, where each would wait for the one before
        differs, reaches = np.int64(top[i] != given[i]), np.int64(p_top[i] >= bounds[top[i]])
        n_differ += differs
        n_reach += reaches
        n_both += differs & reaches
    counts[0, 0] += len(given) - n_differ - n_reach + n_both
    counts[0, 1] += n_reach - n_both
    counts[1, 0] += n_differ - n_both
    counts[1, 1] += n_both


@compiled
def _count_sure(counts, bounds, given, top, p_top):
    n_differ, n_least, n_confident, n_surest = np.int64(0), np.int64(0), np.int64(0), np.int64(0)
    least_differ, confident_differ, surest_differ = np.int64(0), np.int64(0), np.int64(0)
    for i in range(len(given)):
        differs, least = np.int64(given[i] != top[i]), np.int64(p_top[i] <= bounds[0])
        confident, surest = np.int64(p_top[i] >= bounds[1]), np.int64(p_top[i] >= bounds[2])
        n_differ += differs
        n_least += least
        n_confident += confident
        n_surest += surest
        least_differ += least & differs
        confident_differ += confident & differs
        surest_differ += surest & differs
    found = (len(given), n_differ), (n_least, least_differ), (n_confident, confident_differ), (n_surest, surest_differ)
    counts += np.array(found)


@compiled
def _count_confusions(labels, seen, foreseen, rest, up_to, given, top, second, p_top, p_second):
    zero, one = p_top.dtype.type(0), p_top.dtype.type(1)
    chosen = np.empty(_AT_ONCE, np.int64)
    for start in range(0, len(given), _AT_ONCE):
        n = np.int64(0)
        for i in range(start, min(start + _AT_ONCE, len(given))):  # a branch would be foreseen wrongly half of the time
            labels[given[i]] += 1
            chosen[n] = i
            n += np.int64(p_top[i] <= up_to)
        for i in chosen[:n]:
            seen[top[i], given[i]] += 1
            _add(foreseen, top[i] * len(seen) + second[i], p_second[i])
            _add(rest, top[i], max(one - p_top[i] - p_second[i], zero))


@inlined
def _contradicted(given, other, p_given, p_other, tie):
    lifted = p_given + tie
    return (given >= 0) & ((lifted < p_other) | ((lifted == p_other) & (given > other)))


@compiled
def _mark_contradicted(out, given, other, p_given, p_other):
    tie = p_given.dtype.type(TIE)
    for i in range(len(out)):
        out[i] = _contradicted(given[i], other[i], p_given[i], p_other[i], tie)


@compiled
def _mark_off_diagonal(out, given, other, p_given, p_other, confident):
    tie = p_given.dtype.type(TIE)
    for i in range(len(out)):
        out[i] = (confident[i] >= 0) & (confident[i] != given[i])
    for i in range(len(out)):
        out[i] &= _contradicted(given[i], other[i], p_given[i], p_other[i], tie)


@compiled
def _mark_hashed(out, p_top, p_second, bound):
    for i in range(len(out)):
        state = np.float64(p_top[i]).view(np.uint64) * TOP_FACTOR
        state += np.float64(p_second[i]).view(np.uint64) * SECOND_FACTOR
        state ^= state >> np.uint64(30)
        state *= MIX_FACTOR
        out[i] = state ^ (state >> np.uint64(31)) <= bound


@compiled
def _count_pairs(cells, first, second):
    for i in range(len(first)):
        if first[i] >= 0 and second[i] >= 0:
            cells[first[i], second[i]] += 1


@compiled
def _take_margins(out, labels, p, place, columns, first, width, stride):
    for i in range(len(labels)):
        if place[i] >= 0:
            k = labels[i]
            for t in range(width[k]):
                out[place[i] + t * stride[k]] = p[i, k] - p[i, columns[first[k] + t]]
