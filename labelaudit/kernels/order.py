"""Sorting a million rows without waiting for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labelaudit.threads import available_cores, in_blocks, on_threads

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["order_downwards"]

_WORTH_A_THREAD = 100_000  # keys


def order_downwards(
    scores: NDArray[np.float64], ids: NDArray[np.object_] | None = None, *, threads: int | None = None
) -> NDArray[np.intp]:
    """Return the indices that sort scores downwards, NaN last, and equal scores by id.

    NumPy sorts integers with vector instructions but has no such argsort. So the leading bits of each score, in an
    order-keeping form, and its row number are packed in one integer and sorted together. The few places whose leading
    bits are equal are put right afterwards, and ids are looked at only there.

    Parameters
    ----------
    scores : (n,) float64
        What to sort by.
    ids : (n,) array of str, optional
        Order equal scores, and NaN; without ids these keep the order of the rows.
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
    n = len(scores)
    row_bits = np.int64((1 << max(n - 1, 0).bit_length()) - 1)
    keys = in_blocks(lambda rows: _packed(scores, rows, row_bits), n, threads, np.int64)
    _sort(keys, threads or available_cores())
    follows = np.flatnonzero(in_blocks(lambda places: _leads_as_before(keys, places, row_bits), n, threads, bool))
    keys &= row_bits
    order = keys.astype(np.intp, copy=False)
    unsure = np.union1d(follows, follows - 1)
    members = order[unsure]
    exact = _ascending(scores[members])
    order[unsure] = members[np.argsort(exact, kind="stable") if ids is None else np.lexsort((ids[members], exact))]
    return order


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


def _leads_as_before(keys: NDArray[np.int64], places: slice, row_bits: np.int64) -> NDArray[np.bool_]:
    """Tell where a key has the leading bits of the one before it."""
    first = max(places.start, 1)
    found = (keys[first : places.stop] ^ keys[first - 1 : places.stop - 1]) <= row_bits
    return found if places.start else np.append(False, found)[: places.stop]


def _sort(keys: NDArray[np.int64], threads: int) -> None:
    """Sort in place: what is divided at the median is sorted on a thread each."""
    if threads == 1 or len(keys) < _WORTH_A_THREAD:
        keys.sort()
        return
    middle = len(keys) // 2
    keys.partition(middle)
    for _ in on_threads(lambda half: _sort(half, threads // 2), [keys[:middle], keys[middle:]], 2):
        pass
