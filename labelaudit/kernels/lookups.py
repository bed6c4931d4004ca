"""What is looked up in rows or counted over them, in NumPy; :mod:`labelaudit.kernels.compiled_lookups` does the same.

There is hardly any arithmetic in these, and what is added up are integers, so both give the same bits. NumPy's own
functions keep the interpreter to themselves while they index or count: on threads they wait for each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labelaudit.kernels.row_statistics import RowStatistics

    Span = tuple[np.float32, np.float32]
    _Ratios = NDArray[np.floating]

__all__ = [
    "LIMB_BITS",
    "RATIO_BINS",
    "ConfusionTables",
    "MarginPlan",
    "add_confidence",
    "count_confusions",
    "count_pairs",
    "count_ratios",
    "count_reaching",
    "count_sure",
    "from_limbs",
    "log_ratios",
    "mark_contradicted",
    "mark_hashed",
    "mark_off_diagonal",
    "row_hashes",
    "span_of_bins",
    "take_given",
    "take_margins",
    "take_ratios",
]

LIMB_BITS = 31
"""Confidences are added up as two integers of so many bits: exact to 2^-62 for 2^32 rows of one class."""

RATIO_BINS = 22 * 128 + 1
"""Bins of a ratio of probabilities, from 1 down to 2^-22, and one for what is below: 128 for each halving."""

ONE_LEADS, TINY = 0x3F80, np.float32(1e-30)  # the leading half of a float32 1; the least number to divide by
TIE = 1e-6  # a given label this close to the best class counts as predicted
TOP_FACTOR, SECOND_FACTOR = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9)
MIX_FACTOR = np.uint64(0x94D049BB133111EB)
_ADDED_AT_ONCE = 2**15  # stay in the cache; float64, in which bincount adds, is exact for 2^22
_PIECE = 100_000  # margins computed together: their temporaries stay in the cache


class ConfusionTables(NamedTuple):
    """Counts and sums by class and by pair of classes.

    Attributes
    ----------
    labels : (K,) int64
        Rows of each given class.
    seen : (K, K) int64
        Rows of each predicted and given class.
    foreseen : (3, K²) int64
        By predicted and second-best class: as in :func:`add_confidence`, of the probability of the latter.
    rest : (3, K) int64
        By predicted class: the same, of the probability of all but the two best classes.
    """

    labels: NDArray[np.int64]
    seen: NDArray[np.int64]
    foreseen: NDArray[np.int64]
    rest: NDArray[np.int64]

    @classmethod
    def zeros(cls, k: int) -> ConfusionTables:
        """Return empty tables of `k` classes."""
        return cls(*(np.zeros(shape, dtype=np.int64) for shape in (k, (k, k), (3, k * k), (3, k))))


class MarginPlan(NamedTuple):
    """Which margins to read of which rows, and where they go.

    The margins of a class lie together, one true class after the other, each with all rows of the class.

    Attributes
    ----------
    place : (n,) int64
        Where a row's first margin goes, −1 where none is wanted.
    columns : (m,) int64
        The true classes that are wanted, those of one given class together.
    first, width, stride : (K,) int64
        Of each given class: where its true classes begin in `columns`, how many they are, and how far a row's margins
        lie from each other, which is the number of rows of the class.
    """

    place: NDArray[np.int64]
    columns: NDArray[np.int64]
    first: NDArray[np.int64]
    width: NDArray[np.int64]
    stride: NDArray[np.int64]


def take_given(out: NDArray[np.floating], labels: NDArray[np.int32], pred_probs: NDArray[np.floating]) -> None:
    """Write each row's probability of its given label, forced into 0..1; anything in 0..1 where unlabelled.

    Parameters
    ----------
    out : (b,) float
        Overwritten.
    labels : (b,) int32
        Given labels, −1 where unlabelled.
    pred_probs : (b, K) float
        Probabilities; NaN gives 0.
    """
    out[:] = pred_probs[np.arange(len(labels)), labels]
    np.fmin(np.fmax(out, 0.0, out=out), 1.0, out=out)


def add_confidence(sums: NDArray[np.int64], labels: NDArray[np.int32], p_given: NDArray[np.floating]) -> None:
    """Add rows to the count and the confidence of their given class; unlabelled rows count nowhere.

    Parameters
    ----------
    sums : (3, K) int64
        Number of rows of each class, and the sum of their probabilities as multiples of 2^-31 and of 2^-62.
    labels : (b,) int32
        Given labels, −1 where unlabelled.
    p_given : (b,) float in 0..1
        Probability of the given label.
    """
    n_classes = sums.shape[1]
    for start in range(0, len(labels), _ADDED_AT_ONCE):
        part = slice(start, start + _ADDED_AT_ONCE)
        index = labels[part].astype(np.intp) + 1  # unlabelled rows come first
        scaled = p_given[part].astype(np.float64) * 2.0**LIMB_BITS
        high = np.floor(scaled)
        low = np.rint((scaled - high) * 2.0**LIMB_BITS)
        for row, limb in enumerate((None, high, low)):
            sums[row] += np.bincount(index, limb, minlength=n_classes + 1)[1:].astype(np.int64)


def from_limbs(limbs: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return sums, (m,), of which the (2, m) multiples of 2^-31 and of 2^-62 are given."""
    high, low = limbs.astype(np.float64)
    total: NDArray[np.float64] = high * 2.0**-LIMB_BITS + low * 2.0 ** -(2 * LIMB_BITS)
    return total


def count_pairs(cells: NDArray[np.int64], first: NDArray[np.int32], second: NDArray[np.int32]) -> None:
    """Count pairs of classes; rows with −1 in either do not count.

    Parameters
    ----------
    cells : (K, K) int64
        Counts, which are added to.
    first, second : (n,) int32
        Classes.
    """
    known = (first >= 0) & (second >= 0)
    pairs = first[known].astype(np.int64) * len(cells) + second[known]
    cells += np.bincount(pairs, minlength=cells.size).reshape(cells.shape)


def count_ratios(counts: NDArray[np.int64], rows: RowStatistics) -> None:
    """Count rows by the ratio of their two best classes' probabilities, the second to the first.

    The leading half of a float32 is a bin whose width is nearly the same in logarithms, and costs none.

    Parameters
    ----------
    counts : (3, RATIO_BINS) int64
        Rows labelled with the best, with the second-best and with another class, which are added to; see
        :func:`log_ratios`.
    rows : RowStatistics
        Of `n` items.
    """
    place = ONE_LEADS - (_ratios(rows).astype(np.float32, copy=False).view(np.int32) >> 16)
    place = np.minimum(place, RATIO_BINS - 1).astype(np.intp)
    place += RATIO_BINS * np.where(rows.given == rows.top, 0, np.where(rows.given == rows.second, 1, 2))
    counts += np.bincount(place, minlength=counts.size).reshape(counts.shape)


def take_ratios(rows: RowStatistics, agreeing: Span, contradicted: Span) -> tuple[_Ratios, _Ratios]:
    """Return the ratios that :func:`count_ratios` counts in some bins.

    Parameters
    ----------
    rows : RowStatistics
        Of `n` items.
    agreeing, contradicted : (float32, float32)
        What ratios begin with and stay below, of rows that are labelled with the best class, and of others; see
        :func:`span_of_bins`.

    Returns
    -------
    (a,) float, (c,) float
        In the order of the rows.
    """
    ratio, agrees = _ratios(rows), rows.given == rows.top
    single = ratio.astype(np.float32, copy=False)
    chosen = [(single >= low) & (single < high) for low, high in (agreeing, contradicted)]
    return ratio[chosen[0] & agrees], ratio[chosen[1] & ~agrees]


def span_of_bins(first: int, last: int) -> Span:
    """Return the least ratio, in float32, of some bins, and what all their ratios are below."""
    low, high = (np.array([ONE_LEADS - last, ONE_LEADS - first + 1], dtype=np.int32) << 16).view(np.float32)
    return (low if last < RATIO_BINS - 1 else np.float32(0)), high


def _ratios(rows: RowStatistics) -> _Ratios:
    found: _Ratios = np.maximum(rows.p_second, TINY) / np.maximum(rows.p_top, TINY)
    return found


def log_ratios() -> NDArray[np.float64]:
    """Return the logarithm of each bin's middle, (RATIO_BINS,), 0 for two equal probabilities."""
    leads = ONE_LEADS - np.arange(RATIO_BINS, dtype=np.int32)
    middles = ((leads << 16) + 2**15).view(np.float32).astype(np.float64)
    return np.minimum(np.log(middles), 0.0)


def count_confusions(tables: ConfusionTables, rows: RowStatistics, up_to: float) -> None:
    """Count the labels that rows of each predicted class have, and add up what the model expected instead.

    Parameters
    ----------
    tables : ConfusionTables
        Added to.
    rows : RowStatistics
        Of `n` labelled items.
    up_to : float
        Rows count whose greatest probability is at most this; labels of all are counted.
    """
    labels, seen, foreseen, rest = tables
    labels += np.bincount(rows.given, minlength=len(labels))
    chosen = np.flatnonzero(rows.p_top <= up_to)  # places select faster than flags
    top, p_second = rows.top[chosen], rows.p_second[chosen]
    count_pairs(seen, top, rows.given[chosen])
    add_confidence(foreseen, top * np.int32(len(seen)) + rows.second[chosen], p_second)
    add_confidence(rest, top, np.maximum(1 - rows.p_top[chosen] - p_second, 0))


def count_reaching(counts: NDArray[np.int64], rows: RowStatistics, bounds: NDArray[np.float64]) -> None:
    """Count rows that are labelled with the most likely class or not, and that reach a bound or not.

    Parameters
    ----------
    counts : (2, 2) int64
        Rows by whether their label is another than the most likely class, and by whether the probability of the latter
        is at least the bound; added to.
    rows : RowStatistics
        Of `n` labelled items.
    bounds : (K,) float64
        By most likely class.
    """
    differs, reaches = rows.top != rows.given, rows.p_top >= bounds[rows.top]
    counts += np.bincount(2 * differs + reaches, minlength=4).reshape(2, 2)


def count_sure(counts: NDArray[np.int64], rows: RowStatistics, bounds: NDArray[np.floating]) -> None:
    """Count rows, and of these the ones labelled with another than the most likely class, by how sure the model is.

    Parameters
    ----------
    counts : (4, 2) int64
        Of all rows, of those whose greatest probability is at most the first bound, at least the second, and at least
        the third; added to.
    rows : RowStatistics
        Of `n` labelled items.
    bounds : (3,) float
        In the precision of the rows.
    """
    p_top, differs = rows.p_top, rows.top != rows.given
    bounded = p_top <= bounds[0], p_top >= bounds[1], p_top >= bounds[2]
    some = [(np.count_nonzero(chosen), np.count_nonzero(differs & chosen)) for chosen in bounded]
    counts += np.array([(len(p_top), np.count_nonzero(differs)), *some], dtype=np.int64)


def mark_contradicted(out: NDArray[np.bool_], rows: RowStatistics) -> None:
    """Tell where the given label is neither predicted nor within 1e-6 of what is; never where there is no label.

    Parameters
    ----------
    out : (n,) bool
        Overwritten.
    rows : RowStatistics
        Of `n` items.
    """
    lifted = rows.p_given + rows.p_given.dtype.type(TIE)
    behind = (lifted < rows.p_other) | ((lifted == rows.p_other) & (rows.given > rows.other))
    np.logical_and(behind, rows.given >= 0, out=out)


def mark_off_diagonal(out: NDArray[np.bool_], rows: RowStatistics) -> None:
    """Tell where another class than the given label is confident, and the label is contradicted.

    Parameters
    ----------
    out : (n,) bool
        Overwritten.
    rows : RowStatistics
        Of `n` items.
    """
    mark_contradicted(out, rows)
    out &= (rows.confident >= 0) & (rows.confident != rows.given)


def mark_hashed(
    out: NDArray[np.bool_], p_top: NDArray[np.floating], p_second: NDArray[np.floating], bound: np.uint64
) -> None:
    """Tell which rows have a hash up to `bound`.

    Parameters
    ----------
    out : (n,) bool
        Overwritten.
    p_top, p_second : (n,) float
        Probabilities of the two best classes.
    bound : uint64
        The greatest hash that is marked.
    """
    np.less_equal(row_hashes(p_top, p_second), bound, out=out)


def row_hashes(p_top: NDArray[np.floating], p_second: NDArray[np.floating]) -> NDArray[np.uint64]:
    """Return a hash of each row: its bits times odd numbers, mixed as by SplitMix64 (Steele, Lea and Flood 2014)."""
    state = p_top.astype(np.float64).view(np.uint64) * TOP_FACTOR
    state += p_second.astype(np.float64).view(np.uint64) * SECOND_FACTOR
    state ^= state >> np.uint64(30)
    state *= MIX_FACTOR
    state ^= state >> np.uint64(31)
    return state


def take_margins(
    out: NDArray[np.floating],
    rows: slice,
    labels: NDArray[np.int32],
    pred_probs: NDArray[np.floating],
    plan: MarginPlan,
) -> None:
    """Write the margins ``p_given − p_true`` of the rows of a chunk.

    Parameters
    ----------
    out : (m,) float
        Margins of all chunks.
    rows : slice
        Rows of the chunk.
    labels : (b,) int32
        Their given labels.
    pred_probs : (b, K) float
        Their probabilities.
    plan : MarginPlan
        What is wanted of all rows.
    """
    place = plan.place[rows]
    wanted = np.flatnonzero(place >= 0)
    step = max(1, _PIECE // int(plan.width.max()))
    for start in range(0, len(wanted), step):
        part = wanted[start : start + step]
        given = labels[part]
        widths = plan.width[given]
        number = np.arange(widths.sum()) - np.repeat(np.cumsum(widths) - widths, widths)
        true = plan.columns[np.repeat(plan.first[given], widths) + number]
        margins = np.repeat(pred_probs[part, given], widths) - pred_probs[np.repeat(part, widths), true]
        out[np.repeat(place[part], widths) + number * np.repeat(plan.stride[given], widths)] = margins
