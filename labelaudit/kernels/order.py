"""Sorting a million rows without waiting for it."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from labelaudit.threads import available_cores, in_blocks, on_threads

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["order_downwards"]

_WORTH_A_THREAD = 100_000  # keys


def order_downwards(
    scores: NDArray[np.float64],
    ids: NDArray[np.object_] | None = None,
    *,
    compiled: bool = False,
    threads: int | None = None,
) -> NDArray[np.intp]:
    """Return the indices that sort scores downwards, NaN last, and equal scores by id.

    NumPy sorts integers with vector instructions but has no such argsort. So the leading bits of each score, in an
    order-keeping form, and its row number are packed in one integer and sorted together, in parts that lie one after
    the other, on a thread each. The few places whose leading bits are equal are put right afterwards, and ids are
    looked at only there.

    Parameters
    ----------
    scores : (n,) float64
        What to sort by.
    ids : (n,) array of str, optional
        Order equal scores, and NaN; without ids these keep the order of the rows.
    compiled : bool
        Whether there is enough data for compiled code to divide it. Never changes the result.
    threads : int, optional
        Default: one for each core. Never changes the result.

    Returns
    -------
    (n,) intp

    Examples
    --------
    >>> order_downwards(np.array([0.1, 0.5, np.nan, 0.5]), np.array(["a", "c", "d", "b"], dtype=object)).tolist()
    [3, 1, 0, 2]
    """
    if len(scores) == 0:
        return np.zeros(0, dtype=np.intp)
    row_bits = np.int64((1 << max(len(scores) - 1, 0).bit_length()) - 1)
    threads = threads or available_cores()
    keys, parts = (_divide_compiled if compiled else _divide)(scores, row_bits, threads)

    def sort(part: slice) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
        """Sort a part and leave the numbers of its rows; return where leading bits are those before, and both ends."""
        mine = keys[part]
        mine.sort()
        follows, ends = np.flatnonzero((mine[1:] ^ mine[:-1]) <= row_bits), mine[[0, -1]]
        mine &= row_bits
        return part.start + 1 + follows, ends

    found, ends = zip(*on_threads(sort, parts, threads), strict=True)
    starts = np.array([part.start for part in parts[1:]], dtype=np.intp)
    meets = np.array([first ^ last for (_, last), (first, _) in pairwise(ends)], dtype=np.int64) <= row_bits
    follows = np.concatenate([*found, starts[meets]])
    unsure = np.union1d(follows, follows - 1)
    order = keys.astype(np.intp, copy=False)
    members = order[unsure]
    exact = _ascending(scores[members])
    order[unsure] = members[np.argsort(exact, kind="stable") if ids is None else np.lexsort((ids[members], exact))]
    return order


def _divide_compiled(
    scores: NDArray[np.float64], row_bits: np.int64, threads: int
) -> tuple[NDArray[np.int64], list[slice]]:
    from labelaudit.kernels.compiled_order import divided_keys

    return divided_keys(scores, row_bits, threads)


def _divide(scores: NDArray[np.float64], row_bits: np.int64, threads: int) -> tuple[NDArray[np.int64], list[slice]]:
    """Return keys and the parts they are divided into at their medians, one for each thread where that is worth it."""
    keys = in_blocks(lambda rows: _packed(scores, rows, row_bits), len(scores), threads, np.int64)
    parts = [slice(0, len(keys))]
    while 2 * len(parts) <= threads and len(keys) >= _WORTH_A_THREAD * len(parts):
        parts = [half for halves in on_threads(lambda part: _halved(keys, part), parts, threads) for half in halves]
    return keys, parts


def _halved(keys: NDArray[np.int64], part: slice) -> tuple[slice, slice]:
    middle = (part.stop - part.start) // 2
    keys[part].partition(middle)
    return slice(part.start, part.start + middle), slice(part.start + middle, part.stop)


def _packed(scores: NDArray[np.float64], rows: slice, row_bits: np.int64) -> NDArray[np.int64]:
    """Return the leading bits of scores and, in place of the others, the numbers of their rows."""
    keys = _ascending(scores[rows])
    keys &= ~row_bits
    keys |= np.arange(rows.start, rows.stop)
    return keys


def _ascending(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return integers in the reverse order of the scores: the greatest for NaN, the same for both zeros."""
    bits = np.fmin(0.0 - scores, np.inf).view(np.int64)
    keys = bits >> 63
    keys &= np.int64(2**63 - 1)
    keys ^= bits  # those of floats below 0 are ordered backwards
    return keys
